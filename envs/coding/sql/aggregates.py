"""The aggregates that SQLite lacks."""

from __future__ import annotations

import math
from typing import Any

from .answer import Refused
from .texts import fold, number, text


class _Spread:
    """STDDEV and VARIANCE, of the whole or of a sample."""

    sample, root = 0, True

    def __init__(self) -> None:
        self.values: list[float] = []

    def step(self, value: Any) -> None:
        if value is not None:
            self.values.append(float(number(value) or 0))

    def finalize(self) -> float | None:
        count = len(self.values)
        if count <= self.sample:
            return None
        mean = math.fsum(self.values) / count
        variance = math.fsum((value - mean) ** 2 for value in self.values) / (count - self.sample)
        return math.sqrt(variance) if self.root else variance


class _GroupConcat:
    """GROUP_CONCAT(value ORDER BY key SEPARATOR by), up to 1024 characters as MySQL's default."""

    def __init__(self) -> None:
        self.values: list[tuple[Any, str]] = []
        self.by, self.distinct, self.backwards = ",", 0, 0

    def step(self, value: Any, by: Any, distinct: int, backwards: int, key: Any) -> None:
        self.by, self.distinct, self.backwards = text(by), distinct, backwards
        if value is not None and len(self.values) < 100_000:
            self.values.append((key, text(value)))

    def finalize(self) -> str | None:
        values = self.values
        if self.distinct:
            values = list({fold(each[1]): each for each in reversed(values)}.values())[::-1]
        order = sorted(values, key=lambda each: _rank(each[0]), reverse=bool(self.backwards))
        return self.by.join(each[1] for each in order)[:1024] if values else None


def _rank(key: Any) -> tuple[int, float, str]:
    if key is None:
        return (0, 0.0, "")
    return (1, float(key), "") if isinstance(key, (int, float)) else (2, 0.0, fold(text(key)))


class Single:
    """The value of a subquery in a value's place; a second row is refused."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def step(self, value: Any) -> None:
        """Take a row's value; the second one is refused."""
        self.values.append(value)
        if len(self.values) > 1:
            raise Refused("Subquery returns more than 1 row")

    def finalize(self) -> Any:
        """The only value, NULL where there was no row."""
        return self.values[0] if self.values else None


def _spread(sample: int, root: bool) -> type[_Spread]:
    return type("Spread", (_Spread,), {"sample": sample, "root": root})


AGGREGATES: dict[str, tuple[int, type]] = {
    **dict.fromkeys(("std", "stddev", "stddev_pop"), (1, _spread(0, True))),
    **dict.fromkeys(("variance", "var_pop"), (1, _spread(0, False))),
    "stddev_samp": (1, _spread(1, True)),
    "var_samp": (1, _spread(1, False)),
    "mysql_group_concat": (5, _GroupConcat),
    "mysql_single": (1, Single),
}
