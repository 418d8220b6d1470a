"""The state of an episode and its judge: the challenge's metrics over what has been moved, opened and closed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from .records import Point
from .room import AJAR, FAR, MOVED, Room, Spot

Phase = Literal["walkthrough", "unshuffle"]


@dataclass(slots=True)
class State:
    """Where everything is now. In the walkthrough the room is as it should be; in the unshuffle phase it is not."""

    phase: Phase
    here: str
    """The place where the agent stands; empty in the middle of the room."""
    held: int | None
    at: list[Spot | None]
    """The spot of each thing; None in the hand."""
    points: list[Point | None]
    open: list[float]

    def copy(self) -> State:
        """An independent copy."""
        return replace(self, at=self.at[:], points=self.points[:], open=self.open[:])


def in_order(room: Room) -> State:
    """The room as it should be, for the walkthrough."""
    return State("walkthrough", "", None, list(room.goal_spots), list(room.goals), list(room.hinge_goals))


def shuffled(room: Room) -> State:
    """The room as the record's starting poses have it."""
    points: list[Point | None] = [thing.start for thing in room.record.things]
    return State("unshuffle", "", None, list(room.start_spots), points, list(room.hinge_starts))


def energies(room: Room, state: State) -> list[float]:
    """How far each thing and each hinge is from its goal, 0 (restored) to 1.

    As the challenge's pose energy, with its box overlap taken as none for whatever is misplaced: a thing has
    0.5 + 0.5 min(distance / 2 m, 1), 1 in the hand; a hinge 1 beyond the tolerance.
    """
    found = []
    for goal, point in zip(room.goals, state.points, strict=True):
        gap = math.inf if point is None else math.dist(goal, point)
        found.append(0.0 if gap <= MOVED else 0.5 + 0.5 * min(gap / FAR, 1.0))
    found += [float(abs(goal - now) > AJAR) for goal, now in zip(room.hinge_goals, state.open, strict=True)]
    return found


def metrics(start: list[float], now: list[float]) -> dict[str, Any]:
    """The challenge's metrics (rearrange/tasks.py) from the energies at the shuffled start and now.

    `prop_fixed_strict` is the share of misplaced things now right, and 0 as soon as one that was right is not.
    """
    wrong_before = sum(each > 0 for each in start)
    fixed = sum(was > 0 and not is_ for was, is_ in zip(start, now, strict=True))
    spoilt = sum(is_ > 0 and not was for was, is_ in zip(start, now, strict=True))
    wrong = sum(each > 0 for each in now)
    share = fixed / wrong_before
    return {
        "prop_fixed": share,
        "prop_fixed_strict": 0.0 if spoilt else share,
        "energy_remaining": sum(now) / sum(start),
        "prop_misplaced": wrong / wrong_before,
        "num_misplaced": wrong,
        "num_newly_misplaced": spoilt,
        "num_initially_misplaced": wrong_before,
    }
