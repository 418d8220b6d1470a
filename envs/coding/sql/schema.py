"""Databases as data: tables, columns, keys and rows, as a MySQL dump tells them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """What MySQL calls a value: a family, and the digits behind the point where it fixes them."""

    family: str
    """int, decimal, double, text, date, datetime, time, null."""
    scale: int | None = None


INT, DOUBLE, TEXT, NULL = Kind("int"), Kind("double"), Kind("text"), Kind("null")
DATE, DATETIME, TIME = Kind("date"), Kind("datetime"), Kind("time")
_FAMILIES = {
    "int": "int", "integer": "int", "tinyint": "int", "smallint": "int", "mediumint": "int", "bigint": "int",
    "year": "int", "bool": "int", "boolean": "int", "bit": "int", "double": "double", "float": "double",
    "real": "double", "decimal": "decimal", "numeric": "decimal", "dec": "decimal", "date": "date",
    "datetime": "datetime", "timestamp": "datetime", "time": "time",
}  # fmt: skip
_TYPE = re.compile(r"\s*(\w+)(?:\s*\(\s*\d+\s*(?:,\s*(\d+)\s*)?\))?")


def kind_of(declared: str) -> Kind:
    """The kind that a declared type such as ``decimal(19,4)`` has."""
    found = _TYPE.match(declared)
    family = _FAMILIES.get(found[1].lower(), "text") if found else "text"
    scale = int(found[2]) if found and found[2] else None
    return Kind(family, (scale or 0) if family == "decimal" else scale if family == "double" else None)


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `type` as declared (``varchar(255)``), `extra` as DESCRIBE shows it (``auto_increment``)."""

    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    extra: str = ""

    @property
    def kind(self) -> Kind:
        """The kind of its values."""
        return kind_of(self.type)


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `primary` and the keys name columns; `unique` are keys whose values do not repeat."""

    name: str
    columns: tuple[Column, ...]
    primary: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    ddl: str = ""
    rows: list[tuple[Any, ...]] = field(default_factory=list, compare=False, repr=False)

    def key_of(self, column: str) -> str:
        """What DESCRIBE shows as the column's key: PRI, UNI, MUL or nothing."""
        if column in self.primary:
            return "PRI"
        if (column,) in self.unique:
            return "UNI"
        return "MUL" if any(key[0] == column for key in (*self.unique, *self.keys)) else ""


@dataclass(frozen=True, slots=True)
class Database:
    """One database: its tables by lower-case name (``lower_case_table_names=1``, as upstream's server runs)."""

    name: str
    tables: dict[str, Table]
