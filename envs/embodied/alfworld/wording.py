"""How a generated task is put: a few sentences for each of the six types, taken in turn, and how they are read again."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol


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


class Wish(NamedTuple):
    """What a sentence asks for: one of the six types, and the words for the thing and the place."""

    type: str
    thing: str
    place: str


def asked(text: str) -> Wish | None:
    """Read a sentence of ours; None where it is in other words."""
    for kind, choices in _SENTENCES.items():
        for choice in choices:
            found = re.fullmatch(choice.format(thing="(?P<thing>[a-z]+)", place="(?P<place>[a-z]+)"), text)
            if found is not None:
                return Wish(kind, found["thing"], found["place"])
    return None
