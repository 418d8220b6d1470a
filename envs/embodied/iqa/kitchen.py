"""A kitchen in words: its receptacles, where one stands to reach them, and what lies in each for a question.

What is upstream's: the free floor (``layouts/FloorPlan<N>-layout.npy``, points 0.25 m apart), the receptacles that
``FloorPlan<N>-layout.json`` names with a point to reach them from, and the start (``start_positions.npy``). The files
name few receptacles and no object: AI2-THOR's 2018 build placed objects from the row's seed inside Unity, and that draw
cannot be repeated outside it. So the rest is drawn here, from the scene number (receptacles) and the row (objects).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ....trajectories.errors import DataError
from ...data import field, read_json
from .questions import BIN, CABINET, FRIDGE, HOLDS, MICROWAVE, MOST, NOUNS, SINK, STOVE, TABLE, Question

NAMES = {
    TABLE: "table top",
    SINK: "sink",
    STOVE: "stove burner",
    BIN: "garbage can",
    FRIDGE: "fridge",
    MICROWAVE: "microwave",
    CABINET: "cabinet",
}
"""Receptacles by class, in the order in which a kitchen lists them."""

OPENS = frozenset({FRIDGE, MICROWAVE, CABINET})
"""What must be opened to be looked into (upstream's openable classes)."""

UPSTREAM = {"Cabinet": CABINET, "Fridge": FRIDGE, "Microwave": MICROWAVE}

Cell = tuple[int, int]
"""A point of the free floor in quarters of a metre (x, z)."""


@dataclass(frozen=True, slots=True)
class Receptacle:
    """Something that holds things: its class, its name and the free cell from which it is reached."""

    kind: int
    name: str
    stand: Cell


class Kitchen:
    """One scene: free floor, start and receptacles. Never changed after it is made."""

    def __init__(self, scene: int, floor: Sequence[Cell], start: Cell, named: Sequence[tuple[int, Cell]]) -> None:
        """Furnish the scene: what the layout names, and what every kitchen has, more of it in a larger one."""
        self.scene, self.floor = scene, frozenset(floor)
        cells = sorted(self.floor)
        self.start = _nearest(start, cells)
        rng = np.random.default_rng([1712, scene])
        wanted = {
            TABLE: min(max(len(cells) // 40, 1), 4),
            SINK: 1,
            STOVE: 2,
            BIN: 1,
            FRIDGE: 1,
            MICROWAVE: 1,
            CABINET: min(max(len(cells) // 12, 3), 9),
        }
        self.receptacles: list[Receptacle] = []
        for kind, count in wanted.items():
            stands = [_nearest(cell, cells) for each, cell in named if each == kind]
            stands += [cells[int(rng.integers(len(cells)))] for _ in range(count - len(stands))]
            self.receptacles += [Receptacle(kind, f"{NAMES[kind]} {i}", cell) for i, cell in enumerate(stands, 1)]
        self.names = {each.name: i for i, each in enumerate(self.receptacles)}
        self._walks: dict[Cell, dict[Cell, int]] = {}

    @cached_property
    def content(self) -> list[Any]:
        """What the digest of a task must cover."""
        return [self.scene, sorted(self.floor), self.start, [[each.kind, each.stand] for each in self.receptacles]]

    def moves(self, a: Cell, b: Cell) -> int:
        """Steps of 0.25 m on the shortest way over the free floor; where it is broken, as the crow walks."""
        if a not in self._walks:
            self._walks[a] = _distances(a, self.floor)
        return self._walks[a].get(b, abs(a[0] - b[0]) + abs(a[1] - b[1]))

    def place(self, question: Question) -> list[dict[int, int]]:
        """What lies in each receptacle: ``{class: count}``, drawn from the row and true to its answer.

        Every class has 0 to 3 pieces. The one asked about has as many as the answer says (counting), none or at least
        one (existence), none or at least one in the receptacles asked about and any number elsewhere (contains).
        """
        seeds = [question.seed, question.scene, question.type, question.object, question.container]
        draws = iter(np.random.default_rng(seeds).random(5 * len(NOUNS) + 5).tolist())
        found: list[dict[int, int]] = [{} for _ in self.receptacles]
        for kind in NOUNS:
            rooms = [i for i, each in enumerate(self.receptacles) if kind in HOLDS[each.kind]]
            if kind == question.object:
                chosen = self._target(question, rooms, draws)
            else:
                chosen = [_pick(rooms, draws) for _ in range(_whole(draws, 0, MOST))]
            for i in chosen:
                found[i][kind] = found[i].get(kind, 0) + 1
        return found

    def _target(self, question: Question, rooms: list[int], draws: Iterator[float]) -> list[int]:
        if question.type == 1:
            return [_pick(rooms, draws) for _ in range(question.answer)]
        if question.type == 0:
            return [_pick(rooms, draws) for _ in range(_whole(draws, 1, MOST) if question.answer else 0)]
        inside = [i for i, each in enumerate(self.receptacles) if each.kind == question.container]
        if question.answer:
            return [_pick(inside, draws), *(_pick(rooms, draws) for _ in range(_whole(draws, 0, MOST - 1)))]
        outside = [i for i in rooms if i not in inside]
        return [_pick(outside, draws) for _ in range(_whole(draws, 0, MOST))]


def read_kitchen(folder: Path, scene: int) -> Kitchen:
    """A scene from the official layout files.

    Raises:
        DataError: a file is missing or of another shape.
    """
    path = folder / "layouts" / f"FloorPlan{scene}-layout.npy"
    floor = [_cell(*point) for point in read_points(path)]
    if not floor:
        raise DataError(path, "no free point")
    starts = read_points(folder / "layouts" / "start_positions.npy")
    if scene > len(starts):
        raise DataError(folder / "layouts" / "start_positions.npy", f"has {len(starts)} rows, none for scene {scene}")
    path = path.with_suffix(".json")
    named: dict[str, tuple[int, Cell]] = {}
    for i, row in enumerate(field(read_json(path), "receptaclePoints", list, path, "layout")):
        id = field(row, "receptacleObjectId", str, path, i)
        node = field(row, "searchNode", dict, path, i)
        x, z = (field(node, axis, (int, float), path, i) for axis in "xz")
        kind = UPSTREAM.get(id.split("|")[0])
        if kind is not None:
            named.setdefault(id, (kind, _cell(x, z)))
    return Kitchen(scene, floor, _cell(*starts[scene - 1]), [named[id] for id in sorted(named)])


def read_points(path: Path) -> list[list[float]]:
    """The rows (x, z) of a ``.npy`` file, in metres.

    Raises:
        DataError: missing, not a plain array, or not of two columns.
    """
    try:
        points = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(path, f"cannot be read as a plain array: {error}") from error
    if points.ndim != 2 or points.shape[1] != 2 or points.dtype.kind != "f" or not np.isfinite(points).all():
        raise DataError(path, f"expected rows of two finite numbers, found {points.dtype} {points.shape}")
    found: list[list[float]] = points.tolist()
    return found


def _cell(x: float, z: float) -> Cell:
    return round(x * 4), round(z * 4)


def _nearest(cell: Cell, cells: Sequence[Cell]) -> Cell:
    return min(cells, key=lambda each: (abs(each[0] - cell[0]) + abs(each[1] - cell[1]), each))


def _distances(start: Cell, floor: frozenset[Cell]) -> dict[Cell, int]:
    found, queue = {start: 0}, deque([start])
    while queue:
        x, z = queue.popleft()
        for step in ((x + 1, z), (x - 1, z), (x, z + 1), (x, z - 1)):
            if step in floor and step not in found:
                found[step] = found[x, z] + 1
                queue.append(step)
    return found


def _whole(draws: Iterator[float], low: int, high: int) -> int:
    return low + int(next(draws) * (high - low + 1))


def _pick(rooms: list[int], draws: Iterator[float]) -> int:
    return rooms[int(next(draws) * len(rooms))]
