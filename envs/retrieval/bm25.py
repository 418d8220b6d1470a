"""BM25 as Lucene scores it, over an inverted index of numpy arrays that may lie memory-mapped on disk.

Robertson and Zaragoza 2009 in Lucene's form (BM25Similarity): idf = ln(1 + (N - n + 0.5) / (n + 0.5)), and document lengths
rounded to one byte (SmallFloat.intToByte4), so that ranks are Lucene's and not nearly so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...trajectories.errors import DataError
from .analyzer import words

FORMAT = 1


def rounded_length(length: int) -> int:
    """A document's length as Lucene keeps it: exact up to 39, then four significant bits (SmallFloat.intToByte4)."""
    free = 24  # lengths below it are exact: 255 less the largest long4 code, 231
    if length < free:
        return length
    rest = length - free
    bits = rest.bit_length()
    if bits < 4:
        return length
    shift = bits - 4
    return free + ((rest >> shift) << shift)


class BM25:
    """An index over documents numbered from 0. Read-only once built; safe to share between threads."""

    def __init__(self, terms: dict[str, int], arrays: dict[str, NDArray[Any]], count: int) -> None:
        """Take the parts; use `build` or `open`."""
        self._terms, self._count = terms, count
        self._starts, self._documents, self._impacts = arrays["starts"], arrays["documents"], arrays["impacts"]

    def __len__(self) -> int:
        """How many documents."""
        return self._count

    @classmethod
    def build(cls, documents: Iterable[str], path: Path | None = None, *, k1: float = 0.9, b: float = 0.4) -> BM25:
        """Index `documents`; with `path` also write the index there (a folder), whole or not at all."""
        terms: dict[str, int] = {}
        found: list[NDArray[np.int64]] = []
        lengths: list[int] = []
        block: list[tuple[int, int, int]] = []
        for number, text in enumerate(documents):
            counts = Counter(words(text))
            lengths.append(sum(counts.values()))
            for word, times in counts.items():
                block.append((terms.setdefault(word, len(terms)), number, times))
            if len(block) > 1_000_000:
                found.append(np.array(block, dtype=np.int64))
                block = []
        found.append(np.array(block, dtype=np.int64).reshape(-1, 3))
        index = cls(terms, _scored(found, lengths, len(terms), k1, b), len(lengths))
        if path is not None:
            index._write(path, k1, b)
            return cls.open(path)
        return index

    def _write(self, path: Path, k1: float, b: float) -> None:
        part = path.with_name(path.name + ".part")
        part.mkdir(parents=True, exist_ok=True)
        for name in ("starts", "documents", "impacts"):
            np.save(part / f"{name}.npy", getattr(self, f"_{name}"))
        (part / "terms.txt").write_text("\n".join(self._terms), encoding="utf-8")
        head = {"format": FORMAT, "documents": self._count, "terms": len(self._terms), "k1": k1, "b": b}
        (part / "index.json").write_text(json.dumps(head))
        part.rename(path)

    @classmethod
    def open(cls, path: Path) -> BM25:
        """Open a written index; the postings stay on disk, memory-mapped.

        Raises:
            DataError: it is not there, torn, or of another format.
        """
        try:
            head = json.loads((path / "index.json").read_text())
            listed = (path / "terms.txt").read_text(encoding="utf-8").split("\n") if head["terms"] else []
            arrays = {name: np.load(path / f"{name}.npy", mmap_mode="r") for name in ("starts", "documents", "impacts")}
        except (OSError, ValueError, KeyError) as error:
            raise DataError(path, f"not a search index: {error}; delete it to have it built again") from error
        if head.get("format") != FORMAT or len(listed) != head["terms"]:
            raise DataError(path, "a search index of another format; delete it to have it built again")
        return cls({term: number for number, term in enumerate(listed)}, arrays, head["documents"])

    def search(self, query: str, k: int = 10) -> list[tuple[int, float]]:
        """The `k` best documents that share a word with `query`: (number, score), best first, ties by number."""
        # A word asked for twice counts twice, as in Lucene's query of one clause a word.
        asked = Counter(number for word in words(query) if (number := self._terms.get(word)) is not None)
        if not asked or k < 1:
            return []
        spans = [(slice(int(self._starts[term]), int(self._starts[term + 1])), times) for term, times in asked.items()]
        total = sum(span.stop - span.start for span, _ in spans)
        if total * 4 < self._count:
            documents, places = np.unique(
                np.concatenate([self._documents[span] for span, _ in spans]), return_inverse=True
            )
            scores = np.zeros(len(documents), dtype=np.float64)
            np.add.at(
                scores, places, np.concatenate([self._impacts[span] * np.float32(times) for span, times in spans])
            )
        else:
            whole = np.zeros(self._count, dtype=np.float64)
            for span, times in spans:
                whole[self._documents[span]] += self._impacts[span] * np.float32(times)
            documents = np.flatnonzero(whole)
            scores = whole[documents]
        # Lucene sums its clauses in double and keeps the score as a float; equal floats rank by document number.
        kept = scores.astype(np.float32)
        if len(kept) > k:
            edge = np.partition(kept, len(kept) - k)[len(kept) - k]
            chosen = np.flatnonzero(kept >= edge)
        else:
            chosen = np.arange(len(kept))
        order = chosen[np.lexsort((documents[chosen], -kept[chosen]))][:k]
        return [(int(documents[at]), float(kept[at])) for at in order]


def _scored(
    found: list[NDArray[np.int64]], lengths: list[int], terms: int, k1: float, b: float
) -> dict[str, NDArray[Any]]:
    """Postings by term with each posting's share of the score, in Lucene's single precision."""
    postings = np.concatenate(found)
    postings = postings[np.lexsort((postings[:, 1], postings[:, 0]))]
    frequencies = np.bincount(postings[:, 0], minlength=terms)
    starts = np.concatenate(([0], np.cumsum(frequencies))).astype(np.int64)
    count = np.float64(len(lengths))
    idf = np.log(1 + (count - frequencies + 0.5) / (frequencies + 0.5)).astype(np.float32)
    kept = np.array([rounded_length(length) for length in lengths], dtype=np.float32)
    average = np.float32(sum(lengths) / len(lengths)) if lengths else np.float32(1)
    one, f_k1, f_b = np.float32(1), np.float32(k1), np.float32(b)
    inverse = one / (f_k1 * ((one - f_b) + f_b * kept / average))
    times = postings[:, 2].astype(np.float32)
    # BM25Similarity: weight - weight / (1 + freq * normInverse)
    weight = idf[postings[:, 0]]
    impacts = weight - weight / (one + times * inverse[postings[:, 1]])
    return {"starts": starts, "documents": postings[:, 1].astype(np.int32), "impacts": impacts.astype(np.float32)}
