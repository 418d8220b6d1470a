"""What training eats: a row of token ids with its labels, and the fingerprint of a whole set of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from ..trajectories.errors import UsageError
from .rendering import Rendered

IGNORED = -100
"""The label of a token that nothing is learned from (PyTorch's `ignore_index`)."""


class Masked(NamedTuple):
    """One conversation, tokenised and masked: `labels[i]` is `input_ids[i]` where it is trained, else -100.

    `source` says where it came from (a file and record, an episode id); errors name it.
    """

    input_ids: Sequence[int]
    labels: Sequence[int]
    source: str = ""

    @property
    def trained(self) -> int:
        """Loss tokens: labels with a predecessor (the first token of a row is never predicted)."""
        return sum(label != IGNORED for label in self.labels[1:])


def masked(rendered: Rendered, source: str = "") -> Masked:
    """A rendered conversation as a row: ids as they are, labels where its loss mask is on."""
    return Masked(rendered.input_ids, rendered.labels(IGNORED), source)


def check(rows: Iterable[Masked], max_length: int, vocabulary: int | None = None) -> None:
    """Refuse, before step 1, a row that could not be trained on.

    Raises:
        UsageError: no rows; a row whose ids and labels differ in length, whose label is neither its id nor -100, that
            has nothing to train on, is longer than `max_length`, or holds an id outside the model's vocabulary.
    """
    count = 0
    for count, each in enumerate(rows, start=1):
        name = f"row {count - 1}" + (f" ({each.source})" if each.source else "")
        if len(each.input_ids) != len(each.labels):
            raise UsageError(f"{name}: {len(each.input_ids)} ids but {len(each.labels)} labels; one label a token")
        if len(each.input_ids) > max_length:
            raise UsageError(
                f"{name}: {len(each.input_ids)} tokens, more than max_length {max_length}; "
                "let the renderer cut whole exchanges, raise max_length, or drop the row"
            )
        ids, labels = np.asarray(each.input_ids), np.asarray(each.labels)
        if ((labels != IGNORED) & (labels != ids)).any():
            raise UsageError(f"{name}: a label is neither its token nor {IGNORED}; rows are not shifted here")
        if not (labels[1:] != IGNORED).any():
            raise UsageError(f"{name}: nothing to train on: every label is {IGNORED}; drop the row or mend its mask")
        if vocabulary is not None and int(ids.max()) >= vocabulary:
            raise UsageError(
                f"{name}: token id {int(ids.max())} is outside the model's {vocabulary} embeddings; "
                "this tokenizer belongs to another model"
            )
    if not count:
        raise UsageError("no rows to train on")


def fingerprint(rows: Iterable[Masked]) -> str:
    """SHA-256 over every id and label in order: two data sets that train alike have one fingerprint."""
    digest = hashlib.sha256()
    for each in rows:
        digest.update(len(each.input_ids).to_bytes(8, "little"))
        digest.update(np.asarray(each.input_ids, dtype=np.int64).tobytes())
        digest.update(np.asarray(each.labels, dtype=np.int64).tobytes())
    return digest.hexdigest()
