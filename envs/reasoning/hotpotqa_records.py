"""HotpotQA's records as they lie on disk, in the official layout and in Hugging Face's, read into one shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...trajectories.errors import DataError
from ..core import Task
from ..data import field, read_json
from .encyclopedia import Page

FILES = {
    "train": ("hotpot_train_v1.1.json", "hotpot_train.json", "hotpotqa_train.json"),
    "test": (
        "hotpot_dev_distractor_v1.json",
        "hf_layout/hotpot_dev_distractor_v1.json",
        "level_hard.json",
        "hotpot_dev_v1_simplified.json",
    ),
}
"""File names by split; the first that exists is read. "test" is the dev set: the official test set has no answers."""


@dataclass(frozen=True, slots=True)
class Question:
    """One record. `pages` is empty where the file has no paragraphs; `supporting` are the titles of the gold ones."""

    text: str
    answer: str
    pages: tuple[Page, ...] = ()
    supporting: tuple[str, ...] = ()


def file_of(folder: Path, split: str, named: str | None) -> Path:
    """The file of this split in a data folder; `named` asks for another one.

    Raises:
        DataError: it is not there.
    """
    names = (named,) if named else FILES[split]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(folder, f"no HotpotQA file for split {split!r}; looked for {', '.join(names)}")


@cache
def read(path: Path, split: str) -> tuple[Task, ...]:
    """All records of a file as tasks, in its order; the id is the record's own, else its number.

    Raises:
        DataError: the file, a record or a field is not of either layout, or an id stands twice.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise DataError(path, f"expected a JSON list of records, found {type(content).__name__}")
    return tasks(content, path, split)


def tasks(records: list[Any], path: Path, split: str) -> tuple[Task, ...]:
    """Records as tasks; `path` is for messages.

    Raises:
        DataError: as for `read`.
    """
    found: dict[str, Task] = {}
    for number, record in enumerate(records):
        question = parse(record, path, number)
        own = record.get("_id", record.get("id", number))
        task = Task(f"hotpotqa/{split}/{own}", split, question)
        if found.setdefault(task.id, task) is not task:
            raise DataError(path, f"the id {own!r} stands twice", record=number)
    return tuple(found.values())


def parse(record: Any, path: Path, number: int) -> Question:
    """One record of either layout, or of ReAct's simplified file (question and answer alone).

    Raises:
        DataError: a field is missing or of another type.
    """
    text, answer = (field(record, name, str, path, number) for name in ("question", "answer"))
    if "context" not in record:
        return Question(text, answer)
    pages: list[Page] = []
    for title, sentences in _pairs(record, "context", ("title", "sentences"), path, number):
        if not (isinstance(title, str) and isinstance(sentences, list) and all(isinstance(s, str) for s in sentences)):
            raise DataError(path, "expected titles, each with a list of sentences", record=number, field="context")
        pages.append(Page(title, tuple(sentence.strip() for sentence in sentences)))
    titles: dict[str, None] = {}
    for title, _ in _pairs(record, "supporting_facts", ("title", "sent_id"), path, number):
        if not isinstance(title, str):
            raise DataError(path, "expected titles", record=number, field="supporting_facts")
        titles[title] = None
    return Question(text, answer, tuple(pages), tuple(titles))


def _pairs(record: Any, name: str, keys: tuple[str, str], path: Path, number: int) -> list[tuple[Any, Any]]:
    """A list of pairs (official layout), or a mapping of two parallel lists (Hugging Face's), as a list of pairs."""
    value = field(record, name, (list, dict), path, number)
    if isinstance(value, list):
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
            raise DataError(path, f"expected pairs of {' and '.join(keys)}", record=number, field=name)
        return [(left, right) for left, right in value]
    left, right = (field(value, key, list, path, number) for key in keys)
    if len(left) != len(right):
        raise DataError(path, f"{len(left)} of {keys[0]}, {len(right)} of {keys[1]}", record=number, field=name)
    return list(zip(left, right, strict=True))
