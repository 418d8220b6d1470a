"""Reads InterCode-SQL's tasks: the official JSON list, each with the database it asks about."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ...trajectories.errors import DataError
from ..core import Task, digest
from ..data import field, read_json
from .sql.dump import Dump, open_dump

_FILES = {
    "test": ("ic_spider_dev.json", "ic_spider_dbs.sql"),
    "train": ("ic_spider_train.json", "ic_spider_train_dbs.sql"),
}
SAMPLE = Path(__file__).parent / "intercode_sample"


class Question(NamedTuple):
    """One task: the question, the database's name, the gold statement, Spider's hardness."""

    query: str
    database: str
    gold: str
    hardness: str


def _found(folder: Path, name: str) -> Path:
    """The file in the folder, or where upstream's repository has it."""
    nested = folder / "data" / "sql" / "spider" / name
    return nested if nested.is_file() else folder / name


def dump(folder: Path, split: str) -> Dump:
    """The dump of the split's databases.

    Raises:
        DataError: it is missing or no dump.
    """
    own = _found(folder, _FILES[split][1])
    return open_dump(own if own.is_file() else _found(folder, _FILES["test"][1]))


@lru_cache(maxsize=16)
def _read(path: Path, changed: int, size: int, databases: Dump, split: str) -> list[Task]:
    records = read_json(path)
    if not isinstance(records, list):
        raise DataError(path, f"expected a list of tasks, found {type(records).__name__}")
    sums = {name: hashlib.sha256(databases.script(name).encode()).hexdigest() for name in databases.names()}
    tasks = []
    for number, record in enumerate(records):
        query, name, gold = (field(record, key, str, path, number) for key in ("query", "db", "gold"))
        if name.lower() not in sums:
            raise DataError(path, f"the dump {databases.path.name} has no database {name!r}", record=number, field="db")
        data = Question(query, name.lower(), gold, str(record.get("hardness", "")))
        tasks.append(Task(f"intercode_sql/{split}/{number}", split, data, digest([*data, sums[name.lower()]])))
    return tasks


def read(folder: Path, split: str) -> list[Task]:
    """The tasks of a split in the file's order; read once a process.

    Raises:
        DataError: a file is missing or not in the official layout.
    """
    path = _found(folder, _FILES[split][0])
    if not path.is_file():
        more = " (upstream publishes no train split; any list in the layout of ic_spider_dev.json will do)"
        raise DataError(path, "missing; expected InterCode-SQL's list of tasks" + (more if split == "train" else ""))
    about = path.stat()
    return _read(path, about.st_mtime_ns, about.st_size, dump(folder, split), split)
