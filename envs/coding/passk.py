"""pass@k: the chance that one of k samples solves a problem, estimated from n samples without bias.

Paper: Chen et al. 2021, arXiv 2107.03374, section 2.1.
"""

from __future__ import annotations

import math

from ...trajectories.errors import UsageError


def pass_at_k(n: int, c: int, k: int) -> float:
    """``1 - C(n - c, k) / C(n, k)``, as a product that neither overflows nor cancels.

    Args:
        n: Samples drawn of one problem.
        c: How many of them are correct.
        k: The budget asked about; 1..n.

    Returns:
        The estimate, 0..1. The mean over the problems is the benchmark's figure.

    Raises:
        UsageError: not ``0 <= c <= n`` and ``1 <= k <= n``.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise UsageError(f"pass@k needs 0 <= c <= n and 1 <= k <= n, not n={n}, c={c}, k={k}")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))
