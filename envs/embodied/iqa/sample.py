"""Bundled kitchens and questions of our own for IQA, drawn by a fixed seed; no real scene or phrase is among them."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .kitchen import NAMES, UPSTREAM, Cell, Kitchen
from .questions import ANYWHERE, BIN, COLUMNS, HOLDS, NOUNS, TYPES, Question

SCENES = {"train": range(4, 13), "val_seen": range(4, 13), "test": range(1, 4)}
"""Our kitchens by number. As in IQUAD, the test questions are about kitchens that training has not seen."""

A_TYPE = {"train": 72, "val_seen": 18, "test": 24}
"""Questions of each type in a split."""

ASKED = {
    "existence": ("Would I find {one} in this kitchen?", "Somebody wants {one}. Has this kitchen got any?"),
    "counting": ("What is the total of {many} in this kitchen?", "I am laying in stock: how many {many} have we got?"),
    "contains": ("Look into every {place}: does one hold {one}?", "Has somebody put {one} into a {place}?"),
}


class Plan(NamedTuple):
    """A kitchen's floor, start and named receptacles (upstream's class name, cell)."""

    floor: list[Cell]
    start: Cell
    named: list[tuple[str, Cell]]


@cache
def plan(scene: int) -> Plan:
    """An L-shaped floor of its own size for every kitchen."""
    rng = np.random.default_rng([30720, scene])
    wide, deep, notch = (int(rng.integers(low, high)) for low, high in ((6, 14), (5, 12), (2, 5)))
    floor = [(x, z) for x in range(wide) for z in range(deep) if x < wide - notch or z < deep - notch]
    picks = [floor[int(rng.integers(len(floor)))] for _ in range(4)]
    named = [("Cabinet", picks[1]), ("Cabinet", picks[2]), ("Fridge", picks[3])]
    return Plan(floor, picks[0], named)


@cache
def kitchen(scene: int) -> Kitchen:
    """The kitchen of one of our scene numbers."""
    floor, start, named = plan(scene)
    return Kitchen(scene, floor, start, [(UPSTREAM[kind], cell) for kind, cell in named])


def questions(split: str, kind: str) -> list[Question]:
    """The questions of one type, every answer equally often, the same on every machine."""
    rng = np.random.default_rng([1712, list(SCENES).index(split), TYPES.index(kind)])
    scenes, containers = list(SCENES[split]), [each for each in HOLDS if each >= BIN]
    answers = 4 if kind == "counting" else 2
    found = []
    for i in range(A_TYPE[split]):
        container = int(rng.choice(containers)) if kind == "contains" else ANYWHERE
        thing = int(rng.choice(HOLDS[container] if kind == "contains" else list(NOUNS)))
        noun, phrase = NOUNS[thing], ASKED[kind][int(rng.integers(2))]
        text = phrase.format(one=noun.one, many=noun.many, place=NAMES.get(container, ""))
        seed = int(rng.integers(10**9))
        found.append(Question(TYPES.index(kind), scenes[i % len(scenes)], seed, text, i % answers, thing, container))
    return found


def write(folder: Path, splits: dict[str, str]) -> None:
    """Write every split and kitchen in the official layout; `splits` gives upstream's folder of each split."""
    for split, home in splits.items():
        for kind in TYPES:
            path = folder / "questions" / home / f"data_{kind}" / "combined.csv"
            path.parent.mkdir(parents=True)
            with path.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream)
                writer.writerow(COLUMNS)
                for each in questions(split, kind):
                    answer = each.answer if kind == "counting" else bool(each.answer)
                    writer.writerow((each.type, each.scene, each.seed, each.text, answer, each.object, each.container))
    layouts = folder / "layouts"
    layouts.mkdir()
    starts = [plan(scene).start for scene in range(1, 13)]
    np.save(layouts / "start_positions.npy", np.array(starts) / 4)
    for scene in range(1, 13):
        floor, _, named = plan(scene)
        np.save(layouts / f"FloorPlan{scene}-layout.npy", np.array(floor) / 4)
        rows = [
            {"receptacleObjectId": f"{kind}|{i}", "searchNode": {"x": x / 4, "z": z / 4}}
            for i, (kind, (x, z)) in enumerate(named)
        ]
        (layouts / f"FloorPlan{scene}-layout.json").write_text(json.dumps({"receptaclePoints": rows}), "utf-8")
