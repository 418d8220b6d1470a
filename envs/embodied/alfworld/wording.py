"""How a generated task is put: a few sentences for each of the six types, taken in turn."""

from __future__ import annotations

from typing import Protocol


class Asked(Protocol):
    """A task's type, thing and place."""

    @property
    def type(self) -> str:
        """One of the six."""

    @property
    def thing(self) -> str:
        """The kind of thing."""

    @property
    def place(self) -> str:
        """The kind of place, or of lamp."""


_SENTENCES = {
    "pick_and_place_simple": ("bring a {thing} to the {place}", "put one {thing} in/on a {place}"),
    "look_at_obj_in_light": (
        "hold a {thing} in the light of the {place}",
        "take a {thing} to the {place} and switch it on",
    ),
    "pick_clean_then_place_in_recep": (
        "wash a {thing}, then put it in/on a {place}",
        "bring a clean {thing} to the {place}",
    ),
    "pick_heat_then_place_in_recep": (
        "warm up a {thing}, then put it in/on a {place}",
        "bring a hot {thing} to the {place}",
    ),
    "pick_cool_then_place_in_recep": (
        "chill a {thing}, then put it in/on a {place}",
        "bring a cold {thing} to the {place}",
    ),
    "pick_two_obj_and_place": ("bring two {thing} to the same {place}", "put two {thing} together in/on one {place}"),
}


def sentence(task: Asked, number: int) -> str:
    """The task in words, without the full stop."""
    choices = _SENTENCES[task.type]
    return choices[number // len(_SENTENCES) % len(choices)].format(thing=task.thing.lower(), place=task.place.lower())
