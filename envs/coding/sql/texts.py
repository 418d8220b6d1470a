"""Texts and numbers as MySQL compares them: without case and accents, digits read from the front."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from .answer import Refused

_NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def fold(text: str) -> str:
    """The sort key of utf8mb4_general_ci: letters without case and accents, trailing spaces left out."""
    # Only short ones are kept: an agent can make long ones without end.
    return _fold_short(text) if len(text) <= 100 else _fold(text)


def _fold(text: str) -> str:
    text = text.rstrip(" ")
    if text.isascii():
        return text.upper()
    bare = unicodedata.normalize("NFD", text)
    return "".join(each for each in bare if not unicodedata.combining(each)).upper()


_fold_short = lru_cache(maxsize=65536)(_fold)


def collate(left: str, right: str) -> int:
    """Compare two texts as utf8mb4_general_ci does."""
    a, b = fold(left), fold(right)
    return (a > b) - (a < b)


def number(value: Any) -> float | int | None:
    """A value in a numeric place: the leading number of a text, else 0."""
    if value is None or isinstance(value, (int, float)):
        return value
    found = _NUMBER.match(text(value))
    if found is None:
        return 0
    return float(found[0]) if found[2] or found[3] or "." in found[0] else int(found[0])


def text(value: Any) -> str:
    """A value in a text's place."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def same(left: Any, right: Any) -> bool:
    """Equality of two values that are not NULL."""
    if isinstance(left, str) and isinstance(right, str):
        return fold(left) == fold(right)
    return number(left) == number(right)


@lru_cache(maxsize=512)
def _segments(pattern: str, escape: str) -> tuple[tuple[str | None, ...], ...]:
    """The pieces between the %, each a run of letters, None for a _."""
    pieces: list[list[str | None]] = [[]]
    at = 0
    while at < len(pattern):
        each = pattern[at]
        if escape and each == escape and at + 1 < len(pattern):
            at += 1
            pieces[-1].append(pattern[at])
        elif each == "%":
            pieces.append([])
        else:
            pieces[-1].append(None if each == "_" else each)
        at += 1
    return tuple(tuple(piece) for piece in pieces)


def _fits(piece: tuple[str | None, ...], value: str, at: int) -> bool:
    return all(each is None or value[at + i] == each for i, each in enumerate(piece))


def _seek(piece: tuple[str | None, ...], value: str, at: int, end: int) -> int:
    if None not in piece:
        return value.find("".join(each or "" for each in piece), at, end)
    return next((i for i in range(at, end - len(piece) + 1) if _fits(piece, value, i)), -1)


def like(pattern: Any, value: Any, escape: str = "\\") -> int | None:
    """LIKE, without case and accents, with the backslash as escape; time grows with the lengths' product at most."""
    if pattern is None or value is None:
        return None
    first, *rest = _segments(fold(text(pattern) + "|")[:-1], escape)
    subject = fold(text(value) + "|")[:-1]
    if len(first) > len(subject) or not _fits(first, subject, 0):
        return 0
    if not rest:
        return int(len(first) == len(subject))
    at, last = len(first), rest.pop()
    end = len(subject) - len(last)
    for piece in rest:
        found = _seek(piece, subject, at, end)
        if found < 0:
            return 0
        at = found + len(piece)
    return int(at <= end and _fits(last, subject, end))


_LOOPS = re.compile(r"[*+]|\{\d*,")
_NESTED = re.compile(r"\([^()]*(?:[*+|]|\{\d*,)[^()]*\)\s*[*+{]|\(.*\(.*\)\s*[*+{]|\\\d")


def regexp_cost(pattern: Any, value: Any) -> int:
    """How many steps a search may take at most, by its loops over the value's length."""
    loops = len(_LOOPS.findall(text(pattern)))
    return int(len(text(value)) ** min(loops + 1, 4)) // 50


def regexp(pattern: Any, value: Any) -> int | None:
    """REGEXP, without case; one whose search could take very long is refused, as MySQL's time limit does."""
    if pattern is None or value is None:
        return None
    form, subject = text(pattern), text(value)
    loops = len(_LOOPS.findall(form))
    if len(form) > 1000 or _NESTED.search(form) or (loops and len(subject) ** (loops + 1) > 10**7):
        raise Refused("Timeout exceeded in regular expression match.")
    try:
        return int(re.search(form, subject, re.IGNORECASE) is not None)
    except re.error:
        raise Refused("The regular expression contains an error.") from None
