"""Many short conversations in one long row, with a wall between each: best-fit-decreasing packing without leakage.

Two rules keep packed gradients equal to unpacked ones. No token sees another document: positions restart at each
document, no attention mask is given, no cache is used, and attention runs a document at a time (or under the
block-diagonal mask that transformers derives from the positions). No document is predicted from another's end: its
first label is masked.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..trajectories.errors import UsageError
from .rows import IGNORED, Masked


def best_fit_decreasing(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Put items into as few bins as this rule can: longest first, each into the fullest bin that still takes it.

    Args:
        lengths: Tokens of each item.
        capacity: Tokens that a bin holds.

    Returns:
        Bins of indices into `lengths`, every index exactly once; the same input gives the same bins.

    Raises:
        UsageError: an item is longer than a bin.
    """
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, bin), ascending
    for index in sorted(range(len(lengths)), key=lambda each: (-lengths[each], each)):
        length = lengths[index]
        if length > capacity:
            raise UsageError(f"row {index} has {length} tokens, a bin holds {capacity}; cut it before packing")
        place = bisect_left(room, (length, -1))
        if place == len(room):
            bins.append([index])
            insort(room, (capacity - length, len(bins) - 1))
        else:
            left, chosen = room.pop(place)
            bins[chosen].append(index)
            insort(room, (left - length, chosen))
    return bins


@dataclass(frozen=True)
class MicroBatch:
    """What one forward pass takes: tensors of shape (rows, length), and where the loss is.

    `where` indexes the flattened (rows x length) positions whose *next* token is trained, `targets` are those tokens.
    `boundaries` are the documents' starts and the end (packed only, int32), `sizes` their lengths; `attention_mask` is there
    only when padding is.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    where: torch.Tensor
    targets: torch.Tensor
    tokens: int
    boundaries: torch.Tensor | None = None
    sizes: tuple[int, ...] = ()
    attention_mask: torch.Tensor | None = None

    @property
    def longest(self) -> int:
        """Tokens of the longest document of a packed row."""
        return max(self.sizes)

    def to(self, device: torch.device) -> MicroBatch:
        """The same micro-batch on another device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value
            for name, value in vars(self).items()
        }
        return MicroBatch(**moved)


def pack(rows: Sequence[Masked], length: int | None = None, pad: int = 0) -> MicroBatch:
    """Lay documents end to end as one row of shape (1, T), positions restarting, each first label masked.

    Args:
        rows: The documents of this bin, in order.
        length: Fill up to this many tokens with a document of `pad` that has no loss (fixed shapes, for compilers).
        pad: The filler's token id.
    """
    filler = (length or 0) - sum(len(each.input_ids) for each in rows)
    if filler > 0:
        rows = [*rows, Masked([pad] * filler, [IGNORED] * filler, "filler")]
    ids: list[int] = []
    labels: list[int] = []
    positions: list[int] = []
    boundaries = [0]
    for each in rows:
        ids.extend(each.input_ids)
        labels.append(IGNORED)
        labels.extend(each.labels[1:])
        positions.extend(range(len(each.input_ids)))
        boundaries.append(len(ids))
    where, targets = _loss_positions(torch.tensor([labels]))
    return MicroBatch(
        torch.tensor([ids]),
        torch.tensor([positions]),
        where,
        targets,
        tokens=len(ids) - max(filler, 0),
        boundaries=torch.tensor(boundaries, dtype=torch.int32),
        sizes=tuple(len(each.input_ids) for each in rows),
    )


def stack(rows: Sequence[Masked], pad: int = 0) -> MicroBatch:
    """Right-padded rows of shape (B, longest): for models that take no packed documents."""
    longest = max(len(each.input_ids) for each in rows)
    ids = torch.full((len(rows), longest), pad)
    labels = torch.full((len(rows), longest), IGNORED)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, each in enumerate(rows):
        ids[index, : len(each.input_ids)] = torch.tensor(each.input_ids)
        labels[index, : len(each.labels)] = torch.tensor(each.labels)
        mask[index, : len(each.input_ids)] = 1
    where, targets = _loss_positions(labels)
    positions = torch.arange(longest).expand(len(rows), -1)
    ragged = not bool(mask.all())
    return MicroBatch(ids, positions, where, targets, int(mask.sum()), attention_mask=mask if ragged else None)


def _loss_positions(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Flat positions whose next token is trained, and that token: the causal shift, done once."""
    shifted = torch.full_like(labels, IGNORED)
    shifted[:, :-1] = labels[:, 1:]
    flat = shifted.reshape(-1)
    where = (flat != IGNORED).nonzero().reshape(-1)
    return where, flat[where]
