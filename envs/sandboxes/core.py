"""A sandbox as its user sees it: run, read, write, snapshot, talk, close; a provider only opens the link to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from ...trajectories.errors import Fault, UsageError
from .trees import pack

GRACE = 20.0
"""Seconds beyond a call's own wall limit after which a silent sandbox counts as broken."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one sandbox may use. Every `run` can ask for other seconds and bytes of output, not for other walls.

    CPU seconds are counted a process; wall seconds are the net under what sleeps or waits. Memory is counted a process,
    and for the whole sandbox as well where the provider has control groups.
    """

    memory: int = 512 << 20
    """Bytes."""
    pids: int = 64
    disk: int = 64 << 20
    """Bytes of everything writable together."""
    cpu_s: float = 10.0
    timeout_s: float = 30.0
    output: int = 64 << 10
    """Bytes kept of each of stdout and stderr; the rest is counted and dropped."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a sandbox starts from.

    Attributes:
        name: An engine's image name (docker), or the path of a root directory (bubblewrap). None: the provider's own
            base, which has a shell, the usual tools and Python.
        tree: A folder, or a tar file, laid over the root at the start: its ``testbed/a`` becomes ``/testbed/a``.
        user: "agent" (uid 1000, the default) or "root" (root of the sandbox only; never of the machine).
        writable: Whether the whole root may be written, not only /job (the agent's home) and /tmp. System folders
            that a provider shares with the machine (bubblewrap's /usr) stay read-only.
        workdir: Where commands start; made if it is not there.
    """

    name: str | None = None
    tree: Path | None = None
    user: Literal["agent", "root"] = "agent"
    writable: bool = False
    workdir: str = "/job"

    @property
    def kept(self) -> bool:
        """Whether files stay after a `python` or a `talk`: emptying folders would not bring the first state back."""
        return self.writable or self.tree is not None


@dataclass(frozen=True, slots=True)
class Completed:
    """One finished command. A death by signal N has code -N."""

    code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    """Ended by us: its wall seconds were over, or it flooded its output."""
    truncated_bytes: int = 0
    """Bytes of output, both streams together, that were dropped."""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    cpu_exceeded: bool = False
    """Ended by the kernel: its CPU seconds were over."""

    @property
    def text(self) -> str:
        """Both streams as readable text, stdout first, with a note of what was dropped."""
        both = self.stdout + (b"\n" if self.stdout and self.stderr and not self.stdout.endswith(b"\n") else b"")
        return shown(both + self.stderr, dropped=self.truncated_bytes)


def shown(data: bytes, *, limit: int | None = None, dropped: int = 0) -> str:
    """Bytes as an agent may see them: broken UTF-8 as U+FFFD, NUL as U+2400, cut after `limit` bytes, with a note."""
    if limit is not None and len(data) > limit:
        data, dropped = data[:limit], dropped + len(data) - limit
    text = data.decode("utf-8", "replace").replace("\0", "\u2400")
    return f"{text}\n[... {dropped} more bytes are not shown]" if dropped else text


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a snapshot. `digest` is the MD5 of a file's bytes (as `md5sum` prints), or a link's target."""

    kind: Literal["file", "dir", "link", "other"]
    mode: int
    size: int = 0
    digest: str = ""


Snapshot = Mapping[str, Entry]
"""Absolute path to entry; links are recorded, never followed."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two snapshots: sorted absolute paths."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def changes(before: Snapshot, after: Snapshot) -> Changes:
    """The paths that were added, removed, or changed in kind, mode or content."""
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(path for path in before.keys() & after.keys() if before[path] != after[path])),
    )


class Link(Protocol):
    """The way to the server inside a sandbox (`inside.py`): one question, one answer."""

    def ask(self, head: dict[str, Any], blob: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Send a question, wait at most `seconds` for the answer.

        Raises:
            Fault: the sandbox is gone or silent (boundary "sandbox").
        """

    def close(self) -> None:
        """End every process of the sandbox and remove what the provider made for it. May be called again."""


@dataclass(slots=True)
class Sandbox:
    """One closed room. Calls are serial (a lock sees to it); a sandbox belongs to one episode, then it is closed.

    Made by `open_sandbox`; a context manager. `provider` says which walls it has, `notes` what they lack here.
    """

    link: Link
    provider: str
    limits: Limits
    image: Image
    notes: tuple[str, ...] = ()
    reopen: Callable[[], Link] | None = None
    """How to start again, where nothing less brings the first state back."""
    closed: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """End all processes and remove every trace: files, mounts, control groups, containers. May be called again."""
        with self._lock:
            if not self.closed:
                self.closed = True
                self.link.close()

    def ask(self, head: dict[str, Any], blob: bytes = b"", seconds: float = 0.0) -> tuple[dict[str, Any], bytes]:
        """One question to the server inside; the methods below are its users.

        Raises:
            UsageError: the sandbox is closed, or the server refused the question (its words).
            Fault: the sandbox is gone or silent; it is closed then.
        """
        with self._lock:
            if self.closed:
                raise UsageError("this sandbox is closed")
            try:
                answer, data = self.link.ask(head, blob, seconds + GRACE)
            except BaseException:
                # A question without its answer leaves the link out of step: nothing after it could be trusted.
                self.close()
                raise
        if "refused" in answer:
            raise UsageError(f"sandbox: {answer['refused']}")
        if "broken" in answer:
            raise Fault("sandbox", answer["broken"])
        return answer, data

    def renew(self) -> None:
        """Back to the start: every process ended, every file as it was; as good as new, and faster where it can be.

        Under bubblewrap, without a writable root and a tree, /job, /tmp and /dev/shm are all that a program can have
        changed; they are emptied. Otherwise the sandbox is closed and opened again.

        Raises:
            Fault: a new one could not be started.
        """
        with self._lock:
            if self.reopen is None:
                self.ask({"do": "renew"})
                return
            self.link.close()
            self.link = self.reopen()

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout_s: float | None = None,
        cpu_s: float | None = None,
        output_limit: int | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        user: Literal["agent", "root"] | None = None,
        stdin: bytes = b"",
    ) -> Completed:
        """Run a program (a list of words) or a line of bash (one text) to its end; what it started ends with it.

        Files stay for the next call; processes do not, daemons included.

        Raises:
            UsageError: the provider has no such user here.
            Fault: the sandbox broke.
        """
        argv = ["/bin/bash", "-c", command] if isinstance(command, str) else list(command)
        wishes = self._wishes(timeout_s, cpu_s, output_limit)
        head = {"do": "run", "argv": argv, "env": dict(env or {}), "cwd": cwd, "user": user, **wishes}
        return _completed(*self.ask(head, stdin, wishes["timeout_s"]))

    def python(
        self,
        code: str,
        *,
        stdin: bytes = b"",
        timeout_s: float | None = None,
        cpu_s: float | None = None,
        output_limit: int | None = None,
    ) -> Completed:
        """Run a Python program in a copy of a warm interpreter, in an empty folder: nothing of it is left afterwards.

        Only the standard library is there. Processes are ended and /job, /tmp and /dev/shm emptied when it
        returns, so that no call sees another's state. (With a writable root or a tree files stay.)
        """
        wishes = self._wishes(timeout_s, cpu_s, output_limit)
        blob = code.encode("utf-8", "surrogatepass")
        head = {"do": "python", "code": len(blob), **wishes}
        return _completed(*self.ask(head, blob + stdin, wishes["timeout_s"]))

    def talk(self, code: str, *, cpu_s: float | None = None) -> Talk:
        """Start a Python program to speak with; it has the functions ``hear() -> bytes | None`` and ``say(bytes)``.

        One talk at a time; another `run`, `python` or `talk` ends it. As with `python`, nothing of it is left then.
        """
        wishes = self._wishes(None, cpu_s, None)
        self.ask({"do": "talk", **wishes}, code.encode("utf-8", "surrogatepass"))
        return Talk(self)

    def shell(self, *, cwd: str | None = None, env: Mapping[str, str] | None = None) -> Shell:
        """A bash that lives on between commands: its folder, variables, functions and background jobs stay."""
        return Shell(self, cwd or self.image.workdir, dict(env or {}))

    def read(self, path: str, *, limit: int = 64 << 20) -> bytes:
        """A regular file's bytes.

        Raises:
            UsageError: not there, not a regular file, reached over a symbolic link, or longer than `limit` bytes.
        """
        return self.ask({"do": "read", "path": path, "limit": limit})[1]

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Write a regular file, its folders made as needed; never through a symbolic link.

        Raises:
            UsageError: the path holds a symbolic link or is no regular file, or the disk is full.
        """
        self.ask({"do": "write", "path": path, "mode": mode}, data)

    def put_tree(self, source: Path, at: str = "/") -> None:
        """Lay a folder or a tar file over the folder `at`: kinds, modes, times and links as they are.

        Raises:
            UsageError: an entry would leave `at`, or the disk is full.
        """
        self.ask({"do": "untar", "at": at}, pack(Path(source)), 60.0)

    def snapshot(self, roots: Sequence[str] = ("/",), *, skip: Sequence[str] = ()) -> dict[str, Entry]:
        """Everything below `roots`, no link followed; without /proc, /sys, /dev, read-only mounts, and `skip`."""
        answer, _ = self.ask({"do": "snapshot", "roots": list(roots), "skip": list(skip)}, seconds=60.0)
        return {path: Entry(*entry) for path, entry in answer["entries"].items()}

    def _wishes(self, timeout_s: float | None, cpu_s: float | None, output: int | None) -> dict[str, Any]:
        limits = self.limits
        return {
            "timeout_s": limits.timeout_s if timeout_s is None else timeout_s,
            "cpu_s": limits.cpu_s if cpu_s is None else cpu_s,
            "output": limits.output if output is None else output,
        }


class Talk:
    """A program under way that answers messages."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Made by `Sandbox.talk`."""
        self.sandbox = sandbox

    def ask(self, message: bytes, *, timeout_s: float | None = None) -> bytes | Completed:
        """Say `message`, and hear the answer; a `Completed` instead when the program ended without one."""
        seconds = self.sandbox.limits.timeout_s if timeout_s is None else timeout_s
        answer, blob = self.sandbox.ask({"do": "say", "timeout_s": seconds}, message, seconds)
        return _completed(answer, blob) if "code" in answer else blob

    def end(self) -> Completed:
        """End the program and everything it started."""
        return _completed(*self.sandbox.ask({"do": "hush"}))


class Shell:
    """A bash that lives on between commands."""

    def __init__(self, sandbox: Sandbox, cwd: str, env: dict[str, str]) -> None:
        """Made by `Sandbox.shell`."""
        self.sandbox, self.cwd, self.env = sandbox, cwd, env

    def run(self, command: str, *, timeout_s: float | None = None, output_limit: int | None = None) -> Completed:
        """Run lines of bash. After a time-out or an `exit` the next command gets a new bash in the last folder."""
        wishes = self.sandbox._wishes(timeout_s, None, output_limit)
        head = {"do": "shell", "cwd": self.cwd, "env": self.env, **wishes}
        answer, blob = self.sandbox.ask(head, command.encode("utf-8", "surrogatepass"), wishes["timeout_s"])
        self.cwd = answer["cwd"] or self.cwd
        return _completed(answer, blob)


def _completed(answer: dict[str, Any], blob: bytes) -> Completed:
    cut = answer["stdout"]
    return Completed(
        code=answer["code"],
        stdout=blob[:cut],
        stderr=blob[cut:],
        timed_out=answer["timed_out"],
        truncated_bytes=answer["dropped"],
        cpu_seconds=answer["cpu_s"],
        wall_seconds=answer["wall_s"],
        cpu_exceeded=answer["cpu_exceeded"],
    )
