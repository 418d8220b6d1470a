"""A room in words: how metres become places and numbered spots, and when a thing counts as restored.

Two constants carry the meaning. A *place* is what one hand reaches without a step: poses within `REACH` of its middle
at about the same height. A thing is *misplaced* when it lies further than `MOVED` from where it belongs; upstream asks
for an overlap of 3-D boxes above one half, which needs the simulator's boxes; this distance was fitted to upstream's own
counts (docs/worlds/roomr.md has the figures).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .furniture import called_after
from .records import Hinge, Point, Record, Thing

REACH = 0.75
"""Metres from the middle of a place to its farthest spot, seen from above."""

STOREY = 0.25
"""Metres of height by which the spots of one place may differ from its middle."""

MOVED = 0.03
"""Metres: nearer than this to its goal, a thing is where it belongs."""

AJAR = 0.2
"""Share of openness: no further than this from its goal, a door is as it should be (the challenge's tolerance)."""

FAR = 2.0
"""Metres: from here on, distance adds nothing to a thing's energy (the challenge's position barrier)."""

APART = 0.15
"""Metres between a spot that only other records of the scene use and any other spot."""

FLOOR = "floor"
LEVELS = ((0.12, FLOOR), (0.55, "low surface"), (1.2, "surface"), (math.inf, "high surface"))
"""Heights in metres up to which a place is called so; the records name no furniture."""


def words(name: str) -> str:
    """``ButterKnife_81a4be1a`` or ``ShowerDoor|+00.10|...`` as ``butter knife``, ``shower door``."""
    kind = re.split(r"[_|]", name, maxsplit=1)[0]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", kind).lower()


def numbered(kinds: Iterable[str]) -> list[str]:
    """``[mug, bowl, mug]`` as ``[mug 1, bowl 1, mug 2]``."""
    seen: dict[str, int] = {}
    names = []
    for kind in kinds:
        seen[kind] = seen.get(kind, 0) + 1
        names.append(f"{kind} {seen[kind]}")
    return names


@dataclass(frozen=True, slots=True)
class Place:
    """A patch of floor or furniture by its middle, with the name that it goes by."""

    name: str
    middle: Point


class Scene:
    """What all records of one scene tell together: its places, the points in use, and what opens."""

    def __init__(self, records: Sequence[Record], furniture: Sequence[tuple[str, Point]] = ()) -> None:
        """Gather few places that reach every point, and name them and what opens.

        A place is called after its height, or after the furniture it lies on where that is known.
        """
        points = sorted({_to_cm(each) for record in records for thing in record.things for each in poses(thing)})
        middles = cover(points)
        self.points = thin(points, ())
        self.hinges = sorted({hinge.id for record in records for hinge in record.hinges})
        kinds = [*(_kind(middle, furniture) for middle in middles), *map(words, self.hinges)]
        # Numbered together: a toilet may be a place for things and open as well.
        names = numbered(kinds)
        self.places = tuple(Place(name, middle) for name, middle in zip(names, middles, strict=False))
        self.hinge_names = dict(zip(self.hinges, names[len(middles) :], strict=True))

    def place(self, point: Point) -> int:
        """The nearest place that reaches a point of this scene."""
        # A point is rounded to the centimetre before places are made, so the last may lie just out of reach.
        near = [i for i, each in enumerate(self.places) if abs(each.middle[1] - point[1]) <= STOREY + 0.01]
        return min(near, key=lambda i: (_above(self.places[i].middle, point), i))


class Room:
    """One record as a puzzle: things and hinges by name, the spots of each place, start and goal of everything.

    Never changed after it is made; the state of an episode is a `State`.
    """

    def __init__(self, scene: Scene, record: Record) -> None:
        """Number the spots of every place from left to right (by x, then z)."""
        self.scene, self.record = scene, record
        self.things = numbered(words(thing.name) for thing in record.things)
        self.goals = tuple(thing.goal for thing in record.things)
        points, goal_at, start_at = spots(record.things, scene.points)
        at = [scene.place(point) for point in points]
        self.spots: dict[str, list[Point]] = {place.name: [] for place in scene.places}
        where: dict[int, Spot] = {}
        for i in sorted(range(len(points)), key=lambda i: (at[i], points[i][0], points[i][2], points[i][1], i)):
            name = scene.places[at[i]].name
            self.spots[name].append(points[i])
            where[i] = (name, len(self.spots[name]))
        self.goal_spots: tuple[Spot, ...] = tuple(where[i] for i in goal_at)
        self.start_spots: tuple[Spot, ...] = tuple(where[i] for i in start_at)
        known = {hinge.id: hinge for hinge in record.hinges}
        rows = [known.get(id, Hinge(id, 0.0, 0.0)) for id in scene.hinges]
        self.hinges = tuple(scene.hinge_names[each] for each in scene.hinges)
        self.hinge_starts = tuple(row.start for row in rows)
        self.hinge_goals = tuple(row.goal for row in rows)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Every name that one can go to: places with spots, then what opens."""
        return (*(name for name, spots in self.spots.items() if spots), *self.hinges)

    def point(self, thing: int, spot: Spot) -> Point:
        """Where a thing put at a spot comes to lie: as it belongs if that is its spot, else at the spot's middle."""
        return self.goals[thing] if spot == self.goal_spots[thing] else self.spots[spot[0]][spot[1] - 1]


Spot = tuple[str, int]
"""A place's name and the number of the spot there, from 1."""


def poses(thing: Thing) -> tuple[Point, Point]:
    """Goal and start."""
    return thing.goal, thing.start


def spots(things: Sequence[Thing], others: Iterable[Point]) -> tuple[list[Point], list[int], list[int]]:
    """The points that things lie at, those within `MOVED` taken as one, and which of them are whose goal and start.

    A thing that counts as moved never has goal and start in one. Points of the scene's other records follow where no
    spot is within `APART`: without them each empty spot would betray a thing that was moved.
    """
    points: list[Point] = []

    def join(point: Point, barred: int | None = None) -> int:
        for i, each in enumerate(points):
            if i != barred and math.dist(each, point) <= MOVED:
                return i
        points.append(point)
        return len(points) - 1

    goal_at = [join(thing.goal) for thing in things]
    start_at = [
        goal_at[i] if math.dist(thing.start, thing.goal) <= MOVED else join(thing.start, barred=goal_at[i])
        for i, thing in enumerate(things)
    ]
    return [*points, *thin(others, points)], goal_at, start_at


def thin(points: Iterable[Point], beside: Sequence[Point]) -> list[Point]:
    """Those points, in order, that lie further than `APART` from all of `beside` and from the ones kept before."""
    kept: list[Point] = []
    for point in points:
        if all(math.dist(point, each) > APART for each in beside) and all(
            math.dist(point, each) > APART for each in kept
        ):
            kept.append(point)
    return kept


def _kind(middle: Point, furniture: Sequence[tuple[str, Point]]) -> str:
    level = next(name for height, name in LEVELS if middle[1] < height)
    owner = None if level == FLOOR else called_after(furniture, middle)
    return level if owner is None else words(owner)


def _to_cm(point: Point) -> Point:
    x, y, z = point
    return (round(x, 2), round(y, 2), round(z, 2))


def cover(points: Sequence[Point]) -> list[Point]:
    """Middles that together reach all points, taken greedily: next comes the point that reaches most of the rest.

    Reckoned in whole centimetres, so that every machine finds the same; in the order of x, z, height.
    """
    cm = np.array(points, dtype=np.float64).reshape(-1, 3)
    x, y, z = np.rint(cm * 100).astype(np.int64).T
    across = (x[:, None] - x) ** 2 + (z[:, None] - z) ** 2
    reach = (across <= round(REACH * 100) ** 2) & (np.abs(y[:, None] - y) <= round(STOREY * 100))
    left = np.ones(len(points), dtype=bool)
    chosen: list[Point] = []
    while left.any():
        best = int(np.argmax((reach & left).sum(axis=1)))
        chosen.append(points[best])
        left &= ~reach[best]
    return sorted(chosen, key=lambda each: (each[0], each[2], each[1]))


def _above(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[2] - b[2])
