"""How ALFRED's ids become names: ``Mug_bar__plus_00_dot_41...`` is ``mug 2``, numbered within the game."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

_MARKS = (("_bar_", "|"), ("_minus_", "-"), ("_plus_", "+"), ("_dot_", "."), ("_comma_", ","))


def demangle(ids: Iterable[str]) -> dict[str, str]:
    """A name for each id, as alfworld's `AlfredDemangler` gives them without shuffling.

    Ids of one kind are numbered down from their count in alphabetical order, so the last gets 1; the basin of a sink
    or bathtub is a kind of its own. An id without a position keeps its text, followed by a space (as upstream does).
    """
    ordered = sorted(ids)
    left = Counter(_kind(id) for id in ordered if "_bar_" in id)
    names = {}
    for id in ordered:
        if "_bar_" in id:
            kind = _kind(id)
            names[id] = f"{_plain(kind)} {left[kind]}"
            left[kind] -= 1
        else:
            names[id] = f"{_plain(id)} "
    return names


def _kind(id: str) -> str:
    return id.split("_bar_", 1)[0] + ("basin" if "basin" in id else "")


def _plain(text: str) -> str:
    for mark, sign in _MARKS:
        text = text.replace(mark, sign)
    return text
