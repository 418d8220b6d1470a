"""IQUAD's question files: which kitchen, which question, and the answer.

Paper: Gordon et al. 2018, "IQA: Visual Question Answering in Interactive Environments" (arXiv 1712.03316). Data:
https://github.com/danielgordon10/thor-iqa-cvpr-2018, ``questions/<split>/data_<type>/combined.csv``. One row, shaped
like the real ones (made up by us)::

    question_type,scene_number,seed,question,answer,object_id,container_id
    2,9,123456789,Is there a plum in the fridge?,True,9,19
"""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import NamedTuple

from ....trajectories.errors import DataError
from ...data import read_text

TYPES = ("existence", "counting", "contains")
"""Names of `question_type` 0, 1, 2."""

MOST = 3
"""The largest count that is asked for; upstream's MAX_COUNTING_ANSWER."""

COLUMNS = ("question_type", "scene_number", "seed", "question", "answer", "object_id", "container_id")


class Noun(NamedTuple):
    """A class of objects in words."""

    one: str
    many: str


NOUNS = {
    1: Noun("a spoon", "spoons"),
    2: Noun("a potato", "potatoes"),
    3: Noun("a fork", "forks"),
    4: Noun("a plate", "plates"),
    5: Noun("an egg", "eggs"),
    6: Noun("a tomato", "tomatoes"),
    7: Noun("a bowl", "bowls"),
    8: Noun("a head of lettuce", "heads of lettuce"),
    9: Noun("an apple", "apples"),
    10: Noun("a knife", "knives"),
    11: Noun("a container", "containers"),
    12: Noun("a loaf of bread", "loaves of bread"),
    13: Noun("a mug", "mugs"),
}
"""The objects that are asked about, by upstream's class number."""

SINK, STOVE, TABLE, BIN, MICROWAVE, FRIDGE, CABINET, ANYWHERE = range(14, 22)
"""The receptacles' class numbers; 21 as `container_id` means that no receptacle is asked about."""


@dataclass(frozen=True, slots=True)
class Question:
    """One row. `answer` is 0 or 1 for a yes-or-no question, the count otherwise."""

    type: int
    scene: int
    seed: int
    text: str
    answer: int
    object: int
    container: int

    def row(self) -> tuple[int | str, ...]:
        """Its fields, for the digest."""
        return astuple(self)


def read_questions(path: Path) -> list[Question]:
    """The questions of one file.

    Raises:
        DataError: missing, other columns, or a row with a field that cannot be (record = line number).
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    head = next(reader, [])
    if tuple(head) != COLUMNS:
        raise DataError(path, f"expected the columns {', '.join(COLUMNS)}, found {', '.join(head)[:200]}", record=1)
    return [_question(row, path, reader.line_num) for row in reader if row]


def _question(row: list[str], path: Path, line: int) -> Question:
    if len(row) != len(COLUMNS):
        raise DataError(path, f"expected {len(COLUMNS)} fields, found {len(row)}", record=line)
    type, scene, seed, text, answer, object, container = row
    try:
        truth = ANSWERS[answer]
        found = Question(int(type), int(scene), int(seed), text, truth, int(object), int(container))
    except KeyError:
        raise DataError(
            path, f"expected one of {sorted(ANSWERS)}, found {answer!r}", record=line, field="answer"
        ) from None
    except ValueError as error:
        raise DataError(path, f"not a whole number: {error}", record=line) from error
    wrong = problem(found)
    if wrong:
        raise DataError(path, wrong[1], record=line, field=wrong[0])
    return found


ANSWERS = {"False": 0, "True": 1, "0": 0, "1": 1, "2": 2, "3": 3}


def problem(question: Question) -> tuple[str, str] | None:
    """The first column that cannot be, and why; None where the row is sound."""
    if not 0 <= question.type < len(TYPES):
        return "question_type", f"expected 0, 1 or 2, found {question.type}"
    if question.object not in NOUNS:
        return "object_id", f"expected 1 to 13, found {question.object}"
    if question.scene < 1 or question.seed < 0:
        return "scene_number", "scene and seed are not negative"
    if question.type != 1 and question.answer > 1:
        return "answer", f"expected True or False, found {question.answer}"
    inside = question.type == 2
    if inside != (question.container in HOLDS and question.container != ANYWHERE):
        return "container_id", f"{question.container} does not suit a question of type {question.type}"
    return None


HOLDS = {
    BIN: (2, 5, 6, 9, 12),
    MICROWAVE: (2, 4, 5, 7, 11, 12, 13),
    FRIDGE: (2, 4, 5, 6, 7, 8, 9, 11, 12, 13),
    CABINET: (1, 2, 3, 4, 7, 10, 11, 12, 13),
    STOVE: (4, 7, 11),
    SINK: tuple(NOUNS),
    TABLE: tuple(NOUNS),
}
"""Which objects may lie in which receptacle: for the first four the pairs that upstream asks about."""
