"""MBPP: write a short function from one sentence and an example test, judged by the record's asserts.

Paper: Austin et al. 2021, arXiv 2108.07732. Data: https://github.com/google-research/google-research (mbpp/mbpp.jsonl).
One row (ours): ``{"text": "Write a function to double.", "code": "def twice(n): return 2 * n", "task_id": 9001,
"test_setup_code": "", "test_list": ["assert twice(2) == 4", ...], "challenge_test_list": []}``
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Unpack

from ...trajectories.errors import DataError, UsageError
from ..core import Task
from ..data import Source, field, read_jsonl
from .judging import Test
from .programs import MANUAL, Asserted, AssertedOptions, text_of

SPLITS = {"prompt": range(1, 11), "test": range(11, 511), "dev": range(511, 601), "train": range(601, 975)}
"""The official split by task_id; "dev" is the paper's validation, "prompt" its few-shot examples."""
FIELDS = {"text": str, "code": str, "task_id": int, "test_setup_code": str, "test_list": list}


class MBPP(Asserted):
    """The official problems by the official split."""

    manual = MANUAL.format(public=", and how the given test comes out") + (
        "\nThe program defines the function that the test calls."
    )

    def __init__(self, *, shown_tests: int = 1, **options: Unpack[AssertedOptions]) -> None:
        """Open nothing yet.

        Args:
            shown_tests: How many of a record's tests the statement shows; the paper's own prompt shows all three.
            options: See `Programs`.
        """
        super().__init__(**options)
        if shown_tests < 1:
            raise UsageError(f"shown_tests must be at least 1 (it tells the function's name), not {shown_tests}")
        self.shown_tests = shown_tests

    def tasks(self) -> Sequence[Task]:
        """The problems of this split, in the file's order."""
        return load(self.source)[self.split]

    def statement(self, task: Task) -> str:
        """The sentence, and the first test or tests."""
        tests = [each.strip() for each in task.data["test_list"][: self.shown_tests]]
        setup = text_of(task.data, "test_setup_code").strip()
        given = "\n".join([setup] * bool(setup) + tests)
        return f"{task.data['text'].strip()}\nYour code should pass, among others:\n\n```python\n{given}\n```"

    def assemble(self, task: Task, code: str) -> str:
        """Official: the code as it is (between [BEGIN] and [DONE], or a fenced block)."""
        return code

    def hidden(self, task: Task) -> Sequence[Test]:
        """All of ``test_list``, each a test of its own after the record's set-up."""
        return tests_of(task.data)

    def public(self, task: Task) -> Sequence[Test]:
        """The tests that the statement shows."""
        return tests_of(task.data)[: self.shown_tests]

    def gold(self, task: Task) -> str | None:
        """The record's own code."""
        return text_of(task.data, "code")


def tests_of(record: Mapping[str, Any]) -> list[Test]:
    """A record's asserts; which names in them the program defines is read off the reference solution."""
    setup = text_of(record, "test_setup_code")
    solution = ast.parse(text_of(record, "code"))
    defined = {each.name for each in solution.body if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    found = []
    for text in record["test_list"]:
        tree = ast.parse(f"{setup}\n{text}")
        names = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
        modules = (names - defined - set(dir(builtins))) & sys.stdlib_module_names
        found.append(Test(f"{setup}\n{text}\n", tuple(sorted(names & defined)), "", tuple(sorted(modules))))
    return found


@cache
def load(source: Source) -> dict[str, tuple[Task, ...]]:
    """The problems by split, of a folder that holds mbpp.jsonl, or our own.

    Raises:
        DataError: no such file, or a record is not as expected.
    """
    splits: dict[str, list[Task]] = {name: [] for name in SPLITS}
    if source.path is None:
        from .samples import mbpp

        for part, row in mbpp():
            splits[part].append(Task(f"mbpp/{part}/{row['task_id']}", part, row))
        return {name: tuple(tasks) for name, tasks in splits.items()}
    path = source.path / "mbpp.jsonl"
    for number, row in read_jsonl(path):
        record = {name: field(row, name, kind, path, number) for name, kind in FIELDS.items()}
        if not record["test_list"]:
            raise DataError(path, "expected at least one test", record=number, field="test_list")
        split = next((name for name, ids in SPLITS.items() if record["task_id"] in ids), None)
        if split is None:
            raise DataError(path, "expected 1 to 974, by which the splits go", record=number, field="task_id")
        splits[split].append(Task(f"mbpp/{split}/{record['task_id']}", split, record))
    return {name: tuple(tasks) for name, tasks in splits.items()}
