"""Families of small problems of our own (families.jsonl), from which the coding worlds' bundled samples are made.

A family is one task with a number k in it; another k is another problem. `code` is the body of the function; `draw`
names what makes one test's argument.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

LETTERS = "abcdefghij"


class Family(msgspec.Struct, frozen=True):
    """One template; ``{k}`` in `name`, `text` and `code` is filled in."""

    name: str
    takes: tuple[str, str]
    """The parameter's name and type."""
    gives: str
    text: str
    code: str
    draw: str

    def fill(self, text: str, k: int) -> str:
        """`text` with the number in it."""
        return text.replace("{k}", str(k))


@cache
def families() -> tuple[Family, ...]:
    """All of them, in the file's order."""
    lines = Path(__file__).with_name("families.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Family) for line in lines)


def numbers(rng: random.Random) -> list[int]:
    """A list of 3 to 12 whole numbers."""
    return [rng.randint(-20, 60) for _ in range(rng.randint(3, 12))]


def naturals(rng: random.Random) -> list[int]:
    """A list of 3 to 12 natural numbers."""
    return [rng.randint(0, 99) for _ in range(rng.randint(3, 12))]


def one(rng: random.Random) -> int:
    """A natural number."""
    return rng.randint(1, 5_000)


def word(rng: random.Random) -> str:
    """A word of few letters."""
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(4, 18)))


def sentence(rng: random.Random) -> str:
    """Some words with single spaces."""
    return " ".join("".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 9))) for _ in range(rng.randint(2, 8)))


DRAWS: dict[str, Callable[[random.Random], Any]] = {
    each.__name__: each for each in (numbers, naturals, one, word, sentence)
}
