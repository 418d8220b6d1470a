"""Furniture for the places of a scene, from layout files where a person has them; the records name none.

A layout file is ``<scene>-openable.json`` as the ALFWorld package carries it (``alfworld/gen/layouts``, made from the
same AI2-THOR scenes): ``{"CounterTop|+00.10|+00.95|-01.50": [x, z, rotation, horizon], ...}``; only the keys are read.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path

from ....trajectories.errors import DataError, MissingPart
from ...data import read_json
from .records import Point

NEAR = 1.5
"""Metres from the middle of a place to the middle of the furniture that it is called after, seen from above."""

ABOVE = 0.2
"""Metres that a place may lie lower than the height in the furniture's id."""

DOORS = frozenset({"Cabinet", "Drawer", "Fridge", "Microwave", "Safe"})
"""What the layouts list but closes: no open surface is called after it."""


def folder_of(layouts: str) -> Path:
    """The folder that an option names: a path, or "alfworld" for the one inside that package.

    Raises:
        MissingPart: "alfworld", and the package is not installed.
        DataError: no such folder.
    """
    folder = Path(layouts)
    if layouts == "alfworld":
        found = importlib.util.find_spec("alfworld")
        if found is None or found.origin is None:
            raise MissingPart("layouts='alfworld' needs the Python package alfworld (pip install alfworld)")
        folder = Path(found.origin).parent / "gen" / "layouts"
    if not folder.is_dir():
        raise DataError(folder, "no such folder of layout files (<scene>-openable.json)")
    return folder


def read_furniture(folder: Path, scene: str) -> list[tuple[str, Point]]:
    """Type and position of what stands in a scene, by id; empty where the folder has no file for it.

    Raises:
        DataError: the file is not a mapping of ids.
    """
    path = folder / f"{scene}-openable.json"
    if not path.is_file():
        return []
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(path, f"expected an object, found {type(content).__name__}")
    found = []
    for id in sorted(content):
        kind, *axes = id.split("|")[:4]
        try:
            x, y, z = (float(axis) for axis in axes)
        except ValueError:
            raise DataError(path, "expected Type|x|y|z", record=id) from None
        found.append((kind, (x, y, z)))
    return found


def called_after(furniture: Sequence[tuple[str, Point]], middle: Point) -> str | None:
    """The type of the nearest open furniture that a place may belong to; None for the floor and where there is none."""
    near = [
        (math.hypot(at[0] - middle[0], at[2] - middle[2]), i)
        for i, (kind, at) in enumerate(furniture)
        if kind not in DOORS and middle[1] >= at[1] - ABOVE
    ]
    distance, i = min(near, default=(math.inf, 0))
    return furniture[i][0] if distance <= NEAR else None
