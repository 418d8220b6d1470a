"""The answer scores are those of HotpotQA's own scorer."""

import re
import string
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentbank.envs.scoring import exact_match, normalise_answer, token_f1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Orle.", "orle"),
        ("a An THE", ""),
        ("Theatre", "theatre"),
        ("3,677 seated", "3677 seated"),
        ("it's", "its"),
        ("a-b", "ab"),
        ("Zoë’s", "zoë’s"),
    ],
)
def test_normalised(text, plain):
    assert normalise_answer(text) == plain


@pytest.mark.parametrize(
    ("said", "gold", "match", "f1"),
    [
        ("the Orle", "Orle", True, 1.0),
        ("river Orle", "Orle", False, 2 / 3),
        ("yes", "Yes.", True, 1.0),
        ("yes it is", "yes", False, 0.0),
        ("no", "yes", False, 0.0),
        ("noanswer", "no answer", False, 0.0),
        ("no doubt", "no limit", False, 0.5),
        ("Orle Orle", "Orle", False, 2 / 3),
        ("", "Orle", False, 0.0),
        ("the", "a", True, 0.0),
        ("Chief of Protocol", "Protocol Chief", False, 0.8),
    ],
)
def test_scores(said, gold, match, f1):
    assert exact_match(said, gold) is match
    assert token_f1(said, gold) == pytest.approx(f1)


def by_definition(said, gold):
    """SQuAD's and HotpotQA's definition, step by step (lower, punctuation, articles, spaces; then bags of words)."""

    def plain(text):
        text = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())

    one, two = plain(said), plain(gold)
    for word in ("yes", "no", "noanswer"):
        if one != two and word in (one, two):
            return one == two, 0.0
    same = sum((Counter(one.split()) & Counter(two.split())).values())
    if same == 0:
        return one == two, 0.0
    precision, recall = same / len(one.split()), same / len(two.split())
    return one == two, 2 * precision * recall / (precision + recall)


words = st.lists(st.sampled_from(["the", "a", "Orle", "no", "yes", "noanswer", "1,5", "ÉTÉ", "-", "an."]), max_size=5)


@given(words.map(" ".join), words.map(" ".join))
@example("no", "no.")
def test_scores_by_definition(said, gold):
    match, f1 = by_definition(said, gold)
    assert exact_match(said, gold) == match
    assert token_f1(said, gold) == pytest.approx(f1)
