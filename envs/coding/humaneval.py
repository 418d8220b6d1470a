"""HumanEval: complete a function from its signature and docstring, judged by hidden unit tests.

Paper: Chen et al. 2021, arXiv 2107.03374. Data: https://github.com/openai/human-eval (data/HumanEval.jsonl.gz).
One row (ours): ``{"task_id": "HumanEval/900", "prompt": "def twice(n: int) -> int: ...the docstring...", "entry_point":
"twice", "canonical_solution": "    return 2 * n", "test": "def check(candidate): assert candidate(3) == 6"}``
"""

from __future__ import annotations

import ast
import doctest
import gzip
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ...trajectories.errors import DataError
from ..core import Task
from ..data import Source, field, read_jsonl
from .judging import Test
from .programs import MANUAL, Asserted

FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


class HumanEval(Asserted):
    """The official problems; the whole benchmark is one split, test."""

    manual = MANUAL.format(public=", and how the examples of the docstring come out") + (
        "\nThe program may be the whole function, or only its indented body (it is then appended to the given text)."
    )

    def tasks(self) -> Sequence[Task]:
        """All problems, in the file's order."""
        return load(self.source)

    def statement(self, task: Task) -> str:
        """The prompt."""
        return f"Complete this Python function.\n\n```python\n{task.data['prompt'].rstrip()}\n```"

    def assemble(self, task: Task, code: str) -> str:
        """Official: prompt + completion. Code that defines the function itself stands below the prompt's imports."""
        prompt, entry = str(task.data["prompt"]), str(task.data["entry_point"])
        if defines(code, entry):
            return preamble(prompt, entry) + code
        return prompt + code

    def hidden(self, task: Task) -> Sequence[Test]:
        """The official ``check(candidate)``."""
        data = task.data
        text = f"{data['test']}\ncheck({data['entry_point']})\n"
        return (Test(text, (data["entry_point"],), helpers(data["prompt"], data["entry_point"])),)

    def public(self, task: Task) -> Sequence[Test]:
        """The docstring's ``>>>`` examples."""
        prompt, entry = task.data["prompt"], task.data["entry_point"]
        return [Test(text, (entry,), helpers(prompt, entry)) for text in examples(prompt)]

    def gold(self, task: Task) -> str | None:
        """The canonical solution below its prompt."""
        return str(task.data["prompt"] + task.data["canonical_solution"])


@cache
def load(source: Source) -> tuple[Task, ...]:
    """The problems of a folder that holds HumanEval.jsonl.gz or HumanEval.jsonl, or our own.

    Raises:
        DataError: no such file, or a record is not as expected.
    """
    if source.path is None:
        from .samples import humaneval

        return tuple(Task(each["task_id"].lower().replace("/", "/test/"), "test", each) for each in humaneval())
    packed, path = source.path / "HumanEval.jsonl.gz", source.path / "HumanEval.jsonl"
    rows = _unpacked(packed) if packed.is_file() else list(read_jsonl(path))
    where = packed if packed.is_file() else path
    tasks = []
    for number, row in rows:
        record = {name: field(row, name, str, where, number) for name in FIELDS}
        name = record["task_id"].rpartition("/")[2]
        tasks.append(Task(f"humaneval/test/{name}", "test", record))
    return tuple(tasks)


def _unpacked(path: Path) -> list[tuple[int, Any]]:
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
        return [(number, json.loads(line)) for number, line in enumerate(lines, 1) if line.strip()]
    except (OSError, EOFError, ValueError) as error:
        raise DataError(path, f"expected gzipped JSON lines: {error}") from error


def defines(code: str, name: str) -> bool:
    """Whether the code defines a function of that name at its top. Read by its lines: it may be no Python at all."""
    return re.search(rf"^def[ \t]+{re.escape(name)}\b", code, re.MULTILINE) is not None


def preamble(prompt: str, entry: str) -> str:
    """What the prompt has above the function: imports and helpers."""
    return prompt[: prompt.index(f"def {entry}(")]


def helpers(prompt: str, entry: str) -> str:
    """The same, for the tests' side: some of them call the helpers."""
    return preamble(prompt, entry)


def examples(prompt: str) -> list[str]:
    """The docstring's examples whose outcome is a literal, as asserts."""
    found = []
    try:
        listed = doctest.DocTestParser().get_examples(prompt)
    except ValueError:  # several prompts have examples that doctest itself cannot read
        return []
    for each in listed:
        try:
            ast.parse(each.source, mode="eval")
            ast.literal_eval(each.want.strip())
        except (SyntaxError, ValueError):
            continue
        found.append(f"assert ({each.source.strip()}) == ({each.want.strip()})")
    return found
