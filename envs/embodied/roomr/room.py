"""A room in words: how metres become places and numbered spots, and when a thing counts as restored.

Two constants carry the meaning. A *place* is what one hand reaches without a step: poses within `REACH` of its middle
at about the same height. A thing is *misplaced* when it lies further than `MOVED` from where it belongs; upstream asks
for an overlap of 3-D boxes above one half, which needs the simulator's boxes, and this distance is the one that
reproduces upstream's own counts best (docs/worlds/roomr.md has the figures).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

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

LEVELS = ((0.12, "floor"), (0.55, "low surface"), (1.2, "surface"), (math.inf, "high surface"))
"""Heights in metres up to which a place is called so; the records name no furniture."""


def words(name: str) -> str:
    """``ButterKnife_81a4be1a`` or ``ShowerDoor|+00.10|...`` as ``butter knife``, ``shower door``."""
    kind = re.split(r"[_|]", name, maxsplit=1)[0]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind).lower()


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

    def __init__(self, records: Sequence[Record]) -> None:
        """Gather places by leaders, in a fixed order: a point that no place reaches becomes the middle of a new one."""
        self.points = sorted({_to_cm(each) for record in records for thing in record.things for each in poses(thing)})
        middles: list[Point] = []
        for point in self.points:
            if not any(_reaches(middle, point) for middle in middles):
                middles.append(point)
        names = numbered(next(name for height, name in LEVELS if middle[1] < height) for middle in middles)
        self.places = tuple(Place(name, middle) for name, middle in zip(names, middles, strict=True))
        self.hinges = sorted({hinge.id for record in records for hinge in record.hinges})
        self.hinge_names = dict(zip(self.hinges, numbered(map(words, self.hinges)), strict=True))

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

    A thing that upstream counts as moved never has goal and start in one. Points of the scene's other records follow
    where no spot is within `APART`: without them each empty spot would betray a thing that was moved.
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
    for other in others:
        if all(math.dist(other, each) > APART for each in points):
            points.append(other)
    return points, goal_at, start_at


def _to_cm(point: Point) -> Point:
    x, y, z = point
    return (round(x, 2), round(y, 2), round(z, 2))


def _above(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[2] - b[2])


def _reaches(middle: Point, point: Point) -> bool:
    return abs(middle[1] - point[1]) <= STOREY and _above(middle, point) <= REACH
