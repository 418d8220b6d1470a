"""When an output counts as right in APPS: upstream's chain of comparisons, from exact to loose.

Source: hendrycks/apps, eval/testing_util.py (facts re-told; the code is ours). The last two steps take lines, and the
words of a line, in any order: lax, and upstream's.
"""

from __future__ import annotations

import math
from typing import Any


def same_output(printed: str, wanted: Any) -> bool:
    """Whether what a program printed is the wanted output (a text, or a list of lines)."""
    text = wanted if isinstance(wanted, str) else "\n".join(map(str, wanted))
    got, want = lines(printed), lines(text)
    if got == want or close(got, want) or words(got) == words(want):
        return True
    numbers = rounded(want)
    return numbers is not None and rounded(got) == numbers


def lines(text: str) -> list[str]:
    """The lines, stripped, empty ones left out."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def close(got: list[str], want: list[str]) -> bool:
    """Every line a number, each near its counterpart: |a - b| <= 1e-8 + 1e-5 |b|."""
    try:
        pairs = [(float(a), float(b)) for a, b in zip(got, want, strict=True)]
    except ValueError:
        return False
    return all(a == b or (math.isfinite(b) and abs(a - b) <= 1e-8 + 1e-5 * abs(b)) for a, b in pairs)


def words(text: list[str]) -> set[frozenset[str]]:
    """The set of the lines' sets of words."""
    return {frozenset(line.split()) for line in text}


def rounded(text: list[str]) -> set[frozenset[float]] | None:
    """The same with every word a number, rounded to three places; None where one is none."""
    try:
        return {frozenset(round(float(word), 3) for word in line.split()) for line in text}
    except (ValueError, OverflowError):
        return None


def same_answer(answer: Any, wanted: Any) -> bool:
    """Whether a returned value is the wanted one; tuples count as lists, and a list may wrap the wanted value."""
    got = listed(answer)
    return bool(got == wanted or (isinstance(wanted, list) and wanted and got == wanted[0]))


def listed(value: Any) -> Any:
    """Tuples as lists, one level down too."""
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, list):
        return [list(each) if isinstance(each, tuple) else each for each in value]
    return value
