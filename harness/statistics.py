"""Statistics of agents: means with honest intervals, pass@k, all over episodes that measure the agent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

Z95 = NormalDist().inv_cdf(0.975)


class Interval(NamedTuple):
    """A 95% interval, inside 0..1."""

    low: float
    high: float


def wilson(mean: float, n: float) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927); it does not collapse at 0 or 1."""
    if n <= 0:
        return Interval(0.0, 1.0)
    square = Z95 * Z95
    centre = (mean + square / (2 * n)) / (1 + square / n)
    half = Z95 * math.sqrt(mean * (1 - mean) / n + square / (4 * n * n)) / (1 + square / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def t95(freedom: int) -> float:
    """The 97.5% point of Student's t, exact for 1 and 2 degrees of freedom, else to about 1% (Cornish-Fisher)."""
    if freedom == 1:
        return math.tan(math.pi * 0.475)
    if freedom == 2:
        return 0.95 * math.sqrt(2 / (1 - 0.95**2))
    z, v = Z95, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def interval(clusters: Mapping[str, Sequence[float]]) -> Interval:
    """95% interval of the mean score, episodes of one task counted as one cluster (they are not independent).

    One 0-or-1 score a task: Wilson. Otherwise the cluster-robust standard error (Miller 2024, arXiv 2411.00640) with
    Student's t on the number of tasks less one. Scores that are all equal say nothing of their spread, so there too
    Wilson, on the number of tasks.
    """
    values = [value for scores in clusters.values() for value in scores]
    count, groups = len(values), len(clusters)
    if not count:
        return Interval(0.0, 1.0)
    mean = math.fsum(values) / count
    single = groups == count
    if groups < 2 or (single and all(value in (0.0, 1.0) for value in values)):
        return wilson(mean, groups)
    spread = math.fsum(math.fsum(value - mean for value in scores) ** 2 for scores in clusters.values())
    if spread < 1e-18:
        return wilson(mean, groups)
    error = math.sqrt(spread * groups / (groups - 1)) / count
    half = t95(groups - 1) * error
    return Interval(max(0.0, mean - half), min(1.0, mean + half))


def pass_at(k: int, n: int, right: int) -> float:
    """Chance that at least one of k samples is right, estimated without bias from n (Chen et al. 2021, eq. 1)."""
    if n - right < k:
        return 1.0
    return 1.0 - math.prod((n - right - i) / (n - i) for i in range(k))


class Paired(NamedTuple):
    """Two runs on the same tasks: mean difference (b - a), its interval, and how the tasks split."""

    tasks: int
    difference: float
    low: float
    high: float
    better: int
    worse: int
    p: float
    """Two-sided sign test over the tasks that differ (McNemar's exact test for 0-or-1 scores)."""


def paired(a: Mapping[str, float], b: Mapping[str, float]) -> Paired:
    """Compare mean scores by task over the tasks that both hold.

    Raises:
        ValueError: they have no task in common.
    """
    common = sorted(a.keys() & b.keys())
    if not common:
        raise ValueError("the two runs have no task in common")
    deltas = [b[task] - a[task] for task in common]
    n, mean = len(deltas), math.fsum(deltas) / len(deltas)
    better, worse = sum(delta > 1e-9 for delta in deltas), sum(delta < -1e-9 for delta in deltas)
    half = 1.0
    if n > 1:
        variance = math.fsum((delta - mean) ** 2 for delta in deltas) / (n - 1)
        half = t95(n - 1) * math.sqrt(variance / n)
    uneven = better + worse
    tail = sum(math.comb(uneven, i) for i in range(min(better, worse) + 1)) / 2**uneven
    return Paired(n, mean, max(-1.0, mean - half), min(1.0, mean + half), better, worse, min(1.0, 2 * tail))
