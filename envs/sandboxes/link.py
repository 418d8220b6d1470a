"""The host's end of the pipes to a sandbox: frames out, frames in, never longer than the time that was given."""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from ...trajectories.errors import Fault

MOST = 512 << 20
"""Bytes of one answer at most; a longer one is no answer of ours."""


def frame(head: Mapping[str, Any], blob: bytes) -> bytes:
    """One question as it goes over the pipe: two big-endian 32-bit lengths, a JSON head, a blob."""
    text = json.dumps(head).encode()
    return struct.pack(">II", len(text), len(blob)) + text + blob


def answer(take: Callable[[int], bytes]) -> tuple[dict[str, Any], bytes]:
    """Read one frame with `take(count)`.

    Raises:
        Fault: what came is no frame.
    """
    head, blob = struct.unpack(">II", take(8))
    if head + blob > MOST:
        raise Fault("sandbox", f"the sandbox announced an answer of {head + blob} bytes")
    try:
        return json.loads(take(head)), take(blob)
    except ValueError as error:
        raise Fault("sandbox", f"the sandbox answered with something else than a frame: {error}") from error


class ProcessLink:
    """A sandbox that is a child process of ours, spoken to over its standard input and output."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        pass_fds: Sequence[int] = (),
        first: bytes = b"",
        after: Callable[[], None] | None = None,
        user: int | None = None,
    ) -> None:
        """Start it, as `user` (and the group of that number) where one is named.

        `first` goes before the first question; `after` runs once, when it is closed and its processes are gone.

        Raises:
            Fault: it could not be started.
        """
        self.after, self.first = after, first
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        try:
            self.process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                env=dict(env),
                pass_fds=tuple(pass_fds),
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        except OSError as error:
            self.errors.close()
            if after:
                after()
            raise Fault("sandbox", f"{argv[0]} could not be started: {error}") from error
        assert self.process.stdin and self.process.stdout
        self.to, self.back = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.to, False)
        os.set_blocking(self.back, False)

    def ask(self, head: dict[str, Any], blob: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Send a question, wait at most `seconds` for the answer."""
        end = time.monotonic() + seconds
        rest = memoryview(self.first + frame(head, blob))
        self.first = b""
        while rest:
            self._wait(self.to, select.POLLOUT, end, head)
            try:
                rest = rest[os.write(self.to, rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._gone() from None
        return answer(lambda count: self._take(count, end, head))

    def _take(self, count: int, end: float, head: dict[str, Any]) -> bytes:
        parts: list[bytes] = []
        while count:
            self._wait(self.back, select.POLLIN, end, head)
            part = os.read(self.back, min(count, 1 << 20))
            if not part:
                raise self._gone()
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _wait(self, fd: int, event: int, end: float, head: dict[str, Any]) -> None:
        poller = select.poll()
        poller.register(fd, event)
        if not poller.poll(max(0.0, end - time.monotonic()) * 1000):
            raise Fault("sandbox", f"the sandbox did not answer {head.get('do', 'its start')!r} in time")

    def _gone(self) -> Fault:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.errors.seek(0)
        said = self.errors.read(4_000).decode("utf-8", "replace").strip()
        return Fault("sandbox", f"the sandbox ended (status {self.process.poll()}): {said or 'it said nothing'}")

    def close(self) -> None:
        """Hang up; the server inside then ends everything, and is killed if it does not."""
        if self.errors.closed:
            return
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()
        if self.after:
            self.after()
