"""Bundled rooms of our own for RoomR, drawn by a fixed seed in the official layout; no real scene is among them."""

from __future__ import annotations

import gzip
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np

ROOMS = {
    "train": ("Bakery", "Boathouse", "Lighthouse", "Workshop", "Observatory"),
    "val": ("Greenhouse", "Caravan", "Bookshop", "Pottery", "Attic"),
    "test": ("Signalbox", "Treehouse", "Apothecary", "Mill", "Cellar"),
}
"""Rooms by split: no room is in two of them."""

A_ROOM = 8
"""Records of each room."""

THINGS = (
    "Teapot",
    "Lantern",
    "Scissors",
    "Notebook",
    "Sieve",
    "Trowel",
    "Chisel",
    "Inkwell",
    "Jar",
    "Spool",
    "Bellows",
    "Compass",
    "Mallet",
    "Whisk",
    "Thimble",
    "HourGlass",
    "PaintBrush",
    "MeasuringTape",
    "OilCan",
    "BirdCage",
)
DOORS = ("Drawer", "Cabinet", "Trunk", "Shutter", "Hatch")


def split(name: str) -> dict[str, list[dict[str, Any]]]:
    """``{scene: [record, ...]}`` of a split, the same on every machine."""
    return {room: _scene(np.random.default_rng([2021, *room.encode()])) for room in ROOMS[name]}


def write(folder: Path, edition: str = "2023") -> None:
    """Write every split in the official layout, ``data/<edition>/<split>.pkl.gz``."""
    home = folder / "data" / edition
    home.mkdir(parents=True, exist_ok=True)
    for name in ROOMS:
        (home / f"{name}.pkl.gz").write_bytes(gzip.compress(pickle.dumps(split(name)), mtime=0))


def _scene(rng: np.random.Generator) -> list[dict[str, Any]]:
    tables = [
        (float(x), height, float(z))
        for x, z in rng.permutation([(x, z) for x in (-3, 0, 3) for z in (-3, 0, 3)])[:5]
        for height in [float(rng.choice([0.02, 0.42, 0.83, 1.45]))]
    ]
    kinds = [str(each) for each in rng.choice(THINGS, 9, replace=False)]
    names = [f"{kind}_{rng.integers(16**8):08x}" for kind in [*kinds, kinds[0]]]
    doors = [f"{rng.choice(DOORS)}|{x:+06.2f}|{0.4:+06.2f}|{z:+06.2f}" for x, _, z in tables[:3]]
    home = _spread(rng, tables, len(names))
    return [_record(rng, tables, names, home, doors, i) for i in range(A_ROOM)]


def _record(
    rng: np.random.Generator,
    tables: list[tuple[float, float, float]],
    names: list[str],
    home: list[tuple[float, float, float]],
    doors: list[str],
    i: int,
) -> dict[str, Any]:
    count = 1 + i % 5
    swings = int(i % 2 and count > 1)
    moved = {int(each) for each in rng.choice(len(names), count - swings, replace=False)}
    free = iter([each for each in _spread(rng, tables, 3 * len(names)) if min(math.dist(each, h) for h in home) > 0.1])
    start = [next(free) if j in moved else pose for j, pose in enumerate(home)]
    goal_share = round(float(rng.uniform(0.3, 0.95)), 3)
    door = str(rng.choice(doors))
    opened = [
        {
            "name": door.split("|")[0] + "_0",
            "objectName": door.split("|")[0] + "_0",
            "objectId": door,
            "start_openness": 0.0 if goal_share > 0.5 else 0.9,
            "target_openness": goal_share,
        }
    ]
    return {
        "agent_position": {"x": 1.5, "y": 0.9, "z": 1.5},
        "agent_rotation": int(rng.integers(12)) * 30,
        "object_rearrangement_count": count,
        "openable_data": opened[:swings],
        "starting_poses": [_pose(*each) for each in zip(names, start, strict=True)],
        "target_poses": [_pose(*each) for each in zip(names, home, strict=True)],
        "position_diff_count": len(moved),
        "open_diff_count": swings,
        "pose_diff_energy": sum(
            0.5 + 0.5 * min(math.dist(a, b) / 2, 1.0) for a, b in zip(start, home, strict=True) if a != b
        )
        + swings,
    }


def _spread(
    rng: np.random.Generator, tables: list[tuple[float, float, float]], count: int
) -> list[tuple[float, float, float]]:
    found: list[tuple[float, float, float]] = []
    while len(found) < count:
        x, y, z = tables[int(rng.integers(len(tables)))]
        point = (round(x + float(rng.uniform(-0.7, 0.7)), 4), y, round(z + float(rng.uniform(-0.4, 0.4)), 4))
        if all(math.dist(point, each) > 0.1 for each in found):
            found.append(point)
    return found


def _pose(name: str, at: tuple[float, float, float]) -> dict[str, Any]:
    position = dict(zip("xyz", at, strict=True))
    return {"name": name, "objectName": name, "position": position, "rotation": {"x": 0.0, "y": 0.0, "z": 0.0}}
