"""The questions that a sandbox answers, and the loop that answers them one by one."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import struct
from collections.abc import Callable
from typing import Any

from .files import read, snapshot, untar, wipe, write
from .jobs import Job
from .play import environment, execute
from .room import Refused, Room
from .spare import ahead, order, ready

WARM = (
    "bisect",
    "collections",
    "functools",
    "heapq",
    "itertools",
    "math",
    "random",
    "re",
    "string",
    "traceback",
    "typing",
)
"""Modules that programs often import, loaded once before the fork; with the two that a clean exit needs."""
CLEAN = ("atexit", "threading", "linecache", "_sitebuiltins")

AHEAD = ("python", "say", "hush", "renew")
"""Questions after which another program is likely: its child is forked while the host thinks."""

RESOURCES = 16
"""Linux numbers its resource limits 0 to 15."""

LOOP = """while IFS= read -r -d "" -u 9 agentbank_command; do
eval "$agentbank_command" 8>&- 9<&-
printf "%s\\0%s\\0" "$?" "$PWD" >&8
done"""

LONGEST = 16 << 20
"""Bytes of one message of a talk at most; a program that says more is ended."""

Answer = tuple[dict[str, Any], bytes]


def run(room: Room, head: dict[str, Any], blob: bytes) -> Answer:
    room.sweep()
    clear(room)
    user = head["user"]
    env = environment(room, user, head["env"])
    body = functools.partial(execute, head["argv"], env, head["cwd"] or room.config["workdir"])
    return finish(room, Job(room, body, head, stdin=blob, user=user), head)


def python(room: Room, head: dict[str, Any], blob: bytes) -> Answer:
    clear(room)
    code, stdin = blob[: head["code"]], blob[head["code"] :]
    job = ready(room)
    job.attend(head["timeout_s"], feed=order(job, head, code, stdin, talk=False))
    answer = over(room, job)
    empty(room)
    return answer


def empty(room: Room) -> None:
    for folder in room.config["wipe"]:
        wipe(folder)


def renew(room: Room, head: dict[str, Any], blob: bytes) -> Answer:
    room.sweep()
    clear(room)
    empty(room)
    return {}, b""


def finish(room: Room, job: Job, head: dict[str, Any]) -> Answer:
    job.attend(head["timeout_s"])
    return over(room, job)


def over(room: Room, job: Job) -> Answer:
    """End the job and all that it left running; then what they wrote last is read."""
    room.sweep()
    job.out.pull()
    job.err.pull()
    job.close()
    clear(room)
    return job.report()


def clear(room: Room) -> None:
    """End what lives between questions: a shell, or a talk and its files."""
    if room.talk or room.bash:
        room.sweep()
    if room.talk:
        room.talk.close()
        empty(room)
    if room.bash:
        room.bash.close()
    room.talk = room.bash = None


def talk(room: Room, head: dict[str, Any], blob: bytes) -> Answer:
    clear(room)
    room.talk = job = ready(room)
    job.attend(head["timeout_s"], lambda: not job.rest, order(job, head, blob, b"", talk=True))
    return {}, b""


def say(room: Room, head: dict[str, Any], blob: bytes) -> Answer:
    job = room.talk
    if job is None:
        raise Refused("no talk is under way")

    def size() -> int:
        return 4 + (struct.unpack(">I", job.heard[:4])[0] if len(job.heard) >= 4 else 0)

    def heard() -> bool:
        return size() > LONGEST or len(job.heard) >= max(size(), 4)

    job.attend(head["timeout_s"], heard, struct.pack(">I", len(blob)) + blob)
    if not heard() or size() > LONGEST:
        return over(room, job)
    end = size()
    message, job.heard = bytes(job.heard[4:end]), job.heard[end:]
    return {}, message


def hush(room: Room, head: dict[str, Any], blob: bytes) -> Answer:
    if room.talk is None:
        raise Refused("no talk is under way")
    # Its next `hear` gives None; a second is enough for a last word.
    os.close(room.talk.ask_fd)
    room.talk.ask_fd = -1
    room.talk.attend(1.0)
    return over(room, room.talk)


def shell(room: Room, head: dict[str, Any], blob: bytes) -> Answer:
    if b"\0" in blob:
        raise Refused("a command cannot hold a NUL character")
    if room.talk or room.spare:
        room.sweep()
        clear(room)
    if room.bash is None:
        env = environment(room, None, head["env"])
        # The kernel counts CPU seconds for a whole life; a shell's commands are bounded by their wall seconds.
        limits = head | {"cpu_s": 86_400}
        body = functools.partial(execute, ["/bin/bash", "--noprofile", "--norc", "-c", LOOP, "bash"], env, head["cwd"])
        room.bash = Job(room, body, limits, pipes=True)
    job = room.bash
    job.out.keep = job.err.keep = head["output"]
    job.attend(head["timeout_s"], lambda: job.heard.count(b"\0") >= 2, blob + b"\0")
    if job.heard.count(b"\0") < 2:
        answer, output = over(room, job)
        return answer | {"cwd": ""}, output
    code, cwd, rest = bytes(job.heard).split(b"\0", 2)
    job.heard = bytearray(rest)
    answer, output = job.report()
    digits = code.decode("ascii", "replace")
    return answer | {
        "code": int(digits) if digits.isdigit() else 1,
        "cwd": cwd.decode("utf-8", "surrogateescape"),
    }, output


QUESTIONS: dict[str, Callable[[Room, dict[str, Any], bytes], Answer]] = {
    "renew": renew,
    "run": run,
    "python": python,
    "talk": talk,
    "say": say,
    "hush": hush,
    "shell": shell,
    "read": read,
    "write": write,
    "untar": untar,
    "snapshot": snapshot,
}


def main() -> None:
    """Take the configuration, say that we are here, and answer until the host hangs up."""
    room = Room()
    room.config, _ = room.hear()
    for name in WARM + CLEAN:
        importlib.import_module(name)
    prepare(room)
    for which in range(RESOURCES):
        room.hard(which)
    # What programs see of the environment is set once, here, not in every child.
    env = environment(room, None, {})
    os.environ.clear()
    os.environ.update(env)
    room.say({"here": os.getpid()})
    # What is loaded by now is shared with every child; the collector must not touch, and so copy, its pages.
    gc.collect()
    gc.freeze()
    while True:
        head, blob = room.hear()
        try:
            answer = QUESTIONS[head["do"]](room, head, blob)
        except Refused as error:
            answer = {"refused": str(error)}, b""
        except Exception as error:
            answer = {"broken": f"{head['do']}: {type(error).__name__}: {error}"}, b""
        room.say(*answer)
        if head["do"] in AHEAD and not (room.spare or room.talk or room.bash):
            with contextlib.suppress(OSError):  # no memory for it now; the next call forks its own, and tells
                room.spare = ahead(room)


def prepare(room: Room) -> None:
    """Keep programs out of the server's memory, and make the folder where they start."""
    import ctypes

    PR_SET_DUMPABLE = 4
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    for folder in (room.config["workdir"], room.config["home"]):
        if not os.path.isdir(folder):
            os.makedirs(folder)
            owner = room.owner(None)
            if owner:
                os.chown(folder, *owner)
