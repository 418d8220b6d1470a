"""Worlds that answer text with text."""

from . import worlds
from .core import EnvSpec, Outcome, Task, TextEnv, digest, panel
from .data import Source, locate
from .registry import load, make, missing, register, select, spec, specs

__all__ = [
    "EnvSpec",
    "Outcome",
    "Source",
    "Task",
    "TextEnv",
    "digest",
    "load",
    "locate",
    "make",
    "missing",
    "panel",
    "register",
    "select",
    "spec",
    "specs",
    "worlds",
]
