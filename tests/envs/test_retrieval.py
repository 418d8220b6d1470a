"""Search: the analyser's terms, BM25 by its formula, the same from files as from memory."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbank.envs.retrieval import BM25, analyze, bm25, postings
from agentbank.envs.retrieval.analyzer import ASCII, CLASSES, PLAIN, TOKEN, words
from agentbank.envs.retrieval.porter import stem
from agentbank.trajectories import DataError


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The men's running-shoes, 3.5 inch", ["men", "run", "shoe", "3.5", "inch"]),
        ("description:solid U.S.A. 1,000 a_1", ["description:solid", "u.s.a", "1,000", "a_1"]),
        ("naïve Ünïcode İstanbul", ["naïv", "ünïcode", "istanbul"]),
        ("中文 カタカナ ひ가나", ["中", "文", "カタカナ", "ひ", "가나"]),
        ("★ great™ 😀👍🏽", ["★", "great", "™", "😀", "👍🏽"]),
        ("not the and of", []),
        ("___ -- !", []),
        ("x" * 300, ["x" * 255, "x" * 45]),
    ],
)
def test_terms_are_lucenes(text, terms):
    assert analyze(text) == terms


@pytest.mark.parametrize(
    ("word", "root"),
    [
        ("caresses", "caress"), ("ponies", "poni"), ("cats", "cat"), ("agreed", "agre"), ("plastered", "plaster"),
        ("motoring", "motor"), ("sing", "sing"), ("conflated", "conflat"), ("hopping", "hop"), ("falling", "fall"),
        ("filing", "file"), ("happy", "happi"), ("sky", "sky"), ("relational", "relat"), ("conditional", "condit"),
        ("generalizations", "gener"), ("oscillators", "oscil"), ("adoption", "adopt"), ("cease", "ceas"),
        ("controll", "control"), ("by", "by"), ("analogi", "analog"), ("possibly", "possibl"), ("yellow", "yellow"),
    ],
)  # fmt: skip
def test_stems_are_porters(word, root):
    assert stem(word) == root


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aZ09_.:,;' -\"", max_size=40))
def test_the_fast_patterns_find_the_same_words(text):
    classes = text.translate(CLASSES)
    whole = [text[slice(*match.span())] for match in TOKEN.finditer(classes)]
    assert [text[slice(*match.span())] for match in PLAIN.finditer(classes)] == whole
    assert ASCII.findall(text) == whole == words(text)


TEXTS = [
    "red lamp",
    "red red lamp for the desk",
    "",
    "blue lamp shade",
    "tall oak table",
    "the",
    "lamp " * 70,
    "oak lamp red",
]


def by_hand(texts, query, k1=0.9, b=0.4):
    """Robertson's formula as Lucene writes it, without k1+1 above; lengths above 40 are coarse there."""
    docs = [Counter(analyze(text)) for text in texts]
    held = [doc for doc in docs if doc]
    average = sum(sum(doc.values()) for doc in held) / len(held)
    scores = {}
    for number, doc in enumerate(docs):
        total, length = 0.0, sum(doc.values())
        length = length if length < 40 else max(n for n in bm25.LENGTHS if n <= length)
        for term, times in Counter(analyze(query)).items():
            if doc[term]:
                having = sum(term in other for other in docs)
                idf = math.log(1 + (len(held) - having + 0.5) / (having + 0.5))
                total += times * idf * doc[term] / (doc[term] + k1 * (1 - b + b * length / average))
        if total:
            scores[number] = total
    return sorted(scores.items(), key=lambda each: (-each[1], each[0]))


@pytest.mark.parametrize(
    "query", ["lamp", "red lamp", "oak oak lamp", "desk the", "nothing here", "", "lamp red oak tall"]
)
@pytest.mark.parametrize("options", [{}, {"k1": 1.5, "b": 0.75}])
def test_scores_follow_the_formula(query, options):
    index = BM25.build(TEXTS, **options)
    found, expected = index.search(query, 10), by_hand(TEXTS, query, **options)
    assert [doc for doc, _ in found] == [doc for doc, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], rel=1e-6)


def test_equal_scores_are_ordered_by_name_or_place():
    assert [doc for doc, _ in BM25.build(["oak", "oak", "oak"]).search("oak", 2)] == [0, 1]
    assert [doc for doc, _ in BM25.build(["oak", "oak", "oak"], ties=["c", "a", "b"]).search("oak", 2)] == [1, 2]


def many(count, seed):
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{n}" for n in np.minimum(rng.zipf(1.3, rng.integers(0, 60)), 500)) for _ in range(count)]


def test_pruned_search_equals_whole_search(monkeypatch):
    texts = many(3000, 1)
    index, queries = BM25.build(texts), [" ".join(text.split()[:9]) for text in many(200, 2)]
    whole = [index.search(query, 10) for query in queries]
    floors = []
    real = np.flatnonzero
    monkeypatch.setattr(bm25, "CHEAP", 0)
    monkeypatch.setattr(bm25, "LOOKUP", 0)
    monkeypatch.setattr(bm25.np, "flatnonzero", lambda given: floors.append(1) or real(given))
    assert [index.search(query, 10) for query in queries] == whole
    assert len(floors) >= len(queries)


def test_blocks_and_files_change_nothing(monkeypatch, tmp_path):
    texts, queries = many(400, 3), many(50, 4)
    index = BM25.build(texts)
    monkeypatch.setattr(postings, "BLOCK", 100)
    stored = BM25.build(iter(texts), tmp_path / "index")
    assert len(stored) == len(index) == 400
    for query in queries:
        assert stored.search(query, 20) == index.search(query, 20) == BM25.open(tmp_path / "index").search(query, 20)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["index"]


def test_built_again_in_place_and_empty(tmp_path):
    BM25.build(["oak"], tmp_path / "index")
    assert len(BM25.build(["oak", "elm"], tmp_path / "index")) == 2
    empty = BM25.build([], tmp_path / "none")
    assert len(empty) == 0 and empty.search("oak", 5) == []
    assert BM25.build(["", "the"]).search("oak", 5) == []


def test_what_is_no_index_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        BM25.open(tmp_path / "nowhere")
    BM25.build(["oak"], tmp_path / "index")
    (tmp_path / "index" / "index.json").write_text('{"layout": 0}')
    with pytest.raises(DataError, match="layout 0"):
        BM25.open(tmp_path / "index")
    (tmp_path / "index" / "index.json").write_text('{"layout": 1, "k1": 1, "b": 1}')
    (tmp_path / "index" / "docs.npy").unlink()
    with pytest.raises(DataError, match="delete it"):
        BM25.open(tmp_path / "index")


def test_a_text_that_fails_leaves_no_folder(tmp_path):
    def texts():
        yield "oak"
        raise DataError("file", "cut off")

    with pytest.raises(DataError):
        BM25.build(texts(), tmp_path / "index")
    assert list(tmp_path.iterdir()) == []
