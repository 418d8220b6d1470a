"""BM25 search that scores as Lucene does, over arrays that are memory-mapped when the index lies in a folder.

Lucene's arithmetic is kept to the bit: document lengths of one byte (SmallFloat), factors in float32, sums in float64
rounded to float32. The defaults are Anserini's (k1=0.9, b=0.4), which WebShop and the retrieval literature use. A
query's rare terms are scored first; common terms only for documents that can still be among the best (MaxScore,
Turtle and Flood 1995), so the answer is exact.
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
from .postings import Ints, Postings, invert, mapped, room

LAYOUT = 1
"""Version of the files; an index of another version is built again."""

CHEAP = 20_000
"""Postings that are added up sooner than it is looked whether they matter."""

SAFE = 1.001
"""Bounds are widened by this, far beyond what float32 can round away."""

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
            ties = np.load(path / "ties.npy", mmap_mode="r") if (path / "ties.npy").is_file() else None
            factors, peaks = (np.load(path / f"{name}.npy", mmap_mode="r") for name in ("factors", "peaks"))
            return cls(mapped(path), factors, peaks, ties, about["k1"], about["b"])
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                path, f"not an index built by this version ({error}); delete it to build it again"
            ) from error

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        """The `k` best documents with their scores, best first; only documents that hold a term of the query."""
        clauses = self._clauses(query)
        docs, scores = self._candidates(clauses, k)
        rounded = scores.astype(F32)
        if len(docs) > k:
            least = np.partition(rounded, len(docs) - k)[len(docs) - k]
            kept = rounded >= least
            docs, rounded = docs[kept], rounded[kept]
        order = np.lexsort((docs if self._ties is None else self._ties[docs], -rounded))[:k]
        return [(int(docs[at]), float(rounded[at])) for at in order]

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

    def _candidates(self, clauses: list[Clause], k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Documents among which the `k` best surely are, with their whole scores in float64."""
        left = sum(each.most for each in clauses)
        ahead = sum(each.end - each.start for each in clauses)
        table = np.zeros(len(self))
        for done, clause in enumerate(clauses, 1):
            table[self._postings.docs[clause.start : clause.end]] += clause.scores(
                self._factors[clause.start : clause.end]
            )
            left -= clause.most
            ahead -= clause.end - clause.start
            if ahead > CHEAP:
                docs = np.flatnonzero(table)
                docs, scores = hopeful(docs, table[docs], left, k)
                if len(docs) < ahead // 8 and least_of(scores, k) > left * SAFE:
                    return self._completed(docs, scores, clauses[done:], left, k)
        docs = np.flatnonzero(table)
        return docs, table[docs]

    def _completed(
        self, docs: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], rest: list[Clause], left: float, k: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Add the remaining terms to these documents only, dropping those that fall behind."""
        for clause in rest:
            found = self._postings.docs[clause.start : clause.end]
            at = np.minimum(np.searchsorted(found, docs), len(found) - 1)
            hit = found[at] == docs
            scores[hit] += clause.scores(self._factors[clause.start + at[hit]])
            left -= clause.most
            docs, scores = hopeful(docs, scores, left, k)
        return docs, scores


def least_of(scores: npt.NDArray[np.float64], k: int) -> float:
    """The k-th best of these scores; 0 where there are fewer."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k]) if len(scores) >= k else 0.0


def hopeful(
    docs: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], left: float, k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The documents that may still be among the `k` best when at most `left` can be added to each."""
    kept = scores >= least_of(scores, k) / SAFE - left * SAFE
    return docs[kept], scores[kept]


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
