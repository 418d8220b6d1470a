"""RoomR in words: walk through a room in order, remember it, and restore it after it has been shuffled.

Paper: Weihs et al. 2021 (arXiv 2103.16544). Data and a record: `records.py`; places and spots: `room.py`; metrics:
`state.py`.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Unpack

from ....trajectories.errors import DataError, UnknownName
from ...core import Outcome, Standard, Task, TextEnv, digest
from ..listing import Listing
from . import sample
from .expert import plan
from .furniture import folder_of, read_furniture
from .records import EDITIONS, Point, Record, parse, read_split, split_file
from .room import Room, Scene, Spot
from .state import State, energies, in_order, metrics, shuffled

MANUAL = """\
I understand: go to PLACE, look, take THING, put THING on PLACE at spot N, open THING to N%, close THING, done.

First comes the walkthrough: the room is as it should be. Go from place to place and remember what lies at which spot
and how far each door or drawer is open; nothing can be moved yet. Say `done` when you have seen enough. The room is
then shuffled: some things lie elsewhere, or something is opened or closed further. Put everything back as it was, and
say `done` again.

go to PLACE              e.g. go to surface 2; you see what is there, with spot numbers
look                     what is here again
take THING               e.g. take mug 1; you carry one thing at a time
put THING on PLACE at spot N   e.g. put mug 1 on surface 2 at spot 3 (you must be there; `in` works like `on`);
                         without a spot it goes to the free spot with the lowest number
open THING to N%         e.g. open drawer 1 to 60%; `open drawer 1` opens it fully
close THING              e.g. close drawer 1
done                     ends the walkthrough, later the episode
"""


class Split:
    """One split's file, read once: raw records by scene, scenes and puzzles made when first asked for."""

    def __init__(self, path: Path, scenes: dict[str, list[Any]], prefix: str, layouts: Path | None) -> None:
        """List the tasks in the file's order."""
        self.layouts = layouts
        self.path, self.raw = path, scenes
        self.keys = [(scene, i) for scene, records in scenes.items() for i in range(len(records))]
        self.listing = Listing("task of roomr", [f"{prefix}/{scene}/{i}" for scene, i in self.keys], self._task)
        self.prefix = prefix
        self._digests: dict[str, str] = {}
        # Caches of this split, not of the class: they go when it goes.
        self.scene = cache(self._scene)
        self.room = lru_cache(maxsize=512)(self._room)

    def _scene(self, name: str) -> tuple[Scene, tuple[Record, ...]]:
        """A scene's places and its parsed records."""
        records = tuple(parse(raw, self.path, f"{name}/{i}") for i, raw in enumerate(self.raw[name]))
        return Scene(records, self._furniture(name)), records

    def _room(self, name: str, number: int) -> Room:
        """A record as a puzzle."""
        scene, records = self.scene(name)
        return Room(scene, records[number])

    def _furniture(self, name: str) -> list[tuple[str, Point]]:
        return [] if self.layouts is None else read_furniture(self.layouts, name)

    def _task(self, i: int) -> Task:
        scene, number = self.keys[i]
        if scene not in self._digests:
            self._digests[scene] = digest([self.raw[scene], self._furniture(scene)])
        # The scene's other records shape its places and the layout names them, so both are part of the content.
        mark = digest([self._digests[scene], number])
        return Task(self.listing.ids[i], self.prefix.split("/")[1], (scene, number), mark)


_lock = threading.Lock()


@lru_cache(maxsize=8)
def _load(path: Path | None, stamp: int, prefix: str, layouts: Path | None) -> Split:
    scenes = sample.split(prefix.split("/")[1]) if path is None else read_split(path)
    return Split(path or Path("the bundled sample"), scenes, prefix, layouts)


class RoomR(TextEnv):
    """The world. `edition` chooses the year of the official data ("2023", "2022", "2021"); `snap` the hand's kindness.

    With ``snap=True``, `put THING on PLACE` and `open THING` lead to the goal pose where that lies here, as the
    challenge's discrete actions do; by default the agent must name spot and openness itself. `layouts` names places
    after furniture: a folder of layout files, or "alfworld" for those in that package (see `furniture.py`).
    """

    manual = MANUAL

    def __init__(
        self, *, edition: str = "2023", snap: bool = False, layouts: str | None = None, **standard: Unpack[Standard]
    ) -> None:
        """Find the data; nothing is read before the first `tasks()` or `reset()`.

        Raises:
            UnknownName: no such edition or split.
            MissingPart: ``layouts="alfworld"`` without that package.
            DataError: no such folder of layouts.
        """
        super().__init__(**standard)
        if edition not in EDITIONS:
            raise UnknownName("edition of roomr", edition, EDITIONS)
        self.edition, self.snap = edition, snap
        self.layouts = None if layouts is None else folder_of(layouts)
        self.room: Room
        self.state: State
        self._start: list[float] = []
        self._judged: dict[str, Any] = {}

    # --- tasks ----------------------------------------------------------------------------------------------------

    def _split(self) -> Split:
        folder = self.source.path
        path = None if folder is None else split_file(folder, self.edition, self.split)
        stamp = 0 if path is None else path.stat().st_mtime_ns
        prefix = f"roomr/{self.split}" if self.edition == "2023" else f"roomr/{self.split}/{self.edition}"
        with _lock:
            return _load(path, stamp, prefix, self.layouts)

    def tasks(self) -> Sequence[Task]:
        """Every record of the split's file, in its order; built when looked at."""
        return self._split().listing

    def find(self, task_id: str) -> Task:
        """The task of that id, without building the others."""
        return self._split().listing.named(task_id)

    # --- an episode -----------------------------------------------------------------------------------------------

    def start(self, task: Task) -> str:
        """Stand in the middle of the room as it should be."""
        name, number = task.data
        split = self._split()
        self.room = split.room(name, number)
        self._start = energies(self.room, shuffled(self.room))
        if not any(self._start):
            raise DataError(split.path, "nothing in this record is misplaced", record=f"{name}/{number}")
        self.state = in_order(self.room)
        self._judge()
        return (
            "Put this room in order. For now everything is as it should be: go around, look and remember; nothing can "
            "be moved yet. Say `done` when you have seen enough; the room is then shuffled and you restore it.\n"
            f"{self._look()}"
        )

    def respond(self, action: str) -> Outcome:
        """Answer one action; see the manual for the verbs."""
        text = " ".join(action.split()).lower()
        if len(text) <= 200:
            for pattern, answer in VERBS:
                match = pattern.fullmatch(text)
                if match:
                    return answer(self, **match.groupdict())
        return self._not_done(self.hint())

    def actions(self) -> list[str]:
        """Everything that changes something or shows something now, `open` in steps of 10%."""
        room, state = self.room, self.state
        can = ["look", "done", *(f"go to {place}" for place in room.places if place != state.here)]
        if state.phase == "walkthrough":
            return can
        if state.here in room.hinges:
            can += [f"open {state.here} to {share}%" for share in range(10, 101, 10)] + [f"close {state.here}"]
        elif state.held is not None and state.here:
            thing, spots = room.things[state.held], len(room.spots[state.here])
            can += [f"put {thing} on {state.here} at spot {i}" for i in range(1, spots + 1)]
        elif state.held is None:
            can += [f"take {room.things[i]}" for i, spot in enumerate(state.at) if spot and spot[0] == state.here]
        return can

    def expert(self, task: Task) -> list[str]:
        """A tour, then a second one that mends what differs; a walker who remembers could find each step itself."""
        return plan(self.room)

    def fork(self) -> RoomR:
        """A copy of the present state."""
        if self.task is None:
            super().fork()
        twin = copy.copy(self)
        twin.state, twin.history = self.state.copy(), self.history[:]
        # `rng` is not copied: this world draws nothing from it. Gymnasium's is, for a later reset() without a seed.
        twin._info, twin._np_random = dict(self._info), copy.deepcopy(self._np_random)
        return twin

    # --- verbs ----------------------------------------------------------------------------------------------------

    def _go(self, place: str) -> Outcome:
        if place not in self.room.places:
            return self._not_done(f"There is no place {place!r} here. Places: {', '.join(self.room.places)}.")
        self.state.here = place
        return self._done(self._look())

    def _look_around(self) -> Outcome:
        return self._done(self._look())

    def _take(self, thing: str) -> Outcome:
        state = self.state
        i = self._seen(thing)
        if state.phase == "walkthrough":
            return self._not_done("This is the walkthrough: nothing can be moved yet. Say `done` to end it.")
        if state.held is not None:
            return self._not_done(f"You carry {self.room.things[state.held]} already; put it down first.")
        if i is None:
            return self._not_done(f"You see no {thing!r} here.")
        state.held, state.at[i], state.points[i] = i, None, None
        self._judge()
        return self._done(f"You take {thing}.")

    def _put(self, thing: str, place: str, spot: str | None) -> Outcome:
        room, state = self.room, self.state
        if state.held is None or room.things[state.held] != thing:
            return self._not_done(f"You do not carry {thing!r}.")
        if place != state.here or place not in room.spots:
            mend = f"go to {place} first" if place in room.spots else "it is no place for things"
            return self._not_done(f"You cannot put it on {place!r} now: {mend}.")
        held, number = state.held, int(spot) if spot else self._free(state.held, place)
        if not 1 <= number <= len(room.spots[place]):
            return self._not_done(f"{place} has spots 1 to {len(room.spots[place])}.")
        state.at[held], state.points[held], state.held = (place, number), room.point(held, (place, number)), None
        self._judge()
        return self._done(f"You put {thing} on {place} at spot {number}.")

    def _free(self, held: int, place: str) -> int:
        goal = self.room.goal_spots[held]
        if self.snap and goal[0] == place:
            return goal[1]
        taken = {spot[1] for spot in self.state.at if spot and spot[0] == place}
        return next((i for i in range(1, len(self.room.spots[place]) + 1) if i not in taken), 1)

    def _open(self, thing: str, share: str | None) -> Outcome:
        if share is not None and not int(share) <= 100:
            return self._not_done("Openness is 0% to 100%.")
        if share is None and self.snap and thing in self.room.hinges:
            return self._swing(thing, self.room.hinge_goals[self.room.hinges.index(thing)])
        return self._swing(thing, 1.0 if share is None else int(share) / 100)

    def _close(self, thing: str) -> Outcome:
        return self._swing(thing, 0.0)

    def _swing(self, thing: str, share: float) -> Outcome:
        state = self.state
        if state.phase == "walkthrough":
            return self._not_done("This is the walkthrough: nothing can be moved yet. Say `done` to end it.")
        if thing not in self.room.hinges or state.here != thing:
            mend = f"go to {thing} first" if thing in self.room.hinges else "nothing of that name opens"
            return self._not_done(f"You cannot open or close {thing!r} now: {mend}.")
        state.open[self.room.hinges.index(thing)] = share
        self._judge()
        return self._done(self._look())

    def _finish(self) -> Outcome:
        if self.state.phase == "walkthrough":
            self.state = shuffled(self.room)
            self._judge()
            return self._done(
                "The walkthrough is over and the room has been shuffled. Restore it, then say `done`.\n" + self._look()
            )
        score = self._judged["score"]
        return Outcome("You are done.", score, True, self._judged)

    # --- what is seen and judged ----------------------------------------------------------------------------------

    def _look(self) -> str:
        room, state = self.room, self.state
        carried = "" if state.held is None else f" You carry {room.things[state.held]}."
        if not state.here:
            return f"You are in the middle of the room. Places: {', '.join(room.places)}.{carried}"
        if state.here in room.hinges:
            share = state.open[room.hinges.index(state.here)]
            shown = f"It is {round(share * 100)}% open." if share else "It is closed."
            return f"You are at {state.here}. {shown}{carried}"
        here = [(spot[1], room.things[i]) for i, spot in enumerate(state.at) if spot and spot[0] == state.here]
        things = ", ".join(f"{thing} at spot {number}" for number, thing in sorted(here)) or "nothing"
        spots = len(room.spots[state.here])
        span = f"spots 1 to {spots}" if spots > 1 else "spot 1"
        return f"You are at {state.here} ({span}). You see: {things}.{carried}"

    def _seen(self, thing: str) -> int | None:
        spots: Sequence[Spot | None] = self.state.at
        try:
            i = self.room.things.index(thing)
        except ValueError:
            return None
        spot = spots[i]
        return i if spot is not None and spot[0] == self.state.here else None

    def _judge(self) -> None:
        """Score the present state. In the walkthrough the shuffled room is what would be left behind: nothing fixed."""
        walking = self.state.phase == "walkthrough"
        now = self._start if walking else energies(self.room, self.state)
        found = metrics(self._start, now)
        score = found["prop_fixed_strict"]
        success = not any(now)
        self._judged = {"score": score, "success": success, "phase": self.state.phase, **found}

    def _done(self, observation: str) -> Outcome:
        return Outcome(observation, info=self._judged)

    def _not_done(self, observation: str) -> Outcome:
        return Outcome(observation, info=self._judged | {"valid": False})


VERBS: tuple[tuple[re.Pattern[str], Callable[..., Outcome]], ...] = (
    (re.compile(r"go to (?P<place>.+)"), RoomR._go),
    (re.compile(r"look(?: around)?"), RoomR._look_around),
    (re.compile(r"take (?P<thing>.+)"), RoomR._take),
    (
        re.compile(r"put (?P<thing>.+?) (?:in/on|in|on) (?P<place>.+?)(?: at spot (?P<spot>[0-9]{1,4}))?"),
        RoomR._put,
    ),
    (re.compile(r"open (?P<thing>.+?)(?: to (?P<share>[0-9]{1,3}) ?%)?"), RoomR._open),
    (re.compile(r"close (?P<thing>.+)"), RoomR._close),
    (re.compile(r"done"), RoomR._finish),
)
