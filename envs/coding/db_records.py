"""Reads AgentBench's DB tasks: JSON lines, each with its own table."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ...trajectories.errors import DataError
from ..core import Task, digest
from ..data import field, read_jsonl
from .sql.schema import Column, Database, Table

_FILES = {"test": "standard.jsonl", "dev": "dev.jsonl"}
SAMPLE = Path(__file__).parent / "db_sample"
NAME = "dbbench"
"""What the database of each episode is called."""
WRITES = ("INSERT", "UPDATE", "DELETE")


class Request(NamedTuple):
    """One task. `md5` is the gold digest of the table, for a write; empty where `gold` must be run to know it."""

    text: str
    kind: str
    label: tuple[str, ...]
    gold: str
    md5: str
    database: Database

    @property
    def writes(self) -> bool:
        """Whether the table is judged, not the answer."""
        return self.kind in WRITES


def _table(record: Any, path: Path, where: int) -> Table:
    name = field(record, "table_name", str, path, where)
    about = field(record, "table_info", dict, path, where)
    columns = [field(each, "name", str, path, where) for each in field(about, "columns", list, path, where)]
    rows = field(about, "rows", list, path, where)
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise DataError(path, f"row {number} does not have {len(columns)} values", record=where, field="rows")
    # Upstream makes every column TEXT, whatever type the record names.
    filled = [tuple(None if value is None else str(value) for value in row) for row in rows]
    return Table(name, tuple(Column(column, "text") for column in columns), rows=filled)


def _request(record: Any, path: Path, where: int) -> Request:
    kinds = field(record, "type", list, path, where)
    if not kinds:
        raise DataError(path, "empty", record=where, field="type")
    given = field(record, "table", (dict, list), path, where)
    tables = [_table(each, path, where) for each in (given if isinstance(given, list) else [given])]
    label = [str(each) for each in field(record, "label", list, path, where)]
    query = record.get("sql") or {}
    text = f"{field(record, 'description', str, path, where)}\n{record.get('add_description') or ''}".strip()
    gold = label[0] if kinds[0] in WRITES and label else str(query.get("query", ""))
    md5 = str(record.get("answer_md5") or "").strip("[](),'\" ")
    database = Database(NAME, {table.name.lower(): table for table in tables})
    return Request(text, str(kinds[0]), tuple(label), gold, md5, database)


@lru_cache(maxsize=8)
def _read(path: Path, changed: int, size: int, split: str) -> list[Task]:
    tasks = []
    for number, (line, record) in enumerate(read_jsonl(path)):
        request = _request(record, path, line)
        tasks.append(Task(f"db/{split}/{number}", split, request, digest(record)))
    return tasks


def read(folder: Path, split: str) -> list[Task]:
    """The tasks of a split in the file's order; read once a process.

    Raises:
        DataError: the file is missing or a record is not in the official layout.
    """
    nested = folder / "data" / "dbbench" / _FILES[split]
    path = nested if nested.is_file() else folder / _FILES[split]
    if not path.is_file():
        raise DataError(path, f"missing; expected {_FILES[split]} or data/dbbench/{_FILES[split]} of AgentBench")
    about = path.stat()
    return _read(path, about.st_mtime_ns, about.st_size, split)
