"""AgentBench OS's task files: a description, scripts that set the machine up, and a check or an answer to match."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...trajectories.errors import DataError
from ..core import Task, digest
from ..data import Source, field, read_json, read_jsonl

COMPILERS = {"c": "gcc", "c++": "g++"}
LANGUAGES = ("bash", "python", *COMPILERS)
OFFICIAL = Path("data/os_interaction")

INTEGER = "from sys import argv\nassert int(argv[1]) == int(argv[2])\n"
STRING = "from sys import argv\nassert argv[1].strip() == argv[2].strip()\n"
CONTAINING = "from sys import argv\nassert argv[2].strip() in argv[1]\n"
IN = "from sys import argv\nassert argv[1].strip() in argv[2]\n"
SIZE = """
import re
from sys import argv

UNITS = " KMGTP"

def size(text):
    found = re.fullmatch(r"([0-9.]+)\\s*([KMGTP]?)(i?B|B?)", text.strip(), re.IGNORECASE)
    return float(found[1]) * 1024 ** UNITS.index(found[2].upper() or " ")

assert abs(size(argv[1]) - size(argv[2])) <= 0.01 * max(size(argv[2]), 1)
"""
OWN = {"integer-match": INTEGER, "string-match": STRING, "containing": CONTAINING, "in": IN, "size-match": SIZE}
"""Upstream's checks by their names, in our words: for a folder that has the tasks and not the scripts."""


@dataclass(frozen=True, slots=True)
class Script:
    """A program in a language."""

    language: str
    code: str


@dataclass(frozen=True, slots=True)
class Record:
    """One task. `check` holds None where the example's output is an argument of the checks behind it."""

    description: str
    init: tuple[Script, ...] = ()
    start: str = ""
    check: tuple[Script | None, ...] = ()
    match: dict[str, Any] | None = None
    example: Script | None = None

    @property
    def languages(self) -> frozenset[str]:
        """Those of all its scripts."""
        found = (*self.init, *self.check, self.example)
        return frozenset(each.language for each in found if each is not None)


class Absent(Exception):
    """A script that the task names is not in the folder, or cannot be run here."""


@cache
def load(source: Source, split: str) -> tuple[tuple[Task, ...], dict[str, str]]:
    """The split's tasks, and the id of each that is left out with the reason. A task's data is its raw record.

    Raises:
        DataError: no file of tasks, or a record is not as expected.
    """
    root = folder_of(source)
    tasks, left_out = [], {}
    for path, scripts in files(root, split):
        for place, row in enumerate(rows_of(path)):
            name = f"os/{split}/{path.parent.name + '-' if split == 'test' else ''}{path.stem}-{place:05d}"
            try:
                read(row, path, place, scripts)
            except Absent as reason:
                left_out[name] = str(reason)
            else:
                # The digest is of the record alone: the folder it lies in says nothing about the task.
                data = {"record": row, "file": str(path), "scripts": str(scripts)}
                tasks.append(Task(name, split, data, digest(row)))
    if not tasks:
        raise DataError(
            root, f"no task of split {split!r}: expected data/1..7/*.json, data/dev.json, train_0317/*.json"
        )
    return tuple(tasks), left_out


def folder_of(source: Source) -> Path:
    """The folder that holds data/, scripts/ and train_0317/."""
    if source.path is None:
        return Path(__file__).parent / "os_sample"
    # An unpacked archive of the repository has one folder around all.
    unpacked = sorted(source.path.glob(f"AgentBench-*/{OFFICIAL}"))
    whole = [each for each in (source.path / OFFICIAL, *unpacked) if each.is_dir()]
    return whole[0] if whole else source.path


def files(root: Path, split: str) -> Iterator[tuple[Path, Path]]:
    """The split's files in order, each with the folder of its scripts."""
    if split == "test":
        for folder in sorted(each for each in root.glob("data/[0-9]*") if each.is_dir()):
            for path in sorted(folder.glob("*.json*")):
                yield path, root / "scripts" / folder.name
    elif split == "dev":
        for path in sorted(root.glob("data/dev.json*")):
            yield path, root / "scripts/dev"
    else:
        for path in sorted(root.glob("train_0317/*.json*")):
            yield path, root / "scripts/train_0317"


def rows_of(path: Path) -> Sequence[Any]:
    """The records of a file: a list, one object, or JSON lines."""
    if path.suffix == ".jsonl":
        return [row for _, row in read_jsonl(path)]
    found = read_json(path)
    return found if isinstance(found, list) else [found]


def record_of(task: Task) -> Record:
    """The task's record, its scripts read."""
    data = task.data
    return read(data["record"], Path(data["file"]), 0, Path(data["scripts"]))


def read(row: Any, path: Path, place: int, scripts: Path) -> Record:
    """One record.

    Raises:
        DataError: it is not as expected.
        Absent: a script is not there.
    """
    description = field(row, "description", str, path, place)
    evaluation = field(row, "evaluation", dict, path, place)
    create = row.get("create")
    # Two official records have a list of checks here, by mistake; upstream reads no key of it either.
    init = create.get("init") if isinstance(create, dict) else None
    check, match = evaluation.get("check"), evaluation.get("match")
    if (check is None) == (match is None):
        raise DataError(path, "expected either check or match", record=place, field="evaluation")
    start = script(row.get("start"), scripts, path, place)
    example = script(evaluation.get("example", row.get("example")), scripts, path, place)
    checks = tuple(script(each, scripts, path, place) for each in listed(check)) if check is not None else ()
    if None in checks and example is None:
        raise Absent("its check compares with an example that the record does not have")
    return Record(
        description,
        tuple(found for each in listed(init) if (found := script(each, scripts, path, place))),
        start.code if start else "",
        checks,
        {"answer": match, "strip": True} if isinstance(match, str) else match,
        example,
    )


def listed(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


def script(value: Any, scripts: Path, path: Path, place: int) -> Script | None:
    """A script: text in bash, or an object with a language and its code or file.

    Raises:
        DataError: it is none of these.
        Absent: its file is not there, or its language has no compiler here.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return Script("bash", value)
    language = value.get("language", "bash") if isinstance(value, dict) else None
    if language not in LANGUAGES or not {"file", "code"} & value.keys():
        raise DataError(path, f"not a script: {json.dumps(value)[:120]}", record=place)
    if language in COMPILERS and shutil.which(COMPILERS[language]) is None:
        raise Absent(f"it has a program in {language}, and there is no {COMPILERS[language]} here")
    if "code" in value:
        return Script(language, value["code"])
    named = scripts / value["file"]
    if named.is_file():
        return Script(language, named.read_text(encoding="utf-8"))
    if language == "python" and named.stem in OWN:
        return Script("python", OWN[named.stem])
    raise Absent(f"its script {scripts.name}/{value['file']} is not in this folder")
