"""One program under way in the room: started with its limits, its output kept up to a bound, its end waited for."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from typing import Any

from .room import Room

FLOOD = 256 << 20
"""Bytes of dropped output after which a command is ended: reading on would only burn our own time."""


class Stream:
    """One output pipe: its first bytes are kept, the rest is counted."""

    def __init__(self, keep: int) -> None:
        self.fd, self.theirs = os.pipe()
        os.set_blocking(self.fd, False)
        self.keep, self.kept, self.dropped, self.open = keep, bytearray(), 0, True

    def pull(self) -> None:
        while self.open:
            try:
                data = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                self.open = False
                return
            room = max(self.keep - len(self.kept), 0)
            self.kept += data[:room]
            self.dropped += len(data) - min(room, len(data))
            if self.dropped > FLOOD:
                return

    def take(self) -> tuple[bytes, int]:
        kept, dropped = bytes(self.kept), self.dropped
        self.kept, self.dropped = bytearray(), 0
        return kept, dropped


class Job:
    """One program under way: its process, its two streams, and pipes of its own for a talk or a shell."""

    def __init__(
        self,
        room: Room,
        body: Callable[[], None],
        wishes: dict[str, Any],
        *,
        stdin: bytes = b"",
        user: str | None = None,
        pipes: bool = False,
    ) -> None:
        self.room, self.cpu, self.timed_out = room, 0.0, False
        self.status: int | None = None
        self.cpu_limit = wishes["cpu_s"]
        owner = room.owner(user)
        self.out, self.err = Stream(wishes["output"]), Stream(wishes["output"])
        # A file, not a pipe: nobody has to feed it, and nothing can block on it.
        given = os.memfd_create("stdin") if stdin else os.open("/dev/null", os.O_RDONLY)
        view = memoryview(stdin)
        while view:
            view = view[os.write(given, view) :]
        if stdin:
            os.lseek(given, 0, os.SEEK_SET)
        self.ask_fd = self.answer_fd = hear_fd = say_fd = -1
        if pipes:
            hear_fd, self.ask_fd = os.pipe()
            self.answer_fd, say_fd = os.pipe()
            os.set_blocking(self.ask_fd, False)
            os.set_blocking(self.answer_fd, False)
        self.heard, self.rest = bytearray(), memoryview(b"")
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                enter(room, owner, wishes, given, self.out.theirs, self.err.theirs, hear_fd, say_fd)
                body()
            except BaseException as error:
                os.write(2, f"{error}\n".encode("utf-8", "replace"))
            finally:
                os._exit(127)
        room.jobs[self.pid] = self
        room.groups.add(self.pid)
        self.pidfd = os.pidfd_open(self.pid)
        for fd in (given, self.out.theirs, self.err.theirs, hear_fd, say_fd):
            if fd >= 0:
                os.close(fd)

    def ended(self, status: int, usage: resource.struct_rusage) -> None:
        self.status, self.cpu = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime

    def attend(self, seconds: float, finished: Callable[[], bool] = lambda: False, feed: bytes = b"") -> None:
        """Move bytes until the job has ended, `finished()` says so, or the time is over."""
        end, self.rest = time.monotonic() + seconds, memoryview(feed)
        poller = select.poll()
        poller.register(self.room.inward, 0)  # only its hang-up: the host has gone
        poller.register(self.pidfd, select.POLLIN)
        for stream in (self.out, self.err):
            if stream.open:
                poller.register(stream.fd, select.POLLIN)
        if self.answer_fd >= 0:
            poller.register(self.answer_fd, select.POLLIN)
        if self.rest:
            poller.register(self.ask_fd, select.POLLOUT)
        while self.status is None and not finished():
            left = end - time.monotonic()
            if left <= 0 or max(self.out.dropped, self.err.dropped) > FLOOD:
                self.timed_out = True
                return
            for fd, _ in poller.poll(min(left, 0.2) * 1000 + 1):
                if fd == self.room.inward:
                    self.room.leave()
                elif fd == self.answer_fd:
                    if not self.listen():
                        poller.unregister(fd)
                elif fd == self.ask_fd:
                    with contextlib.suppress(BlockingIOError):
                        try:
                            self.rest = self.rest[os.write(fd, self.rest) :]
                        except BrokenPipeError:
                            self.rest = self.rest[:0]
                    if not self.rest:
                        poller.unregister(fd)
                elif fd != self.pidfd:
                    stream = self.out if fd == self.out.fd else self.err
                    stream.pull()
                    if not stream.open:
                        poller.unregister(fd)
            self.room.reap()
        self.listen()
        self.out.pull()
        self.err.pull()

    def listen(self) -> bool:
        """Take in what was said on the job's own pipe; whether more can come."""
        while self.answer_fd >= 0:
            try:
                data = os.read(self.answer_fd, 1 << 20)
            except BlockingIOError:
                return True
            self.heard += data
            if not data or len(self.heard) > FLOOD:
                return False
        return False

    def report(self) -> tuple[dict[str, Any], bytes]:
        """The answer to the host, and the blob of both streams."""
        out, lost = self.out.take()
        err, more = self.err.take()
        # The kernel's first word is SIGXCPU; who does not listen is killed a second later.
        killed = self.status == -signal.SIGKILL and self.cpu >= self.cpu_limit and not self.timed_out
        over = self.status == -signal.SIGXCPU or killed
        code = self.status if self.status is not None else -signal.SIGKILL
        head: dict[str, Any] = {"code": code, "stdout": len(out), "timed_out": self.timed_out, "dropped": lost + more}
        head |= {"cpu_s": self.cpu, "wall_s": time.monotonic() - self.began, "cpu_exceeded": over}
        return head, out + err

    def close(self) -> None:
        for fd in (self.out.fd, self.err.fd, self.ask_fd, self.answer_fd, self.pidfd):
            if fd >= 0:
                os.close(fd)
        self.ask_fd = self.answer_fd = self.pidfd = self.out.fd = self.err.fd = -1


def enter(
    room: Room,
    owner: tuple[int, int] | None,
    wishes: dict[str, Any],
    given: int,
    out: int,
    err: int,
    hear: int,
    say: int,
) -> None:
    """In the child: own session, limits, user, descriptors. Nothing of the server stays open."""
    os.setsid()
    # Descriptors 8 (say) and 9 (hear) are the talk's and the shell's.
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD, 300) if fd >= 0 else -1 for fd in (given, out, err, say, hear)]
    os.closerange(3, 300)
    for fd, target in zip(moved, (0, 1, 2, 8, 9), strict=True):
        if fd >= 0:
            os.dup2(fd, target)
            os.close(fd)
    config = room.config
    # Without /proc the kernel's own choice of victim has to do.
    with contextlib.suppress(OSError):
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(score, b"1000")
        os.close(score)
    cpu = max(1, int(-(-wishes["cpu_s"] // 1)))
    limits = {
        resource.RLIMIT_CPU: (cpu, cpu + 1),
        resource.RLIMIT_AS: (config["memory"],) * 2,
        resource.RLIMIT_FSIZE: (config["disk"],) * 2,
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (256, 256),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_SIGPENDING: (256, 256),
    }
    if config["nproc"]:
        limits[resource.RLIMIT_NPROC] = (config["nproc"],) * 2
    for which, (soft, hard) in limits.items():
        most = room.hard(which)
        resource.setrlimit(which, (min(soft, most), min(hard, most)))
    if owner:
        os.setgroups([])
        os.setresgid(owner[1], owner[1], owner[1])
        os.setresuid(owner[0], owner[0], owner[0])
    os.umask(0o022)
