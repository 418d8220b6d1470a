"""APPS: programming-contest problems, judged by hidden inputs and outputs, over standard input or by calls.

Paper: Hendrycks et al. 2021, arXiv 2105.09938. Data: https://people.eecs.berkeley.edu/~hendrycks/APPS.tar.gz.
One row (ours) is a folder ``APPS/train/9001`` of question.txt ("Print twice the number that you read."),
solutions.json (``["print(2 * int(input()))"]``), input_output.json (``{"inputs": ["2"], "outputs": ["4"]}``, with
"fn_name" where the program is called), metadata.json (``{"difficulty": "introductory", "url": "..."}``) and, where
it is called, starter_code.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Unpack

from ...trajectories.errors import DataError
from ..core import Task
from ..data import Source, field, read_json, read_text
from ..sandboxes import Sandbox
from .apps_match import same_answer, same_output
from .judging import call
from .programs import MANUAL, Programs, ProgramsOptions, Verdict

TIRED = 3
"""Tests that a program may use up its CPU seconds on; the rest then count as failed untried."""
TRIED = 5
"""Recorded solutions that `expert` tries at most: some of the records' own are wrong or of Python 2."""


class APPS(Programs):
    """The official problems; score is the share of hidden tests passed, success is all of them."""

    manual = MANUAL.format(public="") + (
        "\nThe problem says whether the program reads standard input or is called by name; examples are in its text."
    )

    def __init__(self, *, cpu_s: float = 4.0, **options: Unpack[ProgramsOptions]) -> None:
        """Open nothing yet.

        Args:
            cpu_s: CPU seconds a test; upstream gives each 4 seconds by the wall.
            options: See `Programs`.
        """
        super().__init__(**options, cpu_s=cpu_s)
        self._proven: dict[str, str | None] = {}

    def tasks(self) -> Sequence[Task]:
        """The problems of this split, by number."""
        return load(self.source, self.split)

    def statement(self, task: Task) -> str:
        """The question, the starter code, and which of the two formats it is."""
        name = cases(task).get("fn_name")
        starter = task.data["starter_code"].strip()
        how = f"Your program is called: it must define `{name}`." if name else "Use standard input and standard output."
        return "\n\n".join([task.data["question"].strip()] + [f"```python\n{starter}\n```"] * bool(starter) + [how])

    def assemble(self, task: Task, code: str) -> str:
        """Official: the code as it is."""
        return code

    def judge(self, task: Task, program: str, box: Sandbox) -> Verdict:
        """One run or call a test."""
        found = cases(task)
        name, passed, tired = found.get("fn_name"), 0, 0
        for given, wanted in zip(found["inputs"], found["outputs"], strict=True):
            if tired >= TIRED:
                break
            if name:
                answered, answer = call(program, name, given, box, cpu_s=self.cpu_s)
                passed += answered and same_answer(answer, wanted)
                tired += not answered and "CPU" in str(answer)
                continue
            text = given if isinstance(given, str) else "\n".join(map(str, given))
            done = box.python(program, stdin=text.encode(), output_limit=output_limit(wanted))
            tired += done.cpu_exceeded or done.timed_out
            # Upstream asks what was printed, not how the program left; a killed one has failed all the same.
            passed += (
                not done.timed_out and done.code >= 0 and same_output(done.stdout.decode("utf-8", "replace"), wanted)
            )
        total = len(found["inputs"])
        return Verdict(passed / total, passed == total, passed, total)

    def gold(self, task: Task) -> str | None:
        """The first recorded solution that passes every test (at most five are tried); None where none does."""
        if task.id not in self._proven:
            tried = solutions(task)[:TRIED]
            self._proven[task.id] = next((each for each in tried if self.grade(each).success), None)
        return self._proven[task.id]


def output_limit(wanted: Any) -> int:
    """Bytes of output worth keeping: a right answer is never much longer than the wanted one."""
    return 2 * len(str(wanted)) + (64 << 10)


@cache
def load(source: Source, split: str) -> tuple[Task, ...]:
    """The problems of a folder that holds APPS/<split>/<number>/ or <split>/<number>/, or our own.

    Raises:
        DataError: no such folder, or a problem's file is missing or not as expected.
    """
    if source.path is None:
        from .samples import apps

        return tuple(Task(f"apps/{split}/{row['id']}", split, row) for row in apps(split))
    root = next((each for each in (source.path / "APPS", source.path) if (each / split).is_dir()), None)
    if root is None:
        raise DataError(source.path, f"expected the folder APPS/{split} with one folder a problem")
    folders = sorted(each for each in (root / split).iterdir() if (each / "question.txt").is_file())
    # Upstream's test part has a few problems without tests; nothing can be judged there.
    return tuple(_task(each, split) for each in folders if (each / "input_output.json").is_file())


def _task(folder: Path, split: str) -> Task:
    files = ("question.txt", "starter_code.py", "metadata.json", "input_output.json")
    total = hashlib.sha256()
    for name in files:
        if (folder / name).is_file():
            total.update(f"{name}\0".encode() + (folder / name).read_bytes() + b"\0")
    starter = folder / "starter_code.py"
    record = {
        "folder": str(folder),
        "question": read_text(folder / "question.txt"),
        "starter_code": read_text(starter) if starter.is_file() else "",
    }
    return Task(f"apps/{split}/{folder.name}", split, record, total.hexdigest()[:16])


def cases(task: Task) -> Mapping[str, Any]:
    """The hidden tests of a task: inputs, outputs and, where the program is called, fn_name.

    Raises:
        DataError: the file is not as expected.
    """
    if "input_output" in task.data:
        given: Mapping[str, Any] = task.data["input_output"]
        return given
    return _cases(Path(task.data["folder"]) / "input_output.json")


@lru_cache(maxsize=16)
def _cases(path: Path) -> Mapping[str, Any]:
    found = read_json(path)
    inputs = field(found, "inputs", list, path, path.parent.name)
    outputs = field(found, "outputs", list, path, path.parent.name)
    if not inputs or len(inputs) != len(outputs):
        raise DataError(path, f"expected as many outputs as inputs, at least one; found {len(inputs)}, {len(outputs)}")
    return dict(found)


def solutions(task: Task) -> list[str]:
    """The recorded solutions; empty where the problem has none.

    Raises:
        DataError: the file is not a list of texts.
    """
    if "solutions" in task.data:
        return list(task.data["solutions"])
    path = Path(task.data["folder"]) / "solutions.json"
    if not path.is_file():
        return []
    try:
        found = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(path, f"not JSON: {error.msg}") from error
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise DataError(path, "expected a list of texts")
    return found
