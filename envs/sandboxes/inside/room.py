"""The room as its server sees it: the pipes to the host, the children to wait for, the users there are.

Frames on both pipes: two big-endian 32-bit lengths, a JSON head, a blob.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import signal
import struct
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from .jobs import Job


class Refused(Exception):
    """The question asks for what cannot be; the caller's mistake or the agent's doing."""


class Room:
    """What the host said about this sandbox, and the pipes to it."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}
        # Far from 0, 1, 2, which belong to the programs; never inherited by them.
        self.inward = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 200)
        self.outward = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 201)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1):
            os.dup2(null, fd)
        os.close(null)
        self.jobs: dict[int, Job] = {}
        self.groups: set[int] = set()
        self.bounds: dict[int, int] = {}
        self.spare: Job | None = None
        self.talk: Job | None = None
        self.bash: Job | None = None

    @property
    def alone(self) -> bool:
        """Process 1 of a pid namespace of its own may end all others; elsewhere that would be the whole machine."""
        return bool(self.config["alone"]) and os.getpid() == 1

    def hard(self, which: int) -> int:
        """The machine's own bound of a resource; asked once, for every call costs each child."""
        if which not in self.bounds:
            most = resource.getrlimit(which)[1]
            self.bounds[which] = sys.maxsize if most == resource.RLIM_INFINITY else most
        return self.bounds[which]

    def hear(self) -> tuple[dict[str, Any], bytes]:
        head, blob = struct.unpack(">II", self.exactly(8))
        return json.loads(self.exactly(head)), self.exactly(blob)

    def exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = os.read(self.inward, min(count, 1 << 20))
            if not part:
                self.leave()
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def say(self, head: dict[str, Any], blob: bytes = b"") -> None:
        text = json.dumps(head).encode()
        data = memoryview(struct.pack(">II", len(text), len(blob)) + text + blob)
        while data:
            data = data[os.write(self.outward, data) :]

    def leave(self) -> NoReturn:
        """The host is gone: so are we, and with process 1 everything in the room."""
        self.sweep()
        os._exit(0)

    def reap(self, *, wait: bool = False) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, 0 if wait else os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self.jobs:
                self.jobs.pop(pid).ended(status, usage)

    def sweep(self) -> None:
        """End every process but this one, daemons too, and wait until they are gone."""
        if self.alone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        else:
            for pid in self.groups:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
        self.groups.clear()
        self.reap(wait=True)
        if self.spare:
            self.spare.close()
            self.spare = None

    def owner(self, user: str | None) -> tuple[int, int] | None:
        """Numeric user and group of "agent" or "root"; None where this room has one user only."""
        users = self.config["users"]
        if user is None:
            user = self.config["user"]
        if user not in users:
            raise Refused(
                f"this sandbox has no user {user!r}, only {sorted(users)}; name it when the sandbox is opened"
            )
        owner: tuple[int, int] | None = users[user]
        return owner
