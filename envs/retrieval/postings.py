"""An inverted index as plain arrays: for each term, which documents hold it. Built in blocks, mapped back.

A folder of it holds ``terms.bin`` (sorted UTF-8 terms, end to end) and NumPy files: ``ends`` (byte after each term),
``starts`` (first posting of each term, one more at the end), ``docs`` (document of each posting, ascending within a
term), and ``lengths`` (terms in each document).
"""

from __future__ import annotations

import mmap
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .analyzer import term, words

BLOCK = 4_000_000
"""Tokens that are sorted at once: some 100 MB while building."""

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Postings:
    """Terms and their postings; every array may be a memory map."""

    terms: bytes | mmap.mmap
    ends: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    docs: Ints
    lengths: Ints

    def find(self, wanted: str) -> int:
        """The number of a term, -1 where no document has it."""
        key, low, high = wanted.encode(), 0, len(self.ends)
        while low < high:
            middle = (low + high) // 2
            found = self.terms[self.ends[middle - 1] if middle else 0 : self.ends[middle]]
            if found == key:
                return middle
            low, high = (middle + 1, high) if found < key else (low, middle)
        return -1


class Vocabulary(dict[str, int]):
    """From a token as written to the number of its term, -1 for a stop word; filled as tokens come."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.terms: dict[str, int] = {}

    def __missing__(self, token: str) -> int:
        """Analyse a token that was not seen before."""
        if len(self) > 2_000_000:  # tokens as written are many more than terms; forget them, keep the terms
            self.clear()
        found = term(token)
        self[token] = number = self.terms.setdefault(found, len(self.terms)) if found else -1
        return number


def counted(texts: Iterable[str], vocabulary: Vocabulary, lengths: array[int]) -> Iterator[Ints]:
    """Blocks of rows (term, document, frequency), sorted by term and document."""
    tokens, first = array("i"), 0
    for text in texts:
        numbers = [number for token in words(text) if (number := vocabulary[token]) >= 0]
        tokens.extend(numbers)
        lengths.append(len(numbers))
        if len(tokens) >= BLOCK:
            yield count(tokens, first, lengths)
            tokens, first = array("i"), len(lengths)
    if tokens:
        yield count(tokens, first, lengths)


def count(tokens: array[int], first: int, lengths: array[int]) -> Ints:
    """One block: how often each term stands in each document from `first` on."""
    sizes = np.frombuffer(lengths, dtype=np.int32)[first:]
    owners = np.repeat(np.arange(first, first + len(sizes), dtype=np.int64), sizes)
    keys, freqs = np.unique(np.frombuffer(tokens, dtype=np.int32).astype(np.int64) << 32 | owners, return_counts=True)
    del sizes  # the view keeps the array from growing
    return np.stack([(keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32), freqs.astype(np.int32)])


def invert(texts: Iterable[str], folder: Path | None = None) -> tuple[Postings, Ints]:
    """Count the terms of `texts`; with a `folder`, which must exist, large arrays are files in it.

    Returns:
        The postings, each document named by its place in `texts`, and how often the term stands in the document.
    """
    vocabulary, lengths = Vocabulary(), array("i")
    with tempfile.TemporaryDirectory(dir=folder) as spill:
        blocks: list[Ints] = []
        for block in counted(texts, vocabulary, lengths):
            if folder is not None:
                np.save(spilled := Path(spill, f"{len(blocks)}.npy"), block)
                block = np.load(spilled, mmap_mode="r")
            blocks.append(block)
        encoded = [each.encode() for each in vocabulary.terms]
        order = sorted(range(len(encoded)), key=encoded.__getitem__)
        ranks = np.empty(len(order), dtype=np.int32)
        ranks[order] = np.arange(len(order), dtype=np.int32)
        totals = np.zeros(len(order), dtype=np.int64)
        for block in blocks:
            totals += np.bincount(ranks[block[0]], minlength=len(order))
        starts = np.concatenate([[0], np.cumsum(totals)]).astype(np.int64)
        docs = room(folder, "docs", int(starts[-1]), np.int32)
        freqs = np.zeros(int(starts[-1]), dtype=np.int32)
        free = starts[:-1].copy()
        for block in blocks:
            owners = ranks[block[0]]
            held = np.bincount(owners, minlength=len(order))
            begun = np.concatenate([[0], np.cumsum(np.bincount(block[0], minlength=len(order)))])[block[0]]
            places = free[owners] + np.arange(len(owners)) - begun
            docs[places], freqs[places] = block[1], block[2]
            free += held
        blocks.clear()
    sizes = np.fromiter((len(encoded[each]) for each in order), dtype=np.int64, count=len(order))
    made = Postings(
        b"".join(encoded[each] for each in order),
        np.cumsum(sizes),
        starts,
        docs,
        np.array(lengths, dtype=np.int32),
    )
    if folder is None:
        return made, freqs
    Path(folder, "terms.bin").write_bytes(made.terms)
    for name in ("ends", "starts", "lengths"):
        np.save(folder / f"{name}.npy", getattr(made, name))
    return mapped(folder), freqs


def room(folder: Path | None, name: str, size: int, kind: type[np.generic]) -> Any:
    """An array to fill: in memory, or a file of `folder`."""
    if folder is None:
        return np.zeros(size, dtype=kind)
    np.save(folder / f"{name}.npy", np.zeros(0, dtype=kind))
    return (
        np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=kind, shape=(size,))
        if size
        else np.zeros(0, dtype=kind)
    )


def mapped(folder: Path) -> Postings:
    """The postings of a folder, as memory maps."""
    with (folder / "terms.bin").open("rb") as file:
        # An empty file cannot be mapped.
        terms = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.seek(0, 2) else b""
    return Postings(terms, *(stored(folder, name) for name in ("ends", "starts", "docs", "lengths")))


def stored(folder: Path, name: str) -> Any:
    """A stored array, mapped; seen as a plain one, since NumPy's own class for maps is slow to slice."""
    return np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray)
