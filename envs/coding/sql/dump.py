"""Reads what ``mysqldump`` writes: one database at a time, and only when it is asked for."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

from ....trajectories.errors import DataError, UnknownName
from ...data import read_text
from .schema import Column, Database, Kind, Table

_USE = re.compile(r"^USE `([^`]+)`;$", re.MULTILINE)
_CREATE = re.compile(r"^CREATE TABLE `([^`]+)` \(\n(.*?)\n\)[^\n]*;$", re.MULTILINE | re.DOTALL)
_INSERT = re.compile(r"^INSERT INTO `([^`]+)` VALUES ", re.MULTILINE)
_COLUMN = re.compile(r"^  `([^`]+)` (\w+(?:\([^)]*\))?(?: unsigned)?)(.*?),?$")
_KEY = re.compile(r"^  (PRIMARY KEY|UNIQUE KEY|KEY) (?:`[^`]+` )?\((.*)\)(?: USING \w+)?,?$")
_DEFAULT = re.compile(r"\bDEFAULT (?:'((?:[^'\\]|\\.|'')*)'|(\w+))")
_VALUE = re.compile(
    r"""\s*(?:'((?:[^'\\]|\\.|'')*)'|(NULL)\b|(-?[0-9.]+(?:[eE][-+]?\d+)?)|_binary '((?:[^'\\]|\\.)*)')\s*([,)])"""
)
_ESCAPE = re.compile(r"\\(.)|''", re.DOTALL)
_ESCAPED = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}


def _unescape(text: str) -> str:
    if "\\" not in text and "'" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]) if found[1] else "'", text)


class Dump:
    """A dump file whose databases are read one by one; shared by all worlds that name the file, never changed."""

    def __init__(self, path: Path) -> None:
        """Find where each database begins.

        Raises:
            DataError: the file cannot be read, or no ``USE `name`;`` stands in it.
        """
        self.path = path
        self.text = read_text(path)
        starts = list(_USE.finditer(self.text))
        if not starts:
            raise DataError(path, "no line USE `database`; found; expected what mysqldump --databases writes")
        ends = [each.start() for each in starts[1:]] + [len(self.text)]
        self.parts = {each[1].lower(): (each[1], each.end(), end) for each, end in zip(starts, ends, strict=True)}
        self._read: dict[str, Database] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The databases of the file, in its order, in lower case."""
        return list(self.parts)

    def find(self, name: str) -> Database | None:
        """One database, or None where the dump has none of that name."""
        return self.database(name) if name.lower() in self.parts else None

    def script(self, name: str) -> str:
        """The statements of one database as they stand in the file."""
        _, begin, end = self.parts[name.lower()]
        return self.text[begin:end]

    def database(self, name: str) -> Database:
        """One database, read at the first call.

        Raises:
            UnknownName: the dump has none of that name.
            DataError: a table or a row of it cannot be read.
        """
        if name.lower() not in self.parts:
            raise UnknownName(f"database of {self.path.name}", name, self.parts)
        with self._lock:
            held = self._read.get(name.lower())
            if held is None:
                held = self._read[name.lower()] = self._database(name.lower())
            return held

    def _database(self, name: str) -> Database:
        script = self.script(name)
        tables = {found[1].lower(): self._table(found) for found in _CREATE.finditer(script)}
        for found in _INSERT.finditer(script):
            table = tables.get(found[1].lower())
            if table is None:
                raise DataError(self.path, "rows before the table's CREATE TABLE", record=f"{name}.{found[1]}")
            self._rows(table, script, found.end(), f"{name}.{found[1]}")
        return Database(name, tables)

    def _table(self, found: re.Match[str]) -> Table:
        columns: list[Column] = []
        keys: dict[str, list[tuple[str, ...]]] = {"PRIMARY KEY": [], "UNIQUE KEY": [], "KEY": []}
        for line in found[2].split("\n"):
            if column := _COLUMN.match(line):
                columns.append(_column(column))
            elif key := _KEY.match(line):
                keys[key[1]].append(tuple(re.findall(r"`([^`]+)`", key[2])))
            elif not line.startswith("  CONSTRAINT"):
                raise DataError(self.path, f"cannot read the line {line.strip()[:80]!r}", record=found[1])
        primary = keys["PRIMARY KEY"][0] if keys["PRIMARY KEY"] else ()
        return Table(found[1], tuple(columns), primary, tuple(keys["UNIQUE KEY"]), tuple(keys["KEY"]), found[0])

    def _rows(self, table: Table, script: str, at: int, where: str) -> None:
        kinds = [column.kind for column in table.columns]
        while script[at] == "(":
            row: list[Any] = []
            at += 1
            end = ","
            while end == ",":
                found = _VALUE.match(script, at)
                if found is None or len(row) >= len(kinds):
                    line = self.text.count("\n", 0, self.parts[where.partition(".")[0]][1] + at) + 1
                    raise DataError(self.path, f"cannot read a row near line {line}", record=where)
                row.append(_value(found, kinds[len(row)]))
                at, end = found.end(), found[5]
            table.rows.append(tuple(row))
            at += 1 if script[at : at + 1] in (",", ";") else 0


def _column(found: re.Match[str]) -> Column:
    default = _DEFAULT.search(found[3])
    value = None if default is None or default[2] == "NULL" else default[2] or _unescape(default[1] or "")
    extra = "auto_increment" if "AUTO_INCREMENT" in found[3] else ""
    if value == "CURRENT_TIMESTAMP":
        extra = "DEFAULT_GENERATED"
    return Column(found[1], found[2], "NOT NULL" not in found[3], value, extra)


def _value(found: re.Match[str], kind: Kind) -> Any:
    if found[2]:
        return None
    if found[3] is not None:
        return int(found[3]) if kind.family == "int" else float(found[3]) if kind.family != "text" else found[3]
    return _unescape(found[1] if found[1] is not None else found[4])


@lru_cache(maxsize=16)
def _open(path: Path, changed: int, size: int) -> Dump:
    return Dump(path)


def open_dump(path: Path) -> Dump:
    """The dump at `path`, read once a process as long as the file does not change.

    Raises:
        DataError: it is missing, not UTF-8, or holds no database.
    """
    if not path.is_file():
        raise DataError(path, "missing; expected the MySQL dump of the databases")
    about = path.stat()
    return _open(path, about.st_mtime_ns, about.st_size)
