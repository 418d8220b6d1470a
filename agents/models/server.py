"""A vLLM server of our own: started on a checkpoint when first needed, spoken to as an endpoint, ended always."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any, ClassVar

import aiohttp

from ...trajectories.errors import Fault, MissingPart, UsageError
from ...trajectories.record import Message, Reply
from .endpoint import SECRETS, Endpoint, EndpointOptions
from .template import digest_of_folder

PYTHON = "AGENTBANK_VLLM_PYTHON"
WARDEN = Path(__file__).with_name("warden.py")
_HUB = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class VllmOptions(EndpointOptions):
    """An endpoint's options, and how to start the server."""

    args: str = ""
    """More arguments for the server, such as ``--max-model-len 4096 --dtype float32``."""
    startup: float = 900.0
    """Seconds until the server must answer ``/health``."""

    def __post_init__(self) -> None:
        """Check the ranges; the address is the server's own."""
        EndpointOptions.__post_init__(self)
        if self.base_url:
            raise ValueError("vllm: starts its own server; speak to a running one with openai:NAME and base_url")


class Vllm:
    """One vLLM server process on one checkpoint, shared by all episodes in flight.

    The server runs in its own Python environment: ``$AGENTBANK_VLLM_PYTHON`` (a Python that has vllm), else the
    program ``vllm`` on PATH. It listens on a free port of 127.0.0.1, and a warden process ends it with us, even when we
    are killed.
    """

    Options: ClassVar[type[Any]] = VllmOptions

    def __init__(self, folder: str, options: VllmOptions | None = None) -> None:
        """Find checkpoint and program; the server is started by the first call.

        Raises:
            UsageError: neither a folder nor a hub id.
            MissingPart: no vLLM here.
        """
        if not Path(folder).is_dir() and not _HUB.fullmatch(folder):
            raise UsageError(f"vllm:{folder}: no such checkpoint folder (and no hub id such as org/name)")
        self.name = folder
        self.options = options = options or VllmOptions()
        self.template = digest_of_folder(Path(folder))
        self._program = _program()
        shown = {field.name: getattr(options, field.name) for field in fields(EndpointOptions)}
        self._shared = shown
        self.sampling: Mapping[str, Any] = Endpoint(folder, EndpointOptions(**shown)).sampling
        self._warden: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._endpoint: Endpoint | None = None
        self._starting = asyncio.Lock()

    @classmethod
    def load(cls, name: str, options: VllmOptions) -> Vllm:
        """``vllm:FOLDER`` or ``vllm:org/name``."""
        return cls(name, options)

    async def complete(
        self,
        chat: Sequence[Message],
        *,
        max_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """As `Endpoint.complete`, once the server is up.

        Raises:
            ContextOverflow: the chat does not fit the model's window.
            Fault: the server did not come up, ended, or gave no good answer (boundary "model").
        """
        endpoint = self._endpoint or await self._start()
        self._alive()
        try:
            return await endpoint.complete(chat, max_tokens=max_tokens, seed=seed, stop=stop)
        except Fault:
            self._alive()
            raise

    async def close(self) -> None:
        """End the server and wait until it is gone."""
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            await endpoint.close()
        await asyncio.to_thread(self._end)

    async def _start(self) -> Endpoint:
        async with self._starting:
            if self._endpoint is not None:
                return self._endpoint
            if self._warden is not None:
                # It failed to come up before; telling so again beats starting it once per episode.
                raise Fault("model", f"the vLLM server for {self.name} did not come up: {self._tail()}")
            port = _free_port()
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
            command = [*self._program(self.name), "--host", "127.0.0.1", "--port", str(port)]
            command += ["--served-model-name", self.name, *shlex.split(self.options.args)]
            self._warden = subprocess.Popen(
                [sys.executable, str(WARDEN), *command],
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in os.environ.items() if name not in SECRETS},
                start_new_session=True,
            )
            base = f"http://127.0.0.1:{port}"
            try:
                await self._healthy(base)
            except BaseException:
                await asyncio.to_thread(self._end, keep_log=True)
                raise
            self._endpoint = Endpoint(self.name, EndpointOptions(**self._shared | {"base_url": f"{base}/v1"}))
            return self._endpoint

    def _alive(self) -> None:
        """Refuse to wait for a server that has ended."""
        if self._warden is not None and self._warden.poll() is not None:
            raise Fault("model", f"the vLLM server for {self.name} has ended: {self._tail()}")

    async def _healthy(self, base: str) -> None:
        """Wait until the server answers."""
        limit = time.monotonic() + self.options.startup
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while time.monotonic() < limit:
                self._alive()
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    async with session.get(f"{base}/health") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.1)
        raise Fault(
            "model", f"the vLLM server for {self.name} was not up in {self.options.startup:g} s: {self._tail()}"
        )

    def _end(self, *, keep_log: bool = False) -> None:
        if self._warden is not None:
            assert self._warden.stdin is not None
            self._warden.stdin.close()
            self._warden.wait()
        if not keep_log and self._log is not None:
            self._log.close()
            self._log = self._warden = None

    def _tail(self) -> str:
        """The last lines of the server's output."""
        if self._log is None or self._log.closed:
            return "(no output)"
        size = os.fstat(self._log.fileno()).st_size
        text = os.pread(self._log.fileno(), 2000, max(0, size - 2000)).decode("utf-8", "replace")
        return " | ".join(text.strip().splitlines()[-5:]) or "(no output)"


def _program() -> Callable[[str], list[str]]:
    """How to call vLLM: a function from checkpoint to the head of a command line."""
    python = os.environ.get(PYTHON)
    if python:
        if shutil.which(python) is None:
            raise MissingPart(f"{PYTHON} names {python!r}, which is no program")
        return lambda model: [python, "-m", "vllm.entrypoints.openai.api_server", "--model", model]
    vllm = shutil.which("vllm")
    if vllm is None:
        raise MissingPart(f"no vLLM here: install it in an environment of its own and set {PYTHON} to its Python")
    return lambda model: [vllm, "serve", model]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
