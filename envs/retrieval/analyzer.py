"""The words of a text as Lucene's EnglishAnalyzer takes them: standard tokens, lower case, no stop words, stems."""

from __future__ import annotations

import re

from .porter import stem

STOP_WORDS = frozenset(
    (
        "a an and are as at be but by for if in into is it no not of on or such that the their then there these they "
        "this to was will with"
    ).split()
)
"""Lucene's ENGLISH_STOP_WORDS_SET."""

# Unicode's word boundaries (UAX 29) as Lucene's StandardTokenizer applies them, for what a regular expression can hold:
# letters join letters over . ' ’ : · (MidLetter, MidNumLet); digits join digits over . , ; ' (MidNum, MidNumLet); letters and
# digits join each other; an underscore joins everything. Ideographs and kana stand alone, one token each.
_SINGLE = "\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"[^\W\d_{_SINGLE}]"
_MARK = "[\u0300-\u036f\u200d\u00ad]*"
_WORD = rf"(?:{_LETTER}{_MARK}|\d)"
_TOKEN = re.compile(
    rf"[{_SINGLE}]"
    rf"|_*{_WORD}(?:{_WORD}|_+"
    rf"|(?<={_LETTER})[.'\u2019\u2018\u2024\uff07\uff0e:\u00b7\u0387\u05f4\u2027\ufe13\ufe55\uff1a](?={_LETTER})"
    rf"|(?<=\d)[.,;'\u2019\u2018\u2024\uff07\uff0e\u037e\u0589\u060c\u066c\u2044\uff0c\uff1b](?=\d))*"
)
_POSSESSIVE = re.compile("['\u2019\uff07][sS]$")


def words(text: str) -> list[str]:
    """The terms of `text`, in order; what Lucene would index or ask for."""
    found = []
    for token in _TOKEN.findall(text):
        # Lucene cuts tokens at 255 characters and goes on with the rest as a new token.
        for start in range(0, len(token), 255):
            word = _POSSESSIVE.sub("", token[start : start + 255]).lower()
            if word not in STOP_WORDS:
                found.append(stem(word))
    return found
