"""Text to index terms as Lucene's EnglishAnalyzer makes them: words of UAX #29, possessives, stop words, Porter stems.

The chain is that of Anserini's DefaultEnglishAnalyzer: StandardTokenizer, EnglishPossessiveFilter, LowerCaseFilter,
StopFilter, PorterStemFilter. Checked token by token against Lucene itself (docs/worlds/webshop.md).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path

from .porter import stem

STOP_WORDS = frozenset(
    (
        "a an and are as at be but by for if in into is it no not of on or such that the their then there "
        "these they this to was will with"
    ).split()
)
"""EnglishAnalyzer's 33 stop words."""

LONGEST = 255
"""A longer token is cut at this many characters (StandardTokenizer.MAX_TOKEN_LENGTH_DEFAULT)."""


class Classes(dict[int, str]):
    """A table for `str.translate` from a character to its word-break class, filled as characters come.

    The classes are those of Unicode 12.1, Lucene's: ``a`` letter, ``H`` Hebrew letter, ``n`` digit, ``x`` connector,
    ``e`` extender, ``j`` zero-width joiner, ``E`` skin tone, ``: . ' , "`` what may stand inside a word or number,
    ``k`` katakana, ``h`` hiragana, ``i`` ideograph, ``s`` and ``t`` South-East Asian, ``m`` emoji, ``r`` flag letter.
    """

    def __init__(self) -> None:
        """Read the ranges: one line a class in ``wordbreak.txt``."""
        super().__init__()
        bounds = []
        for line in Path(__file__).with_name("wordbreak.txt").read_text("utf-8").splitlines():
            kind, *ranges = line.split()
            for each in ranges:
                low, _, high = each.partition("-")
                bounds.append((int(low, 16), int(high or low, 16), kind))
        bounds.sort()
        self.lows, self.highs, self.kinds = zip(*bounds, strict=True)

    def __missing__(self, code: int) -> str:
        """Look a character up; a space stands for what breaks words and is none."""
        at = bisect_right(self.lows, code) - 1
        self[code] = found = self.kinds[at] if at >= 0 and code <= self.highs[at] else " "
        return found


CLASSES = Classes()


def grammar() -> re.Pattern[str]:
    """The rules of UAX #29 over classes, as StandardTokenizer applies them."""
    e = "[ejEt]*"
    x = f"(?:x{e})*"
    number = rf"n{e}(?:(?:{x}|[.',]{e})n{e})*"
    letters = rf"[aH]{e}(?:(?:{x}|[:.']{e})[aH]{e})*"
    hebrew = rf"H{e}(?:'{e}(?![aH])|\"{e}H{e})"
    katakana = rf"k{e}(?:{x}k{e})*"
    run = rf"(?:{katakana}|(?:{hebrew}|{number}|{letters})+)"
    word = rf"{x}{run}(?:(?:x{e})+{run})*{x}"
    emoji = r"j?[mE][eEt]*(?:j[mE][eEt]*)*j?|r[ejt]*r[ejt]*"
    return re.compile(rf"{word}|[ih]{e}|[st][stejE]*|{emoji}")


TOKEN = grammar()
PLAIN = re.compile(r"x*[an][anx]*(?:(?:(?<=a)[:.'](?=a)|(?<=n)[.,'](?=n))[anx]+)*")
"""The same rules for text of plain letters and digits, several times faster; `ASCII` again for the characters."""
ASCII = re.compile(r"_*[A-Za-z0-9]\w*(?:(?:(?<=[A-Za-z])[:.'](?=[A-Za-z])|(?<=[0-9])[.,;'](?=[0-9]))\w+)*", re.ASCII)
RARE = re.compile("[ejEtHkhismr]")


def words(text: str) -> list[str]:
    """The tokens of StandardTokenizer, as written."""
    if text.isascii():
        found = ASCII.findall(text)
    else:
        classes = text.translate(CLASSES)
        token = TOKEN if RARE.search(classes) else PLAIN
        found = [text[slice(*match.span())] for match in token.finditer(classes)]
    if max(map(len, found), default=0) > LONGEST:
        return [each[at : at + LONGEST] for each in found for at in range(0, len(each), LONGEST)]
    return found


@lru_cache(maxsize=1 << 18)
def term(word: str) -> str:
    """The index term of one token; empty for a stop word."""
    if len(word) > 1 and word[-2] in "'’＇" and word[-1] in "sS":
        word = word[:-2]
    # Java lowers one character at a time, so no final sigma and no dotted i of two characters.
    word = word.lower() if word.isascii() else word.replace("İ", "i").replace("Σ", "σ").lower()
    return "" if word in STOP_WORDS else stem(word)


def analyze(text: str) -> list[str]:
    """The index terms of a text, in order, repetitions kept."""
    return [found for word in words(text) if (found := term(word))]
