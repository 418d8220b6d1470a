"""No sandbox at all: a plain child process. Code in it can do whatever the user who started it can."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from ...trajectories.errors import UsageError
from .core import Image, Limits, Sandbox
from .inside import START, program
from .link import ProcessLink


def lacks() -> str:
    """Never anything: which is why it is taken only when asked for by its full name."""
    return ""


def start(image: Image, limits: Limits) -> Sandbox:
    """Open what looks like a sandbox and is none.

    Raises:
        UsageError: an image, a writable root or the root user was asked for.
    """
    if image.name or image.writable or image.user == "root":
        raise UsageError("unsafe-subprocess has no root of its own: neither image, writable root nor root user")
    home = Path(tempfile.mkdtemp(prefix="agentbank-unsafe-"))
    argv = [sys.executable, "-s", "-S", "-c", START]
    env = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONHASHSEED": "0"}
    link = ProcessLink(argv, env=env, first=program(), after=lambda: shutil.rmtree(home))
    sandbox = Sandbox(link, "unsafe-subprocess", limits, image, ("NO ISOLATION: code runs as you, with your files",))
    config = {
        "alone": False,
        "users": {"agent": None},
        "user": "agent",
        "home": str(home),
        "workdir": str(home),
        "wipe": [str(home)],
        "memory": limits.memory,
        "disk": limits.disk,
        "nproc": 0,
    }
    try:
        sandbox.ask(config, seconds=20.0)
        if image.tree:
            sandbox.put_tree(image.tree, str(home))
    except BaseException:
        sandbox.close()
        raise
    return sandbox
