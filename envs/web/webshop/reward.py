"""WebShop's reward: type, attributes, options and price of what was bought against what was asked (goal.py upstream)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from rapidfuzz import fuzz, utils

from .goals import Goal
from .products import Product

COLOURS = (
    "alabaster apricot aqua ash asphalt azure banana beige black blue blush bordeaux bronze brown burgundy camel "
    "camo caramel champagne charcoal cheetah chestnut chocolate christmas coffee cognac copper coral cranberry "
    "cream crystal dark denim eggplant elephant espresso fuchsia gold granite grape graphite grass gray green "
    "grey heather indigo ivory ivy khaki lavender lemon leopard light lilac lime magenta maroon mauve merlot "
    "midnight mint mocha multicolor mushroom mustard natural navy nude olive orange peach pewter pink plum purple "
    "rainbow red rose royal rust sand sapphire seashell silver skull slate steel stone stonewash sunflower tan "
    "taupe teal tiger turquoise violet walnut wheat white wine yellow"
).split()
"""In upstream's order, which decides: the first colour found in an option's text stands for it."""

ALIKE = 85
"""Two texts match when their token-set ratio is above this."""

NO_NOUNS = frozenset(
    (
        "a an and are as at be by for from in is it its of off on or our so that the their these this to up with "
        "without you your all any best big black blue brown classic clear cold comfortable cool cute dark deep double "
        "dry easy elegant extra fast fashionable fine free fresh full golden gray great green grey handmade heavy "
        "high hot large light lightweight little long low medium mini modern multi natural new non old orange organic "
        "original perfect pink portable premium professional pure purple quick red regular reusable round short "
        "single slim small smart smooth soft solid special sturdy super sweet tall thick thin tiny ultra universal "
        "vintage warm washable waterproof white wide wireless wooden yellow young can made make makes making use used "
        "using wear wearing include includes including fit fits x plus very more most only also not no per each both"
    ).split()
)
"""Function words and plain adjectives of product titles, taken out where upstream asks spaCy for nouns."""

_WORD = re.compile(r"[a-z][a-z0-9]*")
_LATIN_1 = dict.fromkeys(range(128, 256))


def nouns(title: str) -> frozenset[str]:
    """The words of a title that name things: all but function words, plain adjectives and numbers.

    Upstream tags titles with spaCy's en_core_web model, which cannot be had everywhere; docs/worlds/webshop.md tells how
    this differs.
    """
    return frozenset(word for word in _WORD.findall(title.lower()) if len(word) > 1 and word not in NO_NOUNS)


def alike(one: str, other: str) -> bool:
    """Whether thefuzz's `token_set_ratio` of the two is above 85: Latin-1 letters dropped, rounded, as thefuzz does."""
    a, b = (utils.default_process(text.translate(_LATIN_1)) for text in (one, other))
    return round(fuzz.token_set_ratio(a, b)) > ALIKE


class Reward(NamedTuple):
    """The reward of a purchase (0..1) and its parts (0..1 each, `option` None where none was asked)."""

    total: float
    type: float
    attribute: float
    option: float | None
    price: float


def type_score(bought: Product, goal: Goal) -> float:
    """1 for the same kind of thing, less where query, category and title disagree (get_type_reward)."""
    same_query = bought.query == goal.query
    shared = {each.strip() for each in bought.product_category.split("›")} & {
        each.strip() for each in goal.product_category.split("›")
    }
    wanted = nouns(goal.name)
    title = len(nouns(bought.name) & wanted) / len(wanted) if wanted else 0.2
    if title == 0.0:
        return 0.0
    if title < 0.1:
        return 0.1
    return 1.0 if same_query or len(shared) >= 2 or title > 0.2 else 0.5


def attribute_matches(bought: Product, goal: Goal) -> int:
    """How many of the goal's attributes the product has, by its list or by its texts (get_attribute_reward)."""
    texts = (bought.name.lower(), " ".join(bought.bullets).lower(), bought.description.lower())
    return sum(
        any(alike(has, wish) for has in bought.attributes) or any(wish in text for text in texts)
        for wish in goal.attributes
    )


def colour(text: str) -> str:
    """The first known colour in an option's text, else the text (normalize_color)."""
    return next((each for each in COLOURS if each in text), text)


def wished(option: str | tuple[str, str]) -> str:
    """A goal's option as upstream compares it: a pair is searched for a colour as a pair, then taken as its text."""
    if isinstance(option, str):
        return colour(option)
    return next((each for each in COLOURS if each in option), str(tuple(option)))


def option_matches(chosen: Mapping[str, str], goal: Goal) -> int:
    """How many of the goal's options were chosen (get_option_reward)."""
    picked = [colour(each) for each in chosen.values()]
    return sum(any(alike(each, wish) for each in picked) for wish in map(wished, goal.options))


def reward(bought: Product, price: float, chosen: Mapping[str, str], goal: Goal) -> Reward:
    """The reward of buying `bought` at `price` with the options `chosen` (get_reward)."""
    kind = type_score(bought, goal)
    attributes, options = attribute_matches(bought, goal), option_matches(chosen, goal)
    affordable = float(price <= goal.price_upper)
    total = (attributes + options + affordable) / (len(goal.attributes) + len(goal.options) + 1)
    return Reward(
        total * kind,
        kind,
        attributes / len(goal.attributes),
        options / len(goal.options) if goal.options else None,
        affordable,
    )
