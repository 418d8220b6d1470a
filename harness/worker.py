"""A process that holds one world and answers requests on its standard input until that ends."""

from __future__ import annotations

import os
import signal
import struct
import sys
from typing import Any, BinaryIO

import msgspec

from ..envs import EnvSpec, TextEnv, make, register, specs
from ..trajectories import Fault
from .seat import open_world, step_world


def answer(env: TextEnv | None, request: list[Any]) -> tuple[TextEnv | None, Any]:
    """Carry out one request; returns the world (made by "make") and the reply."""
    match request:
        case ["make", spec, options, path]:
            sys.path.extend(each for each in path if each not in sys.path)
            known = msgspec.convert(spec, EnvSpec)
            if known.id not in specs():
                register(**{name: getattr(known, name) for name in spec})
            return make(known.id, **options), None
        case ["open", task, seed, needs] if env is not None:
            return env, open_world(env, task, seed, frozenset(needs))
        case ["step", action, needs] if env is not None:
            return env, step_world(env, action.decode("utf-8", "surrogatepass"), frozenset(needs))
    raise Fault("env", f"a worker cannot answer {request[:1]}")


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer requests (little-endian length, MessagePack) until the parent closes the pipe."""
    env: TextEnv | None = None
    try:
        while header := requests.read(4):
            request = msgspec.msgpack.decode(requests.read(*struct.unpack("<I", header)))
            try:
                env, value = answer(env, request)
                reply = ("ok", value)
            except Fault as error:
                reply = ("fault", (error.boundary, str(error)))
            except Exception as error:  # any other breakage of a world is a fault of the world, told to the parent
                reply = ("fault", ("env", f"{type(error).__name__}: {error}"))
            data = msgspec.msgpack.encode(reply)
            replies.write(struct.pack("<I", len(data)) + data)
            replies.flush()
    finally:
        if env is not None:
            env.close()


def main() -> None:
    """Keep the pipe to ourselves: whatever a library prints goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        serve(sys.stdin.buffer, replies)
    except BrokenPipeError:
        os._exit(1)  # the parent is gone; nobody is left to tell


if __name__ == "__main__":
    main()
