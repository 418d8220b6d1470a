"""Which ScienceWorld tasks there are, how many variations each has, and which split a variation belongs to."""

from __future__ import annotations

from functools import cache

from ..core import Task, digest

VARIATIONS = {
    "boil": 30,
    "melt": 30,
    "freeze": 30,
    "change-the-state-of-matter-of": 30,
    "use-thermometer": 540,
    "measure-melting-point-known-substance": 436,
    "measure-melting-point-unknown-substance": 300,
    "power-component": 20,
    "power-component-renewable-vs-nonrenewable-energy": 20,
    "test-conductivity": 900,
    "test-conductivity-of-unknown-substances": 600,
    "find-living-thing": 300,
    "find-non-living-thing": 300,
    "find-plant": 300,
    "find-animal": 300,
    "grow-plant": 126,
    "grow-fruit": 126,
    "chemistry-mix": 32,
    "chemistry-mix-paint-secondary-color": 36,
    "chemistry-mix-paint-tertiary-color": 36,
    "lifespan-longest-lived": 125,
    "lifespan-shortest-lived": 125,
    "lifespan-longest-lived-then-shortest-lived": 125,
    "identify-life-stages-1": 14,
    "identify-life-stages-2": 10,
    "inclined-plane-determine-angle": 168,
    "inclined-plane-friction-named-surfaces": 1386,
    "inclined-plane-friction-unnamed-surfaces": 162,
    "mendelian-genetics-known-plant": 120,
    "mendelian-genetics-unknown-plant": 480,
}
"""Variations of each of the 30 tasks, in upstream's order; a test asks the engine for the same figures."""

STEPS = 100
"""Actions that an episode may have: the default of upstream's wrapper."""

LONGER = {
    "boil": 250,
    "melt": 250,
    "freeze": 250,
    "change-the-state-of-matter-of": 250,
    "measure-melting-point-unknown-substance": 150,
    "grow-fruit": 150,
    "inclined-plane-determine-angle": 400,
    "inclined-plane-friction-named-surfaces": 1000,
    "inclined-plane-friction-unnamed-surfaces": 500,
    "mendelian-genetics-known-plant": 250,
    "mendelian-genetics-unknown-plant": 250,
}
"""Tasks for which upstream's own solution takes longer (waiting for a block to slide down: up to 795 actions)."""

SIMPLIFICATIONS = (
    "teleportAction",
    "selfWateringFlowerPots",
    "openContainers",
    "openDoors",
    "noElectricalAction",
)


def variations(count: int) -> dict[str, range]:
    """Split `count` (>= 5) variations as the engine does: the first half, the third quarter, the rest.

    A quarter is rounded down, and what is left over falls to the test set (upstream's ``PythonInterface.getSets``;
    its special rules for fewer than five variations apply to none of the 30 tasks).
    """
    quarter = count // 4
    return {
        "train": range(0, 2 * quarter),
        "dev": range(2 * quarter, 3 * quarter),
        "test": range(3 * quarter, count),
    }


def electrical(name: str) -> bool:
    """Whether a task is about circuits: upstream refuses it under ``noElectricalAction``."""
    return "power-component" in name or "conductivity" in name


@cache
def tasks(split: str, simplifications: str) -> tuple[Task, ...]:
    """The tasks of one split in the paper's order; under ``noElectricalAction`` those about circuits are left out."""
    return tuple(
        Task(
            id=f"scienceworld/{split}/{name}/{variation}",
            split=split,
            data=(name, variation),
            digest=digest([name, variation, simplifications]),
        )
        for name, count in VARIATIONS.items()
        if not ("noElectricalAction" in simplifications and electrical(name))
        for variation in variations(count)[split]
    )
