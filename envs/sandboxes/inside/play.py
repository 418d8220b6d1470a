"""What a child of the server becomes: a program of its own (`execute`) or Python text, warm (`play`)."""

from __future__ import annotations

import io
import os
import signal
import struct
import sys
from typing import Any

from .room import Refused, Room

PLAYING = "program.py"


def environment(room: Room, user: str | None, extra: dict[str, str]) -> dict[str, str]:
    name = user or room.config["user"]
    home = "/root" if name == "root" else room.config["home"]
    path = os.environ.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    base = {"PATH": path, "HOME": home, "USER": name, "LOGNAME": name, "LANG": "C.UTF-8", "SHELL": "/bin/bash"}
    return base | extra


def execute(argv: list[str], env: dict[str, str], cwd: str) -> None:
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.chdir(cwd)
    try:
        os.execvpe(argv[0], argv, env)
    except (OSError, ValueError) as error:
        raise Refused(f"{argv[0]}: cannot be run: {error}") from None


def play(code: bytes, env: dict[str, str], cwd: str, given: dict[str, Any]) -> None:
    """Run Python text as `__main__`, as `python program.py` would, and leave as it would."""
    import _sitebuiltins
    import builtins
    import linecache
    import types

    os.chdir(cwd)
    if dict(os.environ) != env:
        os.environ.clear()
        os.environ.update(env)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8", "surrogateescape")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8", "surrogateescape")
    err = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(err, "utf-8", "backslashreplace", line_buffering=True)
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
    sys.argv = [PLAYING]
    builtins.exit = builtins.quit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    main = types.ModuleType("__main__")
    main.__dict__.update({"__builtins__": builtins, "__file__": PLAYING} | given)
    sys.modules["__main__"] = main
    left = 0
    try:
        text = code.decode("utf-8", "surrogatepass")
        linecache.cache[PLAYING] = (len(text), None, text.splitlines(keepends=True), PLAYING)
        exec(compile(text, PLAYING, "exec"), main.__dict__)
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
    except SystemExit as error:
        left = error.code if isinstance(error.code, int) else int(error.code is not None)
        if not isinstance(error.code, int | None):
            print(error.code, file=sys.stderr)
    except BaseException as error:
        import traceback

        left = 1
        tail = error.__traceback__ and error.__traceback__.tb_next
        traceback.print_exception(type(error), error, tail)
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError:
        left = left or 120
    os._exit(left & 0xFF)


def spoken() -> dict[str, Any]:
    """The two functions that a talk's program has, on descriptors 9 and 8."""

    def exactly(count: int) -> bytes:
        parts = []
        while count:
            part = os.read(9, min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def hear() -> bytes | None:
        try:
            return exactly(struct.unpack(">I", exactly(4))[0])
        except EOFError:
            return None

    def say(message: bytes) -> None:
        data = memoryview(struct.pack(">I", len(message)) + message)
        while data:
            data = data[os.write(8, data) :]

    return {"hear": hear, "say": say}
