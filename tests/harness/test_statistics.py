import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbank.harness import interval, paired, pass_at
from agentbank.harness.statistics import t95, wilson


@pytest.mark.parametrize(
    ("freedom", "value"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (5, 2.57058), (10, 2.22814), (30, 2.04227), (999, 1.96234)],
)
def test_students_t_against_the_tables(freedom, value):
    assert t95(freedom) == pytest.approx(value, rel=0.012)


def test_wilson_against_the_textbook():
    low, high = wilson(0.5, 10)
    assert (low, high) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))


def test_all_right_is_not_certainty():
    low, high = interval({str(i): [1.0] for i in range(50)})
    assert high == 1.0 and 0.9 < low < 0.95


def test_repeating_a_task_adds_no_certainty():
    once = interval({"a": [0.0], "b": [1.0], "c": [0.5], "d": [0.9]})
    often = interval({"a": [0.0] * 50, "b": [1.0] * 50, "c": [0.5] * 50, "d": [0.9] * 50})
    assert often == pytest.approx(once)


@given(st.dictionaries(st.text(max_size=3), st.lists(st.floats(0, 1), min_size=1, max_size=4), max_size=12))
def test_the_interval_holds_the_mean(clusters):
    values = [value for scores in clusters.values() for value in scores]
    low, high = interval(clusters)
    assert 0.0 <= low <= high <= 1.0
    if values:
        mean = math.fsum(values) / len(values)
        assert low - 1e-9 <= mean <= high + 1e-9


def test_pass_at_k_against_counting():
    from itertools import combinations

    for n in range(1, 8):
        for right in range(n + 1):
            for k in range(1, n + 1):
                draws = list(combinations(range(n), k))
                hit = sum(any(i < right for i in draw) for draw in draws) / len(draws)
                assert pass_at(k, n, right) == pytest.approx(hit)


def test_paired_sees_what_unpaired_cannot():
    a = {str(i): i / 100 for i in range(90)}
    b = {key: value + 0.05 for key, value in a.items()}
    found = paired(a, b)
    assert found.tasks == 90 and found.better == 90 and found.difference == pytest.approx(0.05)
    assert found.low > 0.04 and found.p < 1e-6


def test_paired_needs_something_in_common():
    with pytest.raises(ValueError, match="no task in common"):
        paired({"a": 1.0}, {"b": 1.0})
