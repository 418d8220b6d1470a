"""Which words of a product's title are nouns: our stand-in for spaCy's tagger, which upstream's type reward uses.

Upstream asks spaCy (en_core_web_*) for the NOUN and PROPN tokens of both titles. Titles are written in title case, and
there the tagger calls almost every capitalised word a proper noun; so a word counts here unless it is a number, a
function word, or, written small, an adjective, adverb or verb that titles often have. How closely that agrees with
spaCy's counts in upstream's records is on the world's page.
"""

from __future__ import annotations

import re
from functools import lru_cache

FUNCTION = frozenset(
    "a an and are as at be by but can do does for from has have how i if in into is it its it's me my no non not of off "
    "on onto or our out over per so than that the their them then these they this those to too under up upon us via "
    "w/ was we were what when where which while who will with within without you your yours all any both each every "
    "more most other some such one two three four five six seven eight nine ten anti non pre compatible dip eat enjoy "
    "give great hey keep ready simply want".split()
)
"""Never nouns, however they are written."""

MODIFIERS = frozenset(
    "adjustable artificial authentic big black blue bright brown casual classic clear comfortable compatible cool cordless "
    "cozy creamy cute daily deep digital dry durable easy elastic electric elegant empty fast fine flat flexible foldable "
    "free fresh full funny gentle genuine great green grey gray handmade happy hard healthy heavy high hot ideal inch large "
    "light lightweight little long loose low mini modern multi natural new old organic original outdoor perfect "
    "plain plus portable premium professional pure purple quick red rechargeable removable replacement reusable rich round "
    "safe sexy short simple single slim small smart smooth soft solid special square stretchy strong super sweet thick thin "
    "tight tiny top ultra unique universal vintage warm washable waterproof wet white wide wireless yellow young built "
    "cut dip drawn enjoy fit fits get give keep made make makes making need simply use used using wear ready eat".split()
)
"""Not nouns when written small."""

SUFFIXES = frozenset("back free friendly in off on proof slip style up".split())
"""Not nouns after a hyphen: gluten-free, non-slip."""

WORD = re.compile(r"[^\W_]+(?:['’.&][^\W_]+)*", re.UNICODE)


@lru_cache(maxsize=1 << 15)
def nouns(title: str) -> tuple[str, ...]:
    """The nouns of a title in lower case, repetitions kept."""
    found = []
    for match in WORD.finditer(title):
        bare = match[0].removesuffix("'s").removesuffix("’s")
        small = bare.lower()
        if not any(map(str.isalpha, bare)) or small in FUNCTION or bare[0].isdigit():
            continue
        if small in SUFFIXES and title[match.start() - 1 : match.start()] == "-":
            continue
        if bare[0].islower() and (small in MODIFIERS or small.endswith(("ly", "ing"))):
            continue
        found.append(small)
    return tuple(found)
