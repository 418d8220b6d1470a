"""Goals: what a shopper is asked to buy, in the official order that defines the splits."""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ....trajectories.errors import DataError
from ...data import field
from .products import Product

SHUFFLE_SEED = 233
"""Of upstream's SimServer; the order of goals depends on it and on their number alone."""
PRICES = [10.0 * i for i in range(1, 100)]
NO_LIMIT = 1_000_000.0
SPLITS = {"test": (0, 500), "dev": (500, 1500), "train": (1500, None)}
"""Positions in the official order (baseline_models/env.py upstream)."""


class Goal(msgspec.Struct, frozen=True, gc=False):
    """One goal; all of it is the key but `instruction`."""

    asin: str
    instruction: str
    attributes: tuple[str, ...]
    options: tuple[str | tuple[str, str], ...]
    """Values of human goals, (name, value) pairs of synthetic ones, as upstream compares them."""
    price_upper: float
    name: str
    query: str
    product_category: str


def price_of(product: Product) -> float:
    """What a product costs: its price, or one drawn from its range.

    Upstream draws from the global generator before seeding it, so that its prices differ from start to start; ours are
    fixed by the asin.
    """
    if len(product.prices) == 1:
        return product.prices[0]
    return random.Random(zlib.crc32(product.asin.encode())).uniform(*product.prices[:2])


def _ceiling(product: Product, salt: str) -> tuple[float, str]:
    above = [price for price in PRICES if price > price_of(product)][:4]
    if len(above) < 2:
        return NO_LIMIT, ""
    upper = max(random.Random(zlib.crc32(f"{product.asin} {salt}".encode())).sample(above, 2))
    return upper, f", and price lower than {upper:.2f} dollars"


def human_goals(product: Product, written: Iterable[Any], path: Path) -> list[Goal]:
    """The goals that people wrote for one product (`items_human_ins.json`).

    Raises:
        DataError: a record of the wrong layout.
    """
    found = []
    for number, record in enumerate(written):
        where = f"{product.asin}[{number}]"
        attributes = field(record, "instruction_attributes", list, path, where)
        if not attributes:
            continue
        text = field(record, "instruction", str, path, where)
        upper, price_text = _ceiling(product, text)
        options = field(record, "instruction_options", list, path, where)
        found.append(_goal(product, text.strip(".") + price_text, attributes, tuple(options), upper))
    return found


def synthetic_goals(product: Product, known: Mapping[str, Any], path: Path) -> list[Goal]:
    """One goal for each combination of a product's options, from its instruction in `items_ins_v2*.json`.

    Raises:
        DataError: a record of the wrong layout.
    """
    text = known.get("instruction")
    if text is None:
        return []
    attributes = field(known, "instruction_attributes", list, path, product.asin)
    if not attributes:
        raise DataError(path, "an instruction without attributes", record=product.asin, field="instruction_attributes")
    upper, price_text = _ceiling(product, text)
    names = sorted(product.options)
    found = []
    for values in itertools.product(*(product.options[name] for name in names)):
        chosen = tuple(zip(names, values, strict=True))
        wish = ", and ".join(f"{name}: {value}" for name, value in chosen)
        full = f"{text}{' with ' + wish if wish else ''}{price_text}"
        found.append(_goal(product, full, attributes, chosen, upper))
    return found


def _goal(product: Product, text: str, attributes: Sequence[str], options: tuple[Any, ...], price_upper: float) -> Goal:
    return Goal(
        product.asin,
        text,
        tuple(attributes),
        options,
        price_upper,
        product.name,
        product.query,
        product.product_category,
    )


def official_order(goals: list[Goal]) -> list[Goal]:
    """The goals as upstream's server numbers them: shuffled from seed 233."""
    ordered = list(goals)
    random.Random(SHUFFLE_SEED).shuffle(ordered)
    return ordered
