"""How a written answer is compared with the gold one, as the question-answering benchmarks' own scorers do it."""

from __future__ import annotations

import re
import string
from collections import Counter

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CLOSED = frozenset({"yes", "no", "noanswer"})


def normalise_answer(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, single spaces (SQuAD v1.1's rule, used by HotpotQA)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, gold: str) -> bool:
    """Whether the two are the same text after `normalise_answer` (``exact_match_score`` of hotpot_evaluate_v1.py)."""
    return normalise_answer(prediction) == normalise_answer(gold)


def token_f1(prediction: str, gold: str) -> float:
    """F1 (0..1) of the normalised answers as bags of words (``f1_score`` of hotpot_evaluate_v1.py).

    Where either is yes, no or noanswer, the score is 1 if both are the same and else 0, whatever words they share.
    """
    said, wanted = normalise_answer(prediction), normalise_answer(gold)
    if said != wanted and (said in _CLOSED or wanted in _CLOSED):
        return 0.0
    said_words, wanted_words = said.split(), wanted.split()
    shared = (Counter(said_words) & Counter(wanted_words)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(said_words), shared / len(wanted_words)
    return 2 * precision * recall / (precision + recall)
