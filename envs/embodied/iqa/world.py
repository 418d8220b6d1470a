"""IQA in words: explore a kitchen, look into what is closed, then answer the question about it.

Paper: Gordon et al. 2018 (arXiv 1712.03316). Data and a row: `questions.py`; receptacles and placement: `kitchen.py`.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Unpack

from ....trajectories.errors import DataError
from ...core import Outcome, Standard, Task, TextEnv, digest
from ..listing import Listing
from . import sample
from .kitchen import OPENS, Kitchen, read_kitchen
from .questions import MOST, NOUNS, TYPES, Question, read_questions

MANUAL = """\
I understand: go to RECEPTACLE, look, open RECEPTACLE, close RECEPTACLE, answer[...].

You are in a kitchen and have a question about it. What stands open is seen from where it stands; a fridge, a microwave
and a cabinet must be opened first. Look for the evidence before you answer; the first answer ends the episode.

go to RECEPTACLE   e.g. go to cabinet 2
look               what is here again
open RECEPTACLE    e.g. open cabinet 2 (you must be there)
close RECEPTACLE   e.g. close cabinet 2
answer[...]        yes or no to a question that asks whether, a number from 0 to 3 to one that asks how many;
                   e.g. answer[yes] or answer[2]
"""

FOLDERS = {"train": "train", "val_seen": "val/seen_scenes", "test": "val/unseen_scenes"}
"""Upstream's folder of each split."""

TRUTHS = {"yes": 1, "true": 1, "no": 0, "false": 0}
COUNTS = {"zero": 0, "none": 0, "one": 1, "two": 2, "three": 3}


class Split:
    """The questions of one split, read once, and its kitchens, made when first asked for."""

    def __init__(self, folder: Path | None, name: str) -> None:
        """Read the three files of the split, one a question type."""
        self.folder, self.name = folder, name
        ids: list[str] = []
        self.questions: list[Question] = []
        for kind in TYPES:
            rows = self._read(kind)
            ids += [f"iqa/{name}/{kind}/{i}" for i in range(len(rows))]
            self.questions += rows
        self.listing = Listing("task of iqa", ids, self._task)
        self._kitchens: dict[int, Kitchen] = {}
        self._digests: dict[int, str] = {}

    def _read(self, kind: str) -> list[Question]:
        if self.folder is None:
            return sample.questions(self.name, kind)
        path = self.folder / "questions" / FOLDERS[self.name] / f"data_{kind}" / "combined.csv"
        rows = read_questions(path)
        odd = next((row for row in rows if TYPES[row.type] != kind), None)
        if odd is not None:
            raise DataError(
                path, f"a {TYPES[odd.type]} question among {kind} ones: {odd.text!r}", field="question_type"
            )
        return rows

    def kitchen(self, scene: int) -> Kitchen:
        """The kitchen of a scene number."""
        if scene not in self._kitchens:
            made = sample.kitchen(scene) if self.folder is None else read_kitchen(self.folder, scene)
            self._digests[scene] = digest(made.content)
            self._kitchens[scene] = made
        return self._kitchens[scene]

    def _task(self, i: int) -> Task:
        question = self.questions[i]
        self.kitchen(question.scene)
        mark = digest([question.row(), self._digests[question.scene]])
        return Task(self.listing.ids[i], self.name, question, mark)


_lock = threading.Lock()


@lru_cache(maxsize=8)
def _load(folder: Path | None, name: str, stamps: tuple[int, ...]) -> Split:
    return Split(folder, name)


class IQA(TextEnv):
    """The world: ``start`` at the kitchen's start position, `go to`, `open`, `close`, `look`, `answer[...]`."""

    manual = MANUAL

    def __init__(self, **standard: Unpack[Standard]) -> None:
        """Find the data; nothing is read before the first `tasks()` or `reset()`."""
        super().__init__(**standard)
        self.question: Question
        self.kitchen: Kitchen
        self.contents: Sequence[dict[int, int]] = ()
        self.here: int | None = None
        self.open: set[int] = set()
        self.seen: set[int] = set()
        self.moves = 0

    # --- tasks ----------------------------------------------------------------------------------------------------

    def _split(self) -> Split:
        folder = self.source.path
        stamps: tuple[int, ...] = ()
        if folder is not None:
            files = [folder / "questions" / FOLDERS[self.split] / f"data_{kind}" / "combined.csv" for kind in TYPES]
            stamps = tuple(each.stat().st_mtime_ns if each.is_file() else 0 for each in files)
        with _lock:
            return _load(folder, self.split, stamps)

    def tasks(self) -> Sequence[Task]:
        """Every question of the split: existence, counting, contains; built when looked at."""
        return self._split().listing

    def find(self, task_id: str) -> Task:
        """The task of that id, without building the others."""
        return self._split().listing.named(task_id)

    # --- an episode -----------------------------------------------------------------------------------------------

    def start(self, task: Task) -> str:
        """Stand at the kitchen's start position, nothing opened, nothing seen."""
        self.question = task.data
        self.kitchen = self._split().kitchen(self.question.scene)
        self.contents = self.kitchen.place(self.question)
        self.here, self.open, self.seen, self.moves = None, set(), set(), 0
        return f"{self.question.text}\n{self._look()}"

    def respond(self, action: str) -> Outcome:
        """Answer one action; see the manual for the verbs."""
        text = " ".join(action.split()).lower()
        if len(text) <= 200:
            for pattern, answer in VERBS:
                match = pattern.fullmatch(text)
                if match:
                    return answer(self, **match.groupdict())
        return self._not_done(self.hint())

    def actions(self) -> list[str]:
        """Every action that leads somewhere now, answers included."""
        can = ["look", *(f"go to {name}" for name, i in self.kitchen.names.items() if i != self.here)]
        if self.here is not None and self.kitchen.receptacles[self.here].kind in OPENS:
            verb = "close" if self.here in self.open else "open"
            can.append(f"{verb} {self.kitchen.receptacles[self.here].name}")
        answers = [str(i) for i in range(MOST + 1)] if self.question.type == 1 else ["yes", "no"]
        return [*can, *(f"answer[{each}]" for each in answers)]

    def expert(self, task: Task) -> list[str]:
        """Look into one receptacle after the other, those asked about first, until the evidence is seen; answer."""
        twin = self.fork()
        steps: list[str] = []
        asked = self.question.container
        order = sorted(self.kitchen.receptacles, key=lambda each: (each.kind != asked, each.kind in OPENS))
        for each in order:
            if twin.grounded():
                break
            steps += [f"go to {each.name}", *([f"open {each.name}"] if each.kind in OPENS else [])]
            twin.seen.add(self.kitchen.names[each.name])
        truth = self.question.answer
        return [*steps, f"answer[{truth if self.question.type == 1 else ('no', 'yes')[truth]}]"]

    def fork(self) -> IQA:
        """A copy of the present state."""
        if self.task is None:
            super().fork()
        twin = copy.copy(self)
        twin.open, twin.seen, twin.history = set(self.open), set(self.seen), self.history[:]
        # `rng` is not copied: this world draws nothing from it. Gymnasium's is, for a later reset() without a seed.
        twin._info, twin._np_random = dict(self._info), copy.deepcopy(self._np_random)
        return twin

    def grounded(self) -> bool:
        """Whether what has been seen so far proves the answer.

        One piece in the right place proves a yes; a no, and a count below 3, need every receptacle looked into (for
        `contains` every one of the kind asked about); 3 pieces are the most there can be.
        """
        question = self.question
        asked = [
            i
            for i, each in enumerate(self.kitchen.receptacles)
            if question.type != 2 or each.kind == question.container
        ]
        pieces = sum(self.contents[i].get(question.object, 0) for i in asked if i in self.seen)
        enough = MOST if question.type == 1 else 1
        return pieces >= enough or all(i in self.seen for i in asked)

    # --- verbs ----------------------------------------------------------------------------------------------------

    def _go(self, name: str) -> Outcome:
        if name not in self.kitchen.names:
            return self._not_done(f"There is no {name!r} here. There are: {', '.join(self.kitchen.names)}.")
        there = self.kitchen.names[name]
        self.moves += self.kitchen.moves(self._cell(), self.kitchen.receptacles[there].stand)
        self.here = there
        return self._done(self._look())

    def _look_around(self) -> Outcome:
        return self._done(self._look())

    def _open(self, name: str) -> Outcome:
        return self._swing(name, opening=True)

    def _close(self, name: str) -> Outcome:
        return self._swing(name, opening=False)

    def _swing(self, name: str, opening: bool) -> Outcome:
        i = self.kitchen.names.get(name)
        if i is None or i != self.here:
            mend = f"go to {name} first" if i is not None else "there is none"
            return self._not_done(f"You cannot open or close {name!r} now: {mend}.")
        if self.kitchen.receptacles[i].kind not in OPENS:
            return self._not_done(f"{name} has no door.")
        if opening == (i in self.open):
            return self._not_done(f"{name} is {'open' if opening else 'closed'} already.")
        (self.open.add if opening else self.open.discard)(i)
        return self._done(self._look())

    def _answer(self, words: str) -> Outcome:
        words = words.strip(" .'\"")
        counting = self.question.type == 1
        given = COUNTS.get(words, int(words) if re.fullmatch(r"[0-9]{1,9}", words) else None)
        if not counting:
            given = TRUTHS.get(words)
        if given is None:
            kind = f"a number from 0 to {MOST}" if counting else "yes or no"
            return self._not_done(
                f"The answer to this question is {kind}, such as answer[{'2' if counting else 'yes'}]."
            )
        right = given == self.question.answer
        return Outcome(
            "You have answered.",
            float(right),
            True,
            self._facts() | {"score": float(right), "success": right, "answered": words},
        )

    # --- what is seen ---------------------------------------------------------------------------------------------

    def _cell(self) -> tuple[int, int]:
        return self.kitchen.start if self.here is None else self.kitchen.receptacles[self.here].stand

    def _look(self) -> str:
        if self.here is None:
            return f"You are in a kitchen. There are: {', '.join(self.kitchen.names)}."
        each = self.kitchen.receptacles[self.here]
        if each.kind in OPENS and self.here not in self.open:
            return f"You are at {each.name}. It is closed."
        self.seen.add(self.here)
        things = [
            NOUNS[kind].one if count == 1 else f"{count} {NOUNS[kind].many}"
            for kind, count in self.contents[self.here].items()
        ]
        state = " It is open." if each.kind in OPENS else ""
        return f"You are at {each.name}.{state} You see: {', '.join(things) or 'nothing'}."

    def _facts(self) -> dict[str, Any]:
        return {"question_type": TYPES[self.question.type], "grounded": self.grounded(), "moves": self.moves}

    def _done(self, observation: str) -> Outcome:
        return Outcome(observation, info=self._facts())

    def _not_done(self, observation: str) -> Outcome:
        return Outcome(observation, info=self._facts() | {"valid": False})


VERBS: tuple[tuple[re.Pattern[str], Callable[..., Outcome]], ...] = (
    (re.compile(r"go to (?P<name>.+)"), IQA._go),
    (re.compile(r"look(?: around)?"), IQA._look_around),
    (re.compile(r"open (?P<name>.+)"), IQA._open),
    (re.compile(r"close (?P<name>.+)"), IQA._close),
    (re.compile(r"answer ?\[(?P<words>[^\[\]]*)\]"), IQA._answer),
)
