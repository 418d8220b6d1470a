"""A child forked ahead, blank and waiting for its program, so that no call has to wait for a fork.

It stands only while nothing of an agent's runs: whatever starts another process ends it first.
"""

from __future__ import annotations

import functools
import os
import resource
import struct
import time
from typing import Any

from .jobs import Job
from .play import environment, play, spoken
from .room import Room

DAY = 86_400


def ahead(room: Room) -> Job:
    """Fork a blank child now."""
    body = functools.partial(obey, environment(room, None, {}), room.config["workdir"])
    return Job(room, body, {"cpu_s": DAY, "output": 0}, pipes=True)


def ready(room: Room) -> Job:
    """The child that waits, or one forked now."""
    room.reap()
    job, room.spare = room.spare, None
    if job is not None and job.status is not None:  # the kernel took it for its memory
        job.close()
        job = None
    return job or ahead(room)


def order(job: Job, head: dict[str, Any], code: bytes, stdin: bytes, *, talk: bool) -> bytes:
    """What `obey` waits for; the job's own bounds are set to the call's."""
    job.out.keep = job.err.keep = head["output"]
    job.cpu_limit, job.began = head["cpu_s"], time.monotonic()
    seconds = max(1, int(-(-head["cpu_s"] // 1)))
    text = struct.pack(">IBI", seconds, talk, len(code)) + code + stdin
    return struct.pack(">I", len(text)) + text


def obey(env: dict[str, str], cwd: str) -> None:
    """In the child: wait for the order, then become its program."""
    given = spoken()
    text = given["hear"]()
    if text is None:
        os._exit(0)
    seconds, talk, size = struct.unpack(">IBI", text[:9])
    code, stdin = text[9 : 9 + size], text[9 + size :]
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    if stdin:
        file = os.memfd_create("stdin")
        view = memoryview(stdin)
        while view:
            view = view[os.write(file, view) :]
        os.lseek(file, 0, os.SEEK_SET)
        os.dup2(file, 0)
        os.close(file)
    if not talk:
        os.close(8)
        os.close(9)
    play(code, env, cwd, given if talk else {})
