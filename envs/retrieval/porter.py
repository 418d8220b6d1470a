"""Porter's stemmer, as Lucene's PorterStemFilter runs it: English words to their stems.

Source: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, with the two departures of its author's
own later program ("bli" -> "ble", "logi" -> "log"), which Lucene keeps.
"""

from __future__ import annotations

STEP2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "bli": "ble", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble", "logi": "log",
}  # fmt: skip
STEP3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
STEP4 = dict.fromkeys(
    ("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
     "ous", "ive", "ize"), "",
)  # fmt: skip


def shape(word: str) -> str:
    """The word with every consonant as ``c`` and every vowel as ``v``."""
    kinds: list[str] = []
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and bool(kinds) and kinds[-1] == "c")
        kinds.append("v" if vowel else "c")
    return "".join(kinds)


def measure(stem_shape: str) -> int:
    """How often a vowel is followed by a consonant: the m of the paper."""
    return stem_shape.count("vc")


def closed(word: str, kinds: str) -> bool:
    """Ends consonant-vowel-consonant, the last not w, x or y (the paper's *o)."""
    return kinds.endswith("cvc") and word[-1] not in "wxy"


def doubled(word: str, kinds: str) -> bool:
    """Ends in a double consonant (the paper's *d)."""
    return len(word) > 1 and word[-1] == word[-2] and kinds[-1] == "c"


def replace(word: str, kinds: str, endings: dict[str, str], least: int) -> str:
    """Replace the longest of `endings` that fits, where the stem's measure is above `least`."""
    for size in range(min(7, len(word)), 1, -1):
        ending = word[-size:]
        if ending not in endings:
            continue
        stem = word[:-size]
        fits = measure(kinds[:-size]) > least and (ending != "ion" or stem.endswith(("s", "t")))
        return stem + endings[ending] if fits else word
    return word


def plural(word: str) -> str:
    """Step 1a."""
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def participle(word: str) -> str:
    """Step 1b."""
    kinds = shape(word)
    if word.endswith("eed"):
        return word[:-1] if measure(kinds[:-3]) > 0 else word
    size = 2 if word.endswith("ed") else 3 if word.endswith("ing") else 0
    if not size or "v" not in kinds[:-size]:
        return word
    word, kinds = word[:-size], kinds[:-size]
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if doubled(word, kinds):
        return word if word[-1] in "lsz" else word[:-1]
    return word + "e" if measure(kinds) == 1 and closed(word, kinds) else word


def stem(word: str) -> str:
    """The stem of a lower-case word; words of one or two characters are left alone."""
    if len(word) < 3:
        return word
    word = participle(plural(word))
    if word.endswith("y") and "v" in shape(word[:-1]):
        word = word[:-1] + "i"
    for endings, least in ((STEP2, 0), (STEP3, 0), (STEP4, 1)):
        word = replace(word, shape(word), endings, least)
    kinds = shape(word)
    if word.endswith("e"):
        m = measure(kinds[:-1])
        if m > 1 or (m == 1 and not closed(word[:-1], kinds[:-1])):
            word, kinds = word[:-1], kinds[:-1]
    if word.endswith("ll") and measure(kinds) > 1:
        word = word[:-1]
    return word
