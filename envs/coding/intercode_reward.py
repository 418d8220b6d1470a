"""InterCode-SQL's reward: how much of the gold rows was found, and in what order.

Source: ``get_reward`` of InterCode's SQL environment (intercode/envs/sql/sql_env.py, Yang et al. 2023, arXiv 2306.14898).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any


def kendall_tau_b(left: Sequence[str], right: Sequence[str]) -> float:
    """Kendall's tau-b of two lists of the same length, texts compared by code point; NaN where either is constant."""
    ranks = [_ranks(left), _ranks(right)]
    agree = tied_left = tied_right = 0
    pairs = len(left) * (len(left) - 1) // 2
    agree, tied_left, tied_right = _discordance(*ranks)
    below = math.sqrt((pairs - tied_left) * (pairs - tied_right)) if pairs else 0.0
    return agree / below if below else math.nan


def _ranks(values: Sequence[str]) -> list[int]:
    order = {value: rank for rank, value in enumerate(sorted(set(values)))}
    return [order[value] for value in values]


def _tied(counts: Counter[Any]) -> int:
    return sum(count * (count - 1) // 2 for count in counts.values())


def _discordance(left: list[int], right: list[int]) -> tuple[int, int, int]:
    """Concordant less discordant pairs, pairs tied on the left, pairs tied on the right; n log n."""
    pairs = len(left) * (len(left) - 1) // 2
    tied_left, tied_right = _tied(Counter(left)), _tied(Counter(right))
    tied_both = _tied(Counter(zip(left, right, strict=True)))
    ordered = [y for _, y in sorted(zip(left, right, strict=True))]
    swaps = _inversions(ordered)
    return pairs - tied_left - tied_right + tied_both - 2 * swaps, tied_left, tied_right


def _inversions(values: list[int]) -> int:
    """Pairs that stand in the wrong order, counted with a Fenwick tree."""
    size = max(values, default=0) + 1
    tree = [0] * (size + 1)
    count = 0
    for seen, value in enumerate(values):
        at, smaller = value + 1, 0
        while at:
            smaller += tree[at]
            at -= at & -at
        count += seen - smaller
        at = value + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return count


def _shared(values: list[str], wanted: Counter[str]) -> list[str]:
    left = wanted.copy()
    result = []
    for value in values:
        if left[value] > 0:
            left[value] -= 1
            result.append(value)
    return result


def reward(rows: Any, gold: Sequence[Any], ordered: bool = True) -> float:
    """Upstream's reward, -1..1, of the last observation against the gold rows.

    0 where the observation is no list of rows (an error, a write, nothing yet). Else the intersection of the two bags of
    rows (as printed) over their union; 1 where both are empty. If the shared rows can be ranked, it is multiplied by
    Kendall's tau-b of their orders and rounded to two digits; a reversed order makes it negative. `ordered` False
    leaves that out: so the episodes were scored that upstream published with the paper.
    """
    if not isinstance(rows, list):
        return 0.0
    said, wanted = [str(row) for row in rows], [str(row) for row in gold]
    bags = Counter(said), Counter(wanted)
    union = (bags[0] | bags[1]).total()
    if not union:
        return 1.0
    both = bags[0] & bags[1]
    overlap = both.total() / union
    if not both or not ordered:
        return overlap
    tau = kendall_tau_b(_shared(said, both), _shared(wanted, both))
    return overlap if math.isnan(tau) else round(tau * overlap, 2)
