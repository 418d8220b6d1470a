"""HotpotQA: questions that need two articles, answered by searching and looking up in an encyclopedia.

Paper: Yang et al. 2018 (arXiv 1809.09600); the actions are those of ReAct (Yao et al. 2022, arXiv 2210.03629).
Data: https://hotpotqa.github.io (hotpot_train_v1.1.json, hotpot_dev_distractor_v1.json). A record (made up)::

    {"_id": "5ae0...", "question": "Which river runs through the town where Ada Penn was born?", "answer": "Orle",
     "type": "bridge", "level": "medium", "supporting_facts": [["Ada Penn", 0], ["Wick", 1]],
     "context": [["Ada Penn", ["Ada Penn was born in Wick.", " She paints."]], ["Wick", ["Wick is a town.", ...]], ...]}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

from ...trajectories.errors import DataError, UnknownName, UsageError
from ..core import Outcome, Standard, Task, TextEnv
from ..scoring import exact_match, token_f1
from . import hotpotqa_records, hotpotqa_sample
from .encyclopedia import Corpus, Encyclopedia, Page, Paragraphs, read_corpus
from .hotpotqa_records import Question
from .wikipedia import Wikipedia

SOURCES = ("paragraphs", "corpus", "wikipedia")
FIRST = 5
"""Sentences of a page that a search shows; the others are found by lookup, as in ReAct's WikiEnv."""

MANUAL = """\
Understood are search[TITLE], lookup[WORDS], finish[ANSWER] and think[...], one an action.
Answer the question with the help of an encyclopedia.
search[TITLE] opens the page of that title and shows its first sentences; where there is none, similar titles are named.
lookup[WORDS] shows the next sentence of the open page that contains these words.
finish[ANSWER] ends the episode with your answer: a name, a date, a number, yes or no, in as few words as possible.
think[...] does nothing."""

_ACTION = re.compile(r"\s*(search|lookup|finish|think)\s*\[(.*)\]\s*", re.IGNORECASE | re.DOTALL)


class HotpotQA(TextEnv):
    """Search, look up, finish. Score is the official exact match of the finished answer; before that it is 0.

    Info after `finish`: ``em`` (0 or 1) and ``f1`` (0..1), both by the rules of hotpot_evaluate_v1.py. The reward is
    the exact match, given once, by `finish`.
    """

    def __init__(
        self,
        *,
        source: str = "paragraphs",
        file: str | None = None,
        corpus: str | None = None,
        wikipedia: str = "https://en.wikipedia.org/w/api.php",
        timeout: float = 10.0,
        wait: float = 0.5,
        **standard: Unpack[Standard],
    ) -> None:
        """Choose what is searched; no file is read before it is needed.

        Args:
            source: "paragraphs" (the question's own, ten with two gold ones), "corpus" (a file of pages, BM25), or
                "wikipedia" (live; the same actions may be answered otherwise tomorrow).
            file: name of the questions' file in the data folder, such as "level_easy.json"; default: by the split.
            corpus: path of the corpus; default: the only ``*_corpus.json`` of the data folder.
            wikipedia: address of a MediaWiki API.
            timeout: seconds that one answer of Wikipedia may take.
            wait: seconds before it is asked again, doubled each time.
            **standard: as for every world.

        Raises:
            UnknownName: no such source.
        """
        super().__init__(**standard)
        if source not in SOURCES:
            raise UnknownName("source of hotpotqa", source, SOURCES)
        self.searches, self.file, self.corpus = source, file, corpus
        self.manual = MANUAL
        self._wikipedia = Wikipedia(wikipedia, timeout=timeout, wait=wait)
        self._question = Question("", "")
        self._pages: Encyclopedia = Paragraphs(())
        self._page: Page | None = None
        self._found: list[str] = []
        self._sought = ""
        self._shown_results = 0
        self._answers: dict[str, Callable[[str], Outcome]] = {
            "search": self._search,
            "lookup": self._lookup,
            "finish": self._finish,
            "think": self._think,
        }

    def tasks(self) -> Sequence[Task]:
        """The questions of this split, in the file's order."""
        if self.source.path is None:
            return hotpotqa_sample.tasks(self.split)
        return hotpotqa_records.read(hotpotqa_records.file_of(self.source.path, self.split, self.file), self.split)

    def start(self, task: Task) -> str:
        """The question.

        Raises:
            DataError: the file has no paragraphs, and they are what should be searched.
        """
        self._question = task.data
        self._pages = self._encyclopedia()
        self._page, self._found, self._sought, self._shown_results = None, [], "", 0
        return f"Question: {self._question.text}"

    def _encyclopedia(self) -> Encyclopedia:
        if self.searches == "wikipedia":
            return self._wikipedia
        if self.searches == "corpus":
            return self._corpus()
        if not self._question.pages:
            raise DataError(
                str(self.source), "its questions come without paragraphs; try source='corpus' or source='wikipedia'"
            )
        return Paragraphs(self._question.pages)

    def _corpus(self) -> Corpus:
        if self.corpus is not None:
            return read_corpus(Path(self.corpus))
        if self.source.path is None:
            return hotpotqa_sample.corpus()
        found = sorted(self.source.path.glob("*_corpus.json"))
        if len(found) != 1:
            names = ", ".join(each.name for each in found) or "none"
            raise UsageError(
                f"source='corpus' needs one *_corpus.json in {self.source}, found {names}; name it: corpus=PATH"
            )
        return read_corpus(found[0])

    def respond(self, action: str) -> Outcome:
        """Read the action and carry it out."""
        understood = _ACTION.fullmatch(action)
        if understood is None:
            return Outcome(f"Invalid action: {action[:200]}\n{self.hint()}", info={"valid": False})
        name, argument = understood.groups()
        return self._answers[name.lower()](argument.strip())

    def _search(self, title: str) -> Outcome:
        page = self._pages.page(title)
        if page is None:
            return Outcome(f"Could not find {title}. Similar: {self._pages.similar(title)}.")
        self._page, self._sought = page, ""
        return Outcome(" ".join(page.sentences[:FIRST]) or f"The page {page.title} is empty.")

    def _lookup(self, words: str) -> Outcome:
        if self._page is None:
            return Outcome("No page is open; search first.")
        if not words:
            return Outcome("Look up which words?", info={"valid": False})
        if words != self._sought:
            self._sought, self._shown_results = words, 0
            self._found = [sentence for sentence in self._page.sentences if words.lower() in sentence.lower()]
        if self._shown_results >= len(self._found):
            return Outcome("No more results.")
        self._shown_results += 1
        sentence = self._found[self._shown_results - 1]
        return Outcome(f"(Result {self._shown_results} / {len(self._found)}) {sentence}")

    def _finish(self, answer: str) -> Outcome:
        match = exact_match(answer, self._question.answer)
        scores = {
            "score": float(match),
            "success": match,
            "em": int(match),
            "f1": token_f1(answer, self._question.answer),
        }
        return Outcome(f"Episode finished, reward = {int(match)}.", float(match), True, scores)

    def _think(self, thought: str) -> Outcome:
        return Outcome("Nice thought.")

    def expert(self, task: Task) -> Sequence[str]:
        """Open the articles that hold the supporting facts, then answer."""
        question: Question = task.data
        return [*(f"search[{title}]" for title in question.supporting), f"finish[{question.answer}]"]
