"""BM25 search that scores as Lucene does, over arrays that are memory-mapped when the index lies in a folder.

Lucene's arithmetic is kept to the bit: document lengths of one byte (SmallFloat), factors in float32, sums in float64
rounded to float32. The defaults are Anserini's (k1=0.9, b=0.4), which WebShop and the retrieval literature use. A
query's rare terms are added up first; common ones only for documents that can still be among the best (MaxScore,
Turtle and Flood 1995). The few that remain are then scored exactly.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...trajectories.errors import DataError
from .analyzer import analyze
from .postings import Ints, Postings, invert, mapped, room, stored

LAYOUT = 1
"""Version of the files; an index of another version is built again."""

CHEAP = 20_000
"""Postings that are added up sooner than it is looked whether they matter."""

LOOKUP = 10
"""How many postings can be added up in the time that looking up one takes."""

SAFE = 1.001
"""Bounds are widened by this, far beyond what float32 can round away."""

TINY = np.float32(1e-30)

Floats = npt.NDArray[np.float32]
F32 = np.float32
LENGTHS = np.array(
    [*range(32), *(24 + ((bits | 8) << row) for row in range(28) for bits in range(8))][:255], dtype=np.int64
)
"""The 255 document lengths that Lucene can store; others are rounded down to one of these (SmallFloat.intToByte4)."""


class BM25:
    """An index of numbered documents. Safe to share between threads; nothing in it changes."""

    def __init__(
        self, postings: Postings, factors: Floats, peaks: Floats, ties: Ints | None, k1: float, b: float
    ) -> None:
        """Use `build` or `open`."""
        self._postings, self._factors, self._peaks, self._ties = postings, factors, peaks, ties
        self.k1, self.b = k1, b
        self._held = int(np.count_nonzero(postings.lengths))

    def __len__(self) -> int:
        """How many documents there are, empty ones too."""
        return len(self._postings.lengths)

    @classmethod
    def build(
        cls,
        documents: Iterable[str],
        path: Path | None = None,
        *,
        k1: float = 0.9,
        b: float = 0.4,
        ties: Sequence[str] | None = None,
    ) -> BM25:
        """Index texts; a document's number is its place among them.

        Args:
            documents: Read once, one at a time.
            path: A folder for the index, made here, whole or not at all; None keeps it in memory.
            k1: Saturation of term frequency, 0 or more.
            b: Strength of length normalisation, 0..1.
            ties: A name for each document; equal scores are ordered by these (Anserini orders them so, by external
                id), else by number. Read after `documents`.
        """
        if path is None:
            return cls._made(documents, None, k1, b, ties)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as work:
            folder = Path(work, "index")
            folder.mkdir()
            cls._made(documents, folder, k1, b, ties)
            (folder / "index.json").write_text(json.dumps({"layout": LAYOUT, "k1": k1, "b": b}))
            if path.exists():
                path.rename(Path(work, "former"))
            folder.rename(path)
        return cls.open(path)

    @classmethod
    def _made(
        cls, documents: Iterable[str], folder: Path | None, k1: float, b: float, ties: Sequence[str] | None
    ) -> BM25:
        postings, freqs = invert(documents, folder)
        factors = room(folder, "factors", len(freqs), np.float32)
        held = max(1, int(np.count_nonzero(postings.lengths)))
        average = F32(max(1, int(postings.lengths.sum(dtype=np.int64))) / held)
        norms = F32(1) / (F32(k1) * ((F32(1) - F32(b)) + F32(b) * LENGTHS.astype(F32) / average))
        codes = (np.searchsorted(LENGTHS, postings.lengths, side="right") - 1).astype(np.uint8)
        for at in range(0, len(freqs), 1 << 22):
            part = slice(at, at + (1 << 22))
            factors[part] = F32(1) + freqs[part].astype(F32) * norms[codes[postings.docs[part]]]
        starts = postings.starts[:-1]
        peaks = np.maximum.reduceat(factors, starts) if len(starts) else np.zeros(0, F32)
        order = None
        if ties is not None:
            order = np.empty(len(postings.lengths), dtype=np.int32)
            order[np.array(sorted(range(len(order)), key=ties.__getitem__), dtype=np.int64)] = np.arange(len(order))
        if folder is not None:
            np.save(folder / "peaks.npy", peaks)
            if order is not None:
                np.save(folder / "ties.npy", order)
        return cls(postings, factors, peaks, order, k1, b)

    @classmethod
    def open(cls, path: Path) -> BM25:
        """Map an index that `build` wrote.

        Raises:
            DataError: it is not there, or of another layout.
        """
        try:
            about = json.loads((path / "index.json").read_text())
            if about["layout"] != LAYOUT:
                raise DataError(path / "index.json", f"layout {about['layout']}, expected {LAYOUT}; delete the folder")
            ties = stored(path, "ties") if (path / "ties.npy").is_file() else None
            return cls(mapped(path), stored(path, "factors"), stored(path, "peaks"), ties, about["k1"], about["b"])
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                path, f"not an index built by this version ({error}); delete it to build it again"
            ) from error

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        """The `k` best documents with their scores, best first; only documents that hold a term of the query."""
        clauses = self._clauses(query)
        docs = self._candidates(clauses, k)
        scores = self._scores(clauses, docs).astype(F32)
        if len(docs) > k:
            kept = scores >= least_of(scores, k)
            docs, scores = docs[kept], scores[kept]
        order = np.lexsort((docs if self._ties is None else self._ties[docs], -scores))[:k]
        return [(int(docs[at]), float(scores[at])) for at in order]

    def _clauses(self, query: str) -> list[Clause]:
        """The query's terms that the index knows, the one that can add most first."""
        clauses = []
        for word, times in Counter(analyze(query)).items():
            number = self._postings.find(word)
            if number < 0:
                continue
            start, end = int(self._postings.starts[number]), int(self._postings.starts[number + 1])
            idf = F32(math.log(1 + (self._held - (end - start) + 0.5) / ((end - start) + 0.5)))
            weight = F32(times) * idf
            clauses.append(Clause(start, end, weight, float(weight - weight / self._peaks[number])))
        return sorted(clauses, key=lambda each: (-each.most, each.start))

    def _candidates(self, clauses: list[Clause], k: int) -> npt.NDArray[np.int64]:
        """Documents among which the `k` best surely are, ascending, by sums in float32 that may leave out common terms."""
        left = sum(each.most for each in clauses)
        ahead = sum(each.end - each.start for each in clauses)
        table = np.zeros(len(self), dtype=F32)
        for clause in clauses:
            part = slice(clause.start, clause.end)
            table[self._postings.docs[part]] += clause.scores(self._factors[part])
            left -= clause.most
            ahead -= clause.end - clause.start
            if ahead > CHEAP:
                least = self._floor(table, k) - left * SAFE
                if least > 0:
                    docs = np.flatnonzero(table >= F32(least / SAFE))
                    if len(docs) * LOOKUP * len(clauses) < ahead:
                        return docs
        docs = np.flatnonzero(table >= max(F32(self._floor(table, k) / SAFE), TINY))
        sums = table[docs]
        return docs[sums >= F32(least_of(sums, k) / SAFE)]

    @staticmethod
    def _floor(table: Floats, k: int) -> float:
        """A score that the k-th best document surely reaches: the k-th best of some thousands of them."""
        return least_of(table[:: max(1, len(table) >> 14)], k)

    def _scores(self, clauses: list[Clause], docs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The whole scores of these documents, looked up term by term."""
        scores = np.zeros(len(docs))
        for clause in clauses:
            found = self._postings.docs[clause.start : clause.end]
            at = np.minimum(np.searchsorted(found, docs), len(found) - 1)
            hit = found[at] == docs
            scores[hit] += clause.scores(self._factors[clause.start + at[hit]])
        return scores


def least_of(scores: Floats, k: int) -> float:
    """The k-th best of these scores; 0 where there are fewer."""
    # Not np.partition: where many scores are equal, as here, it takes several times longer.
    return float(np.sort(scores)[-k]) if len(scores) >= k else 0.0


@dataclass(frozen=True, slots=True)
class Clause:
    """One term of a query: its postings, its weight, and the most that it can add to a score."""

    start: int
    end: int
    weight: np.float32
    most: float

    def scores(self, factors: Floats) -> Floats:
        """What it adds to documents with these factors; in this form, since Lucene rounds so."""
        added: Floats = self.weight - self.weight / factors
        return added
