"""What `search[...]` reads: a page by its title, and the titles that come close where there is none."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...trajectories.errors import DataError
from ..data import cache_root, read_json
from ..retrieval import BM25

SIMILAR = 5
"""Titles that are offered where a page is not found, as in ReAct's WikiEnv."""

BIG = 50_000
"""Pages from which on an index is worth keeping: it takes seconds to build."""


@dataclass(frozen=True, slots=True)
class Page:
    """One article: its title and its text, sentence by sentence."""

    title: str
    sentences: tuple[str, ...]


class Encyclopedia(ABC):
    """A collection of pages."""

    @abstractmethod
    def page(self, title: str) -> Page | None:
        """The page of that title, upper and lower case being one; None where there is none."""

    @abstractmethod
    def similar(self, words: str) -> list[str]:
        """Up to five titles of pages that have to do with these words, best first."""


def words_of(text: str) -> list[str]:
    """Its words in lower case: letters and digits of any alphabet."""
    return re.findall(r"\w+", text.lower())


def key_of(title: str) -> str:
    """What two spellings of one title share: case, and how many spaces are between the words, do not count."""
    return " ".join(title.lower().split())


class Paragraphs(Encyclopedia):
    """A few pages in memory, such as the ten that come with a HotpotQA question."""

    def __init__(self, pages: Iterable[Page]) -> None:
        """Take the pages; of two with the same title the first counts."""
        self.pages: dict[str, Page] = {}
        for page in pages:
            self.pages.setdefault(key_of(page.title), page)

    def page(self, title: str) -> Page | None:
        """The page of that title."""
        return self.pages.get(key_of(title))

    def similar(self, words: str) -> list[str]:
        """Ranked by the share of the words that the title has, then the text; pages with none of them are left out."""
        wanted = set(words_of(words))
        ranked: list[tuple[int, int, int]] = []
        pages = list(self.pages.values())
        for place, page in enumerate(pages):
            in_title = len(wanted & set(words_of(page.title)))
            in_text = len(wanted & set(words_of(" ".join(page.sentences))))
            if in_title or in_text:
                ranked.append((-in_title, -in_text, place))
        return [pages[place].title for *_, place in sorted(ranked)[:SIMILAR]]


class Corpus(Encyclopedia):
    """Many pages, ranked by BM25 over title and text."""

    def __init__(self, pages: Mapping[str, Sequence[str]], *, k1: float = 0.9, b: float = 0.4) -> None:
        """Index `pages` (title -> sentences); the index of a big corpus is built once and kept in the cache folder."""
        self.exact = Paragraphs(Page(title, tuple(each.strip() for each in text)) for title, text in pages.items())
        self.titles = [page.title for page in self.exact.pages.values()]
        documents = [f"{page.title} {' '.join(page.sentences)}" for page in self.exact.pages.values()]
        if len(documents) < BIG:
            self.index = BM25.build(documents, k1=k1, b=b)
            return
        mark = hashlib.sha256("\0".join([str(k1), str(b), *documents]).encode()).hexdigest()[:16]
        path = cache_root() / "indexes" / mark
        path.parent.mkdir(parents=True, exist_ok=True)
        self.index = BM25.open(path) if path.is_dir() else BM25.build(documents, path, k1=k1, b=b)

    def page(self, title: str) -> Page | None:
        """The page of that title."""
        return self.exact.page(title)

    def similar(self, words: str) -> list[str]:
        """As BM25 ranks title and text together."""
        return [self.titles[place] for place, _ in self.index.search(words, SIMILAR)]


@cache
def read_corpus(path: Path) -> Corpus:
    """A corpus file: one JSON object, title -> list of sentences.

    Raises:
        DataError: it is not of that layout.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise DataError(path, "expected a JSON object of titles, each with a list of sentences")
    for title, sentences in content.items():
        if not isinstance(sentences, list) or not all(isinstance(each, str) for each in sentences):
            raise DataError(path, "expected a list of sentences", record=title)
    return Corpus(content)
