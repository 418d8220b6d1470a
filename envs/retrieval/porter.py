"""Porter's stemmer of 1980, as Lucene's PorterStemFilter carries it out (with the `bli` and `logi` revisions)."""

from __future__ import annotations

from functools import lru_cache

VOWELS = frozenset("aeiou")

STEP_2 = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
    ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
    ("iviti", "ive"), ("biliti", "ble"), ("logi", "log"),
)  # fmt: skip
STEP_3 = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
)  # fmt: skip
STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
)  # fmt: skip


def consonant(word: str, at: int) -> bool:
    """Whether the letter there is a consonant; `y` is one at the start and after a vowel."""
    letter = word[at]
    if letter in VOWELS:
        return False
    if letter == "y":
        return at == 0 or not consonant(word, at - 1)
    return True


def measure(stem: str) -> int:
    """How many times a consonant follows a vowel, runs taken as one: the m of [C](VC)^m[V]."""
    count, previous = 0, True
    for at in range(len(stem)):
        now = consonant(stem, at)
        count += now and not previous
        previous = now
    return count


def has_vowel(stem: str) -> bool:
    """Whether a vowel is in it."""
    return any(not consonant(stem, at) for at in range(len(stem)))


def doubled(word: str) -> bool:
    """Whether it ends in a double consonant."""
    return len(word) > 1 and word[-1] == word[-2] and consonant(word, len(word) - 1)


def closed(word: str) -> bool:
    """Whether it ends consonant, vowel, consonant, the last not w, x or y."""
    end = len(word) - 1
    if end < 2 or word[-1] in "wxy":
        return False
    return consonant(word, end) and not consonant(word, end - 1) and consonant(word, end - 2)


def _step_1(word: str) -> str:
    if word.endswith("s"):
        if word.endswith(("sses", "ies")):
            word = word[:-2]
        elif not word.endswith("ss"):
            word = word[:-1]
    if word.endswith("eed"):
        if measure(word[:-3]) > 0:
            word = word[:-1]
    else:
        for suffix in ("ed", "ing"):
            if word.endswith(suffix):
                if has_vowel(stem := word[: -len(suffix)]):
                    word = _tidied(stem)
                break
    if word.endswith("y") and has_vowel(word[:-1]):
        word = word[:-1] + "i"
    return word


def _tidied(stem: str) -> str:
    if stem.endswith(("at", "bl", "iz")):
        return stem + "e"
    if doubled(stem):
        return stem if stem[-1] in "lsz" else stem[:-1]
    return stem + "e" if measure(stem) == 1 and closed(stem) else stem


def _replaced(word: str, table: tuple[tuple[str, str], ...]) -> str:
    for suffix, new in table:
        if word.endswith(suffix):
            stem = word[: -len(suffix)]
            return stem + new if measure(stem) > 0 else word
    return word


def _step_4(word: str) -> str:
    # The longest suffix decides; where its condition fails, no shorter one is tried.
    for suffix in sorted((each for each in STEP_4 if word.endswith(each)), key=len, reverse=True)[:1]:
        stem = word[: -len(suffix)]
        if suffix == "ion" and not stem.endswith(("s", "t")):
            return word
        return stem if measure(stem) > 1 else word
    return word


def _step_5(word: str) -> str:
    if word.endswith("e"):
        stem = word[:-1]
        count = measure(stem)
        if count > 1 or (count == 1 and not closed(stem)):
            word = stem
    if word.endswith("ll") and measure(word) > 1:
        word = word[:-1]
    return word


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of a lower-case word; words of one or two letters stay as they are."""
    if len(word) < 3:
        return word
    word = _step_1(word)
    word = _replaced(word, STEP_2)
    word = _replaced(word, STEP_3)
    return _step_5(_step_4(word))
