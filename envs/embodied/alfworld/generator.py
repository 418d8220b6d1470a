"""Games without end: households of our own, each solvable by construction, in the layout of the official ones.

A game is fixed by (split, number, size). Rooms are told apart by their furniture; the furniture alone decides whether
a room belongs to the test split, so no test room is ever seen in training, however many games are made.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from ....trajectories.errors import Fault, UsageError
from .game import Game
from .planner import plan
from .rooms import LAMPS, OPENABLE, ROOMS, THINGS
from .wording import sentence

VERSION = 1
"""Rises whenever the same number could become another game."""

Size = Literal["small", "full"]
TYPES = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)
_NEEDS = {
    "pick_clean_then_place_in_recep": ("c", ("SinkBasin", "BathtubBasin")),
    "pick_heat_then_place_in_recep": ("h", ("Microwave",)),
    "pick_cool_then_place_in_recep": ("k", ("Fridge",)),
}
_STATE = {"c": "isClean", "h": "isHot", "k": "isCool"}
_ABLE = {"c": "cleanable", "h": "heatable", "k": "coolable"}


class Task(NamedTuple):
    """What is asked: one of the six types, a kind of thing, a kind of place (or of lamp)."""

    type: str
    thing: str
    place: str


class Household(NamedTuple):
    """One generated game before it becomes PDDL: receptacles and things by id, and where each thing lies."""

    room: str
    task: Task
    places: dict[str, tuple[str, str]]
    """Kind and location of each receptacle."""
    things: dict[str, tuple[str, str]]
    """Kind and receptacle of each thing."""
    layout: str


def unseen(room: str, furniture: Mapping[str, int]) -> bool:
    """Whether a room with this furniture belongs to the test split: one in six does."""
    text = room + " " + " ".join(f"{kind}{count}" for kind, count in sorted(furniture.items()) if count)
    return hashlib.sha256(text.encode()).digest()[0] % 6 == 0


def household(split: str, number: int, size: Size = "full") -> Household:
    """The game of that number.

    Args:
        split: ``train``, ``valid_seen`` (train's rooms, other games) or ``test`` (rooms of its own).
        number: 0 or more; the type of task goes round the six.
        size: ``full`` is as large as the official games (15 to 30 receptacles), ``small`` has 4 to 10.
    """
    rng = random.Random(f"{VERSION} {split} {size} {number}")
    kind = TYPES[number % len(TYPES)]
    if split == "valid_seen":
        # The room of the train game with this number, furnished alike, lived in by someone else.
        room, furniture, _ = _room(random.Random(f"{VERSION} train {size} {number}"), kind, size, test=False)
        task = _choose(rng, kind, room, furniture)
    else:
        room, furniture, task = _room(rng, kind, size, test=split == "test")
    if task is None:
        raise Fault("env", f"the generator found no {kind} for {room} {furniture}")
    places = dict(_furnish(rng, furniture))
    things = dict(_lay(rng, room, task, places, 6 if size == "small" else 24))
    layout = " ".join(f"{each}:{count}" for each, count in sorted(furniture.items()) if count)
    return Household(room, task, places, things, f"{room} {layout}")


def _room(rng: random.Random, kind: str, size: Size, *, test: bool) -> tuple[str, dict[str, int], Task | None]:
    """A room on the wanted side of the line between training and test that allows a task of type `kind`."""
    while True:
        room = rng.choice(sorted(ROOMS))
        ranges = ROOMS[room].small if size == "small" else ROOMS[room].full
        furniture = {each: rng.randint(*limits) for each, limits in ranges.items()}
        task = _choose(rng, kind, room, furniture) if unseen(room, furniture) == test else None
        if task is not None:
            return room, furniture, task


def _choose(rng: random.Random, kind: str, room: str, furniture: Mapping[str, int]) -> Task | None:
    """A task of this type that such a room allows, if any."""
    present = {each for each, count in furniture.items() if count}
    letter, appliances = _NEEDS.get(kind, ("", ()))
    if appliances and not present.intersection(appliances):
        return None
    choices = []
    for name, thing in THINGS.items():
        usable = present & set(thing.places.split())
        if room not in thing.rooms.split() or letter not in thing.may or not usable:
            continue
        if kind == "look_at_obj_in_light":
            choices += [(name, lamp) for lamp, stands in LAMPS.items() if present & set(stands.split())]
        else:
            # There must be another kind of place where the thing can lie before.
            choices += [(name, place) for place in usable if len(usable) > 1]
    return Task(kind, *rng.choice(sorted(choices))) if choices else None


def _furnish(rng: random.Random, furniture: Mapping[str, int]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Receptacles with their locations; now and then two are reached from the same spot."""
    spots: set[tuple[int, int]] = set()
    place = ""
    for kind, count in furniture.items():
        for _ in range(count):
            if not place or rng.random() > 0.06:
                while (spot := (rng.randint(-15, 15), rng.randint(-15, 15))) in spots:
                    continue
                spots.add(spot)
                facing, tilt = rng.randint(0, 3), rng.choice((30, 45, 60))
                place = f"loc_bar_{_whole(spot[0])}_bar_{_whole(spot[1])}_bar_{facing}_bar_{tilt}"
            yield _id(rng, kind), (kind, place)


def _lay(
    rng: random.Random, room: str, task: Task, places: Mapping[str, tuple[str, str]], most: int
) -> Iterator[tuple[str, tuple[str, str]]]:
    """The things of a household: those of the task away from where they must go, then others anywhere."""

    def somewhere(allowed: str, but: str = "") -> str | None:
        fitting = [id for id, (kind, _) in places.items() if kind in allowed.split() and kind != but]
        return rng.choice(fitting) if fitting else None

    count = rng.randint(2, 3) if task.type == "pick_two_obj_and_place" else rng.randint(1, 2)
    for _ in range(count):
        place = somewhere(THINGS[task.thing].places, but=task.place)
        if place is None:
            raise Fault("env", f"the generator found no place for {task}")
        yield _id(rng, task.thing), (task.thing, place)
    if task.place in LAMPS:
        yield _id(rng, task.place), (task.place, somewhere(LAMPS[task.place]) or "")
    others = [name for name, thing in THINGS.items() if room in thing.rooms.split() and name != task.thing]
    for _ in range(rng.randint(most // 3, most)):
        name = rng.choice(others)
        place = somewhere(THINGS[name].places)
        if place is not None:
            yield _id(rng, name), (name, place)


def _whole(number: int) -> str:
    return f"_minus_{-number}" if number < 0 else str(number)


def _id(rng: random.Random, kind: str) -> str:
    """An id as ALFRED writes them: the kind, and a position that tells one from another."""
    axes = [
        f"_{'minus' if rng.random() < 0.5 else 'plus'}_{rng.randint(0, 9):02}_dot_{rng.randint(0, 99):02}"
        for _ in "xyz"
    ]
    name, basin = (kind.removesuffix("Basin"), f"_bar_{kind}") if kind.endswith("Basin") else (kind, "")
    return "_bar_".join([name, *axes]) + basin


def problem(home: Household, name: str) -> str:
    """A household as a PDDL problem."""
    place_kinds = sorted(
        {kind for kind, _ in home.places.values()} | {"SinkBasin", "BathtubBasin", "Microwave", "Fridge"}
    )
    thing_kinds = sorted({kind for kind, _ in home.things.values()})
    locations = sorted({location for _, location in home.places.values()})
    start = "loc_bar_0_bar_0_bar_0_bar_0"
    objects = ["agent1 - agent", f"{' '.join([start, *locations])} - location"]
    objects += [f"{' '.join(home.places)} - receptacle", f"{' '.join(home.things)} - object"]
    objects += [f"{' '.join(f'{kind}Type' for kind in place_kinds)} - rtype"]
    objects += [f"{' '.join(f'{kind}Type' for kind in thing_kinds)} - otype"]
    facts = [f"(atLocation agent1 {start})"]
    for id, (kind, location) in home.places.items():
        facts += [f"(receptacleType {id} {kind}Type)", f"(receptacleAtLocation {id} {location})"]
        facts += [f"(openable {id})"] if kind in OPENABLE else []
    for id, (kind, place) in home.things.items():
        facts += [f"(objectType {id} {kind}Type)", f"(inReceptacle {id} {place})"]
        facts += [f"(objectAtLocation {id} {home.places[place][1]})"]
        facts += [f"(toggleable {id})"] if kind in LAMPS else [f"(pickupable {id})"]
        facts += [f"({_ABLE[letter]} {id})" for letter in (THINGS[kind].may if kind in THINGS else "")]
    for kind in thing_kinds:
        allowed = (THINGS[kind].places if kind in THINGS else LAMPS[kind]).split()
        facts += [f"(canContain {place}Type {kind}Type)" for place in place_kinds if place in allowed]
    lines = "\n  ".join(facts)
    return (
        f"(define (problem {name})\n (:domain household)\n (:objects\n  "
        + "\n  ".join(objects)
        + f")\n (:init\n  {lines})\n"
        f" (:goal {goal(home.task)}))\n"
    )


def goal(task: Task) -> str:
    """What must hold in the end, as PDDL."""
    if task.type == "look_at_obj_in_light":
        lamp = (
            "(exists (?lamp - object ?r - receptacle ?a - agent ?l - location) (and "
            f"(objectType ?lamp {task.place}Type) (toggleable ?lamp) (isToggled ?lamp) "
            "(inReceptacle ?lamp ?r) (receptacleAtLocation ?r ?l) (atLocation ?a ?l)))"
        )
        held = f"(exists (?o - object ?a - agent) (and (objectType ?o {task.thing}Type) (holds ?a ?o)))"
        return f"(and {lamp} {held})"
    placed = f"(receptacleType ?r {task.place}Type) (objectType ?o {task.thing}Type) (inReceptacle ?o ?r)"
    if task.type == "pick_two_obj_and_place":
        other = f"(not (= ?o ?other)) (objectType ?other {task.thing}Type) (inReceptacle ?other ?r)"
        return f"(exists (?r - receptacle ?o - object ?other - object) (and {placed} {other}))"
    if task.type in _NEEDS:
        placed += f" ({_STATE[_NEEDS[task.type][0]]} ?o)"
    return f"(exists (?r - receptacle ?o - object) (and {placed}))"


@lru_cache(maxsize=1)
def texts() -> tuple[str, str]:
    """Our domain and our grammar."""
    here = Path(__file__).parent
    return (here / "household.pddl").read_text("utf-8"), (here / "household.twl2").read_text("utf-8")


def content(split: str, number: int, size: Size = "full") -> dict[str, Any]:
    """A game as `game.tw-pddl` holds it."""
    home = household(split, number, size)
    domain, grammar = texts()
    return {
        "pddl_domain": domain,
        "grammar": grammar.replace("@TASK@", sentence(home.task, number)),
        "pddl_problem": problem(home, f"{split}-{size}-{number:06}"),
        "solvable": True,
    }


def generate(split: str, number: int, size: Size = "full") -> Game:
    """A game, compiled."""
    made = content(split, number, size)
    return Game(made["pddl_domain"], made["grammar"], made["pddl_problem"])


def write_games(folder: Path, split: str, n: int, *, seed: int = 0, size: Size = "full") -> list[Path]:
    """Write `n` games into ``folder/json_2.1.1/<split>`` in the official layout, each checked by a plan that wins it.

    Args:
        folder: Created where missing.
        split: ``train``, ``valid_seen``, ``valid_unseen`` or ``test`` (the same as `valid_unseen`).
        n: How many.
        seed: The number of the first game; games ``seed`` to ``seed + n - 1`` are written.
        size: ``small`` or ``full``.

    Returns:
        The `game.tw-pddl` files.

    Raises:
        UsageError: no such split.
    """
    official = {"train": "train", "valid_seen": "valid_seen", "valid_unseen": "valid_unseen", "test": "valid_unseen"}
    if split not in official:
        raise UsageError(f"no split {split!r} of generated games; there are {', '.join(official)}")
    own = "test" if official[split] == "valid_unseen" else split
    written = []
    for number in range(seed, seed + n):
        home, made = household(own, number, size), content(own, number, size)
        walkthrough = plan(Game(made["pddl_domain"], made["grammar"], made["pddl_problem"]))
        if walkthrough is None:
            raise Fault("env", f"generated game {own}/{number} ({size}) cannot be won; please report it")
        task = home.task
        lamp = task.place in LAMPS
        name = f"{task.type}-{task.thing}-None-{task.place}-{sorted(ROOMS).index(home.room) * 100 + 1}"
        at = Path(folder) / "json_2.1.1" / official[split] / name / f"trial_G{number:06}"
        at.mkdir(parents=True, exist_ok=True)
        trajectory = {
            "task_id": at.name,
            "task_type": task.type,
            "pddl_params": {
                "object_target": task.thing,
                "parent_target": "" if lamp else task.place,
                "toggle_target": task.place if lamp else "",
                "mrecep_target": "",
                "object_sliced": False,
            },
            "scene": {"floor_plan": home.layout},
            "plan": {"high_pddl": [], "low_actions": []},
            "images": [],
            "turk_annotations": {"anns": [{"task_desc": sentence(task, number), "high_descs": []}]},
        }
        (at / "game.tw-pddl").write_bytes(msgspec.json.encode(made | {"walkthrough": walkthrough}))
        (at / "initial_state.pddl").write_text(made["pddl_problem"], "utf-8")
        (at / "traj_data.json").write_bytes(msgspec.json.encode(trajectory))
        written.append(at / "game.tw-pddl")
    return written
