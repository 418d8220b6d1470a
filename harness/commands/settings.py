"""How settings are spelled on a command line: ``key=value`` pairs, data folders, world options."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...envs import EnvSpec
from ...trajectories import UsageError

PYTHON = {"True": True, "False": False, "None": None}
"""What Python says otherwise than JSON; as text, "False" would be true."""


def pairs(texts: Iterable[str], option: str) -> dict[str, Any]:
    """``["temperature=0", "name=x"]`` as a mapping; a value is JSON (or `PYTHON`) where it reads as that, else text.

    Raises:
        UsageError: an item without ``=``.
    """
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} takes KEY=VALUE, not {text!r}")
        try:
            found[key] = json.loads(value)
        except json.JSONDecodeError:
            found[key] = PYTHON.get(value, value)
    return found


def world_options(worlds: Sequence[EnvSpec], options: Iterable[str], data: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Options and data by world.

    ``-o engine=native`` is for every chosen world, ``-o alfworld.engine=native`` for one. ``--data PATH`` is the
    folder of the only world, or holds one named after each of several; ``--data webshop=PATH`` names one world's.

    Raises:
        UsageError: an option for a world that was not chosen.
    """
    found: dict[str, dict[str, Any]] = {spec.id: {} for spec in worlds}
    for key, value in pairs(options, "-o").items():
        world, dot, name = key.partition(".")
        if dot:
            _of(found, world)[name] = value
        else:
            for each in found.values():
                each[key] = value
    for text in data:
        world, equals, path = text.partition("=")
        if equals and world in found:
            found[world]["data"] = path
        elif text == "sample" or len(found) == 1:
            for each in found.values():
                each["data"] = text
        else:
            for name, each in found.items():
                if (Path(text) / name).is_dir():
                    each["data"] = str(Path(text) / name)
    return found


def _of(found: dict[str, dict[str, Any]], world: str) -> dict[str, Any]:
    if world not in found:
        raise UsageError(f"-o {world}...: {world!r} is not among the chosen worlds ({', '.join(found)})")
    return found[world]
