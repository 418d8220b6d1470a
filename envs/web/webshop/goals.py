"""Goals: what the shopper is told to buy, in upstream's fixed order, which defines the splits."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Literal, overload

import msgspec
import numpy as np
import numpy.typing as npt

from .products import Product

Kind = Literal["human", "synthetic"]
Prices = Sequence[float] | npt.NDArray[np.float64]
SEED = 233
"""Upstream's seed for the order of the goals. It draws prices unseeded before that; here they have this seed too."""

CEILINGS = [10.0 * step for step in range(1, 100)]
NO_CEILING = 1_000_000.0


class Goal(msgspec.Struct, frozen=True):
    """One goal with its key. `row` is the product's place in the catalogue; only `instruction_text` is ever shown."""

    asin: str
    category: str
    query: str
    name: str
    product_category: str
    instruction_text: str
    attributes: list[str]
    price_upper: float
    goal_options: dict[str, str] | list[str]
    row: int = -1


class Drawn(msgspec.Struct, frozen=True):
    """The goals as three arrays: product, which instruction or combination of options of it, and price limit."""

    rows: npt.NDArray[np.int32]
    picks: npt.NDArray[np.int32]
    ceilings: npt.NDArray[np.float64]


def price_of(pricing: Sequence[float], rng: random.Random) -> float:
    """What a product costs: its price, or one drawn from its range (generate_product_prices)."""
    if not pricing:
        return 100.0
    return pricing[0] if len(pricing) == 1 else rng.uniform(pricing[0], pricing[1])


def ceiling(price: float, rng: random.Random) -> float:
    """A price limit above `price`, drawn as upstream draws it; none for what costs 980 dollars or more."""
    above = [each for each in CEILINGS if each > price][:4]
    return max(rng.sample(above, 2)) if len(above) >= 2 else NO_CEILING


def draw(kind: Kind, candidates: Sequence[tuple[int, Product]], prices: Prices, rng: random.Random) -> Drawn:
    """The goals of a catalogue in upstream's order.

    Args:
        kind: "human" goals are instructions people wrote; "synthetic" ones a template with each choice of options.
        candidates: Rows and products that have an instruction, in the catalogue's order.
        prices: What each row costs.
        rng: Draws the price limits.
    """
    found: list[tuple[int, int, float]] = []
    for row, product in candidates:
        if kind == "human":
            for pick, written in enumerate(product.instructions):
                if written.instruction_attributes:
                    found.append((row, pick, ceiling(float(prices[row]), rng)))
        elif product.instruction_text is not None and product.instruction_attributes:
            limit = ceiling(float(prices[row]), rng)
            found += [(row, pick, limit) for pick in range(math.prod(map(len, product.options.values())))]
    random.Random(SEED).shuffle(found)
    rows, picks, limits = zip(*found, strict=True) if found else ((), (), ())
    return Drawn(np.array(rows, np.int32), np.array(picks, np.int32), np.array(limits, np.float64))


def combination(options: dict[str, list[str]], pick: int) -> dict[str, str]:
    """The pick-th choice of options: names sorted, the last name's values running fastest."""
    chosen: dict[str, str] = {}
    for name in sorted(options, reverse=True):
        pick, at = divmod(pick, len(options[name]))
        chosen[name] = options[name][at]
    return dict(sorted(chosen.items()))


def goal(kind: Kind, row: int, product: Product, pick: int, limit: float) -> Goal:
    """Put a goal into words."""
    price = "" if limit == NO_CEILING else f", and price lower than {limit:.2f} dollars"
    options: dict[str, str] | list[str]
    if kind == "human":
        written = product.instructions[pick]
        text, attributes = written.instruction.strip("."), written.instruction_attributes
        options = written.instruction_options
    else:
        text, attributes = product.instruction_text or "", product.instruction_attributes
        options = combination(product.options, pick)
        if options:
            text += " with " + ", and ".join(f"{name}: {value}" for name, value in options.items())
    return Goal(
        product.asin,
        product.category,
        product.query,
        product.title,
        product.product_category,
        text + price,
        attributes,
        limit,
        options,
        row,
    )


class Goals(Sequence[Goal]):
    """All goals of a catalogue in the official order, put into words when asked for."""

    def __init__(self, kind: Kind, products: Sequence[Product], drawn: Drawn) -> None:
        """Hold the arrays."""
        self.kind, self._products, self._drawn = kind, products, drawn

    def __len__(self) -> int:
        """How many there are."""
        return len(self._drawn.rows)

    @overload
    def __getitem__(self, at: int) -> Goal: ...
    @overload
    def __getitem__(self, at: slice) -> list[Goal]: ...
    def __getitem__(self, at: int | slice) -> Goal | list[Goal]:
        """The goal at this place of the official order."""
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        row = int(self._drawn.rows[at])
        return goal(self.kind, row, self._products[row], int(self._drawn.picks[at]), float(self._drawn.ceilings[at]))

    def __iter__(self) -> Iterator[Goal]:
        """In order."""
        return (self[at] for at in range(len(self)))
