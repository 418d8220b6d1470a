"""Sandboxes by a Docker engine: one container each, no network, thrown away whole when it is closed."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from functools import cache
from pathlib import Path
from typing import Any

from ...trajectories.errors import Fault, MissingPart
from .core import Image, Limits, Sandbox
from .docker_images import DEFAULT
from .inside import START, program
from .link import answer, frame

LABEL, OWNER = "agentbank.sandbox", "agentbank.owner"
CAPS = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID", "FSETID"]
START_S = 60.0
SYSCTLS = {"fs.mqueue.queues_max": "0", "kernel.shmmni": "0", "kernel.msgmni": "0", "kernel.sem": "0 0 0 0"}
"""No kernel objects that would outlive their process."""


@cache
def client() -> Any:
    """The engine's client (``DOCKER_HOST`` and its like are read once a process).

    Raises:
        MissingPart: the Docker SDK is not installed, or no engine answers, or it does not let us in.
    """
    try:
        import docker
    except ImportError:
        raise MissingPart("the Docker SDK is not installed (pip install 'agentbank[docker]')") from None
    try:
        _knock(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
        engine = docker.from_env()
    except PermissionError as error:
        mend = "the Docker engine does not let this user in (add it to the group docker, or run as root)"
        raise MissingPart(mend) from error
    except (OSError, docker.errors.DockerException) as error:
        raise MissingPart(f"no Docker engine answers; start one, or set DOCKER_HOST ({error})") from error
    sweep(engine)
    return engine


def _knock(host: str) -> None:
    """Try a local engine's door first: the SDK leaves its connections open when nobody is there."""
    kind, _, path = host.partition("://")
    if kind == "unix":
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(10)
            door.connect(path)


def lacks() -> str:
    """Why Docker cannot be used here, with the mend; empty where it can."""
    try:
        client()
    except MissingPart as error:
        return str(error)
    return ""


def owner() -> str:
    """This process, so that another can tell whether it is still alive: host, pid, start time in clock ticks."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def _started(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def sweep(engine: Any) -> int:
    """Remove the containers that a killed process of this host left; how many there were."""
    count = 0
    for each in engine.api.containers(all=True, filters={"label": LABEL}):
        host, pid, began = (each["Labels"].get(OWNER, "") + "//").split("/")[:3]
        if host == socket.gethostname() and pid.isdigit() and _started(int(pid)) != began:
            _remove(engine, each["Id"])
            count += 1
    return count


def _remove(engine: Any, container: str) -> None:
    from docker.errors import APIError, NotFound

    end = time.monotonic() + 15
    while True:
        try:
            engine.api.remove_container(container, force=True, v=True)
            engine.api.inspect_container(container)
        except NotFound:
            return
        except APIError as error:  # 409: the engine is removing it already
            if error.status_code != 409 or time.monotonic() > end:
                raise Fault("sandbox", f"container {container[:12]} cannot be removed: {error}") from error
        time.sleep(0.01)


def start(image: Image, limits: Limits) -> Sandbox:
    """Open a sandbox.

    Raises:
        MissingPart: no SDK, no engine, no leave, or no such image; the message has the mend.
        Fault: the engine failed all the same (a full disk, say).
    """
    engine = client()
    users = {"root": (0, 0), "agent": (1000, 1000)}
    config = {
        "alone": True,
        "users": users,
        "user": image.user,
        "home": "/root" if image.user == "root" else "/job",
        "workdir": image.workdir,
        "wipe": [] if image.kept else ["/job", "/tmp", "/dev/shm"],
        "memory": limits.memory,
        "disk": limits.disk,
        # The kernel counts a user's processes over all containers; the control group counts this one's.
        "nproc": 0,
    }

    # The layer is thrown away whole: nothing is trusted to be wiped.
    def reopen() -> DockerLink:
        link = DockerLink(engine, image, limits)
        try:
            link.ask(config, b"", START_S)
            if image.tree:
                Sandbox(link, "docker", limits, image).put_tree(image.tree)
        except BaseException:
            link.close()
            raise
        return link

    notes = ("no disk quota: only each file's size is limited",) if image.writable else ()
    return Sandbox(reopen(), "docker", limits, image, notes, reopen)


def _host(engine: Any, image: Image, limits: Limits) -> Any:
    room = "rw,exec,nosuid,nodev,mode=1777,size="
    folders = {"/tmp": f"{room}{limits.disk // 4}", "/job": f"{room}{limits.disk // 2}"}
    return engine.api.create_host_config(
        network_mode="none",
        mem_limit=limits.memory + (32 << 20),
        memswap_limit=limits.memory + (32 << 20),
        pids_limit=limits.pids + 4,
        nano_cpus=1_000_000_000,
        cap_drop=["ALL"],
        cap_add=CAPS,
        security_opt=["no-new-privileges"],
        read_only=not image.writable,
        tmpfs=None if image.writable else folders,
        shm_size=limits.disk // 4,
        ipc_mode="private",
        sysctls=SYSCTLS,
        log_config={"Type": "none"},
        auto_remove=True,
    )


class DockerLink:
    """A container, spoken to over its attached standard input and output."""

    def __init__(self, engine: Any, image: Image, limits: Limits) -> None:
        """Create, attach, start.

        Raises:
            MissingPart: no such image.
            Fault: the engine refused.
        """
        from docker.errors import DockerException, ImageNotFound

        self.engine, self.first, self.container, self.socket = engine, program(), "", None
        self.buffer, self.errors = bytearray(), bytearray()
        try:
            made = engine.api.create_container(
                image.name or DEFAULT,
                ["python3", "-s", "-S", "-c", START],
                stdin_open=True,
                user="0:0",
                entrypoint=[],
                environment={"PYTHONHASHSEED": "0"},
                labels={LABEL: "1", OWNER: owner()},
                host_config=_host(engine, image, limits),
                hostname="sandbox",
            )
            self.container = made["Id"]
            # Standard input closes for good when we hang up, by whatever death: the server inside then ends.
            self.socket = engine.api.attach_socket(self.container, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            engine.api.start(self.container)
        except ImageNotFound as error:
            self.close()
            name = image.name or DEFAULT
            mend = "build_image() in agentbank.envs.sandboxes.docker_images makes it" if name == DEFAULT else "pull it"
            raise MissingPart(f"the Docker engine has no image {name!r}; {mend}") from error
        except DockerException as error:
            self.close()
            raise Fault("sandbox", f"Docker could not start a container: {error}") from error
        self.raw = getattr(self.socket, "_sock", self.socket)
        self.raw.setblocking(False)

    def ask(self, head: dict[str, Any], blob: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Send a question, wait at most `seconds` for the answer."""
        end = time.monotonic() + seconds
        rest = memoryview(self.first + frame(head, blob))
        self.first = b""
        while rest:
            self._wait(select.POLLOUT, end)
            with contextlib.suppress(BlockingIOError):
                try:
                    rest = rest[self.raw.send(rest) :]
                except OSError as error:
                    raise Fault("sandbox", f"the container hung up: {error}") from error
        return answer(lambda count: self._take(count, end))

    def _take(self, count: int, end: float) -> bytes:
        """`count` bytes of standard output; the engine sends it in pieces with 8-byte headers."""
        while len(self.buffer) < count:
            kind, size = self._exactly(8, end), 0
            size = int.from_bytes(kind[4:], "big")
            (self.buffer if kind[0] == 1 else self.errors).extend(self._exactly(size, end))
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def _exactly(self, count: int, end: float) -> bytes:
        parts: list[bytes] = []
        while count:
            self._wait(select.POLLIN, end)
            try:
                part = self.raw.recv(min(count, 1 << 20))
            except BlockingIOError:
                continue
            except OSError as error:
                raise Fault("sandbox", f"the container hung up: {error}") from error
            if not part:
                said = self.errors[-2_000:].decode("utf-8", "replace").strip()
                raise Fault("sandbox", f"the container ended: {said or 'it said nothing'}")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _wait(self, event: int, end: float) -> None:
        poller = select.poll()
        poller.register(self.raw.fileno(), event)
        if not poller.poll(max(0.0, end - time.monotonic()) * 1000):
            raise Fault("sandbox", "the container did not answer in time")

    def close(self) -> None:
        """Hang up and remove the container with its layer."""
        if self.socket is not None:
            getattr(self.socket, "_sock", self.socket).close()
            self.socket.close()
            self.socket = None
        if self.container:
            container, self.container = self.container, ""
            _remove(self.engine, container)
