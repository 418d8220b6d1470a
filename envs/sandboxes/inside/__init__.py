"""The server inside every sandbox: standard library only; its text goes to the sandbox's own Python, not ours."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

ORDER = ("room", "jobs", "play", "spare", "files", "serve")

START = """
import os, struct
def take(count):
    data = b""
    while len(data) < count:
        part = os.read(0, count - len(data))
        if not part:
            os._exit(0)
        data += part
    return data
exec(take(struct.unpack(">I", take(4))[0]))
"""
"""What ``python -s -S -c START`` runs: it takes the server's text from standard input; `ps` need not show it."""

_BODY = """
import sys, types
sys.path[:] = [each for each in sys.path if each]
package = types.ModuleType("inside")
package.__path__ = []
sys.modules["inside"] = package
for name, text in SOURCES:
    module = types.ModuleType("inside." + name)
    module.__package__ = "inside"
    sys.modules[module.__name__] = module
    exec(compile(text, "inside/" + name + ".py", "exec"), module.__dict__)
module.main()
"""


@cache
def program() -> bytes:
    """The server as one Python text with its length before it; its configuration follows as the first frame."""
    folder = Path(__file__).parent
    sources = [(name, (folder / f"{name}.py").read_text(encoding="utf-8")) for name in ORDER]
    text = f"SOURCES = {sources!r}\n{_BODY}".encode()
    return struct.pack(">I", len(text)) + text
