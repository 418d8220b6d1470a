"""Which conversations each optimiser step learns from, and how they are cut into forward passes, known before step 1.

A step is `batch_size` conversations, whatever the batching: packing and grouping only lay the same conversations out
differently, so the gradient of a step does not depend on them, nor on the number of processes. The loss of a step is
summed over its trained tokens and divided by their true number, so neither accumulation nor a short last step can skew it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch.utils.data import Dataset

from .packing import MicroBatch, best_fit_decreasing, pack, stack
from .rows import IGNORED, Masked


@dataclass(frozen=True)
class StepBatch:
    """One optimiser step on one process: its forward passes, and the whole step's loss tokens over all processes."""

    step: int
    micro: tuple[MicroBatch, ...]
    loss_tokens: int
    rows: tuple[int, ...]


class Schedule(Dataset[StepBatch]):
    """The run as a sequence of steps; `schedule[k]` is this process's share of step k, made on demand.

    Args:
        rows: The conversations, all of them, on every process.
        batch_size: Conversations a step.
        epochs: Passes; each has its own order, drawn from (seed, epoch).
        max_steps: Cut after so many steps; 0 is no cut.
        seed: Of the orders.
        micro_tokens: Tokens of one forward pass.
        batching: How the conversations of a step are laid out.
        rank: This process.
        processes: How many there are.
        pad: The id that fills padding.
        fixed: Whether every packed bin is filled up to `micro_tokens` (for compilers that want one shape).
    """

    def __init__(
        self,
        rows: Sequence[Masked],
        *,
        batch_size: int,
        epochs: int,
        max_steps: int = 0,
        seed: int = 0,
        micro_tokens: int,
        batching: Literal["packed", "grouped"] = "packed",
        rank: int = 0,
        processes: int = 1,
        pad: int = 0,
        fixed: bool = False,
    ) -> None:
        self.rows, self.batch_size, self.micro_tokens, self.batching = rows, batch_size, micro_tokens, batching
        self.rank, self.processes, self.pad, self.fixed, self.seed = rank, processes, pad, fixed, seed
        self.lengths = [len(each.input_ids) for each in rows]
        self.trained = [each.trained for each in rows]
        self.steps_per_epoch = -(-len(rows) // batch_size)
        self.steps = self.steps_per_epoch * epochs
        if max_steps:
            self.steps = min(self.steps, max_steps)

    def __len__(self) -> int:
        return self.steps

    def members(self, step: int) -> list[int]:
        """Indices of the rows that step `step` (from 0) learns from; the last step of an epoch may have fewer."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.rows))
        return [int(each) for each in order[place * self.batch_size : (place + 1) * self.batch_size]]

    def layout(self, step: int) -> list[list[list[int]]]:
        """For each process, its forward passes as lists of row indices; every process has equally many.

        A process that would have one fewer gets an empty one, since sharded training must run in lockstep.
        """
        members = self.members(step)
        blocks = self._packed(members) if self.batching == "packed" else self._grouped(members)
        blocks.sort(key=lambda block: -sum(self.lengths[each] for each in block))
        shares: list[list[list[int]]] = [[] for _ in range(self.processes)]
        for index, block in enumerate(blocks):
            turn, place = divmod(index, self.processes)
            shares[place if turn % 2 == 0 else self.processes - 1 - place].append(block)
        most = max(len(share) for share in shares)
        return [share + [[]] * (most - len(share)) for share in shares]

    def __getitem__(self, step: int) -> StepBatch:
        if not 0 <= step < self.steps:
            raise IndexError(step)
        layout = self.layout(step)
        members = tuple(self.members(step))
        micro = tuple(self._lay(block) for block in layout[self.rank])
        return StepBatch(step, micro, sum(self.trained[each] for each in members), members)

    def _packed(self, members: list[int]) -> list[list[int]]:
        bins = best_fit_decreasing([self.lengths[each] for each in members], self.micro_tokens)
        return [[members[each] for each in one] for one in bins]

    def _grouped(self, members: list[int]) -> list[list[int]]:
        blocks: list[list[int]] = []
        for each in sorted(members, key=lambda each: (-self.lengths[each], each)):
            if blocks and (len(blocks[-1]) + 1) * self.lengths[blocks[-1][0]] <= self.micro_tokens:
                blocks[-1].append(each)
            else:
                blocks.append([each])
        return blocks

    def _lay(self, block: list[int]) -> MicroBatch:
        rows = [self.rows[each] for each in block] or [Masked([self.pad] * 2, [IGNORED] * 2, "idle")]
        if self.batching == "grouped":
            return stack(rows, self.pad)
        return pack(rows, self.micro_tokens if self.fixed else None, self.pad)
