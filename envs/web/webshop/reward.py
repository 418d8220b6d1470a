"""The reward for buying a product: does it fit in type, attributes, options and price (upstream's engine/goal.py)?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.fuzz import token_set_ratio
from rapidfuzz.utils import default_process

from .goals import Goal
from .nouns import nouns
from .products import Product

CLOSE = 85
"""Two texts match when their token-set ratio is above this."""

COLOURS = (
    "alabaster apricot aqua ash asphalt azure banana beige black blue blush bordeaux bronze brown burgundy camel camo "
    "caramel champagne charcoal cheetah chestnut chocolate christmas coffee cognac copper coral cranberry cream "
    "crystal dark denim eggplant elephant espresso fuchsia gold granite grape graphite grass gray green grey heather "
    "indigo ivory ivy khaki lavender lemon leopard light lilac lime magenta maroon mauve merlot midnight mint mocha "
    "multicolor mushroom mustard natural navy nude olive orange peach pewter pink plum purple rainbow red rose royal "
    "rust sand sapphire seashell silver skull slate steel stone stonewash sunflower tan taupe teal tiger turquoise "
    "violet walnut wheat white wine yellow"
).split()
"""An option that holds one of these stands for the first of them (upstream's engine/normalize.py)."""

LATIN1 = dict.fromkeys(range(128, 256))
"""thefuzz drops these characters, and no others, before it compares."""


class Reward(NamedTuple):
    """The whole reward and its parts, each in 0..1; `options` is None where the goal names none."""

    total: float
    type: float
    attributes: float
    options: float | None
    price: float
    query_match: bool
    category_match: bool
    title_score: float


@lru_cache(maxsize=1 << 16)
def processed(text: str) -> str:
    """A text as thefuzz compares it: letters and digits in lower case."""
    return default_process(text.translate(LATIN1))


def ratio(one: str, other: str) -> int:
    """``thefuzz.fuzz.token_set_ratio``, 0..100."""
    return round(token_set_ratio(processed(one), processed(other)))


def colour(option: str) -> str:
    """The first colour named in an option, else the option."""
    return next((each for each in COLOURS if each in option), option)


def wanted_options(options: Mapping[str, str] | Sequence[str]) -> list[str]:
    """The goal's options as they are compared.

    A synthetic goal's are pairs, which upstream hands on as tuples: a colour counts there only as the whole value, and
    any other pair is compared as its printed form, name and value together.
    """
    if isinstance(options, Mapping):
        return [next((each for each in COLOURS if each in pair), str(pair)) for pair in options.items()]
    return [colour(each) for each in options]


def options_met(chosen: Sequence[str], goal: Goal) -> int:
    """How many of the goal's options some chosen option matches."""
    given = [colour(each) for each in chosen]
    return sum(any(ratio(each, wanted) > CLOSE for each in given) for wanted in wanted_options(goal.goal_options))


def attributes_met(bought: Product, goal: Goal) -> int:
    """How many of the goal's attributes the product has on record, or in its texts."""
    met = 0
    texts: list[str] | None = None
    for wanted in goal.attributes:
        if any(ratio(has, wanted) > CLOSE for has in bought.attributes):
            met += 1
            continue
        if texts is None:
            texts = [bought.title.lower(), " ".join(bought.bullets).lower(), bought.description.lower()]
        met += any(wanted in text for text in texts)
    return met


def type_reward(bought: Product, goal: Goal) -> tuple[float, bool, bool, float]:
    """The type's factor, and what it rests on: same query, two shared categories, share of the title's nouns."""
    query_match = bought.query == goal.query
    shared = {each.strip() for each in bought.product_category.split("›")} & {
        each.strip() for each in goal.product_category.split("›")
    }
    category_match = len(shared) >= 2
    desired = nouns(goal.name)
    title_score = len(set(nouns(bought.title)) & set(desired)) / len(desired) if desired else 0.2
    return type_factor(query_match or category_match, title_score), query_match, category_match, title_score


def type_factor(match: bool, title_score: float) -> float:
    """What the type is worth: a title without a common noun is worth nothing, whatever else matches."""
    if title_score < 0.1:
        return 0.1 if title_score else 0.0
    return 1.0 if match or title_score > 0.2 else 0.5


def reward(bought: Product, goal: Goal, price: float, options: Mapping[str, str]) -> Reward:
    """The reward for buying `bought` at `price` dollars with these options chosen (get_reward)."""
    factor, query_match, category_match, title_score = type_reward(bought, goal)
    attributes = attributes_met(bought, goal)
    met = options_met(list(options.values()), goal)
    affordable = price <= goal.price_upper
    count = len(goal.goal_options)
    total = (attributes + met + affordable) / (len(goal.attributes) + count + 1) * factor
    return Reward(
        total,
        factor,
        attributes / len(goal.attributes),
        met / count if count else None,
        float(affordable),
        query_match,
        category_match,
        title_score,
    )
