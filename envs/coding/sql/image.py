"""Writes a database as an SQLite image, built once and copied for each episode."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable
from typing import Any

from . import texts
from .schema import Database, Table


def quoted(name: str) -> str:
    """A name as SQLite reads it."""
    return '"' + name.replace('"', '""') + '"'


def _ddl(table: Table) -> str:
    lines = []
    for column in table.columns:
        words = [quoted(column.name), column.type]
        if column.kind.family == "text":
            words.append("COLLATE mysql")
        if not column.nullable and column.extra != "auto_increment":
            words.append("NOT NULL")
        if column.default is not None:
            words.append("DEFAULT " + ("'2023-06-01 12:00:00'" if column.default == "CURRENT_TIMESTAMP"
                                       else "'" + column.default.replace("'", "''") + "'"))  # fmt: skip
        if column.extra == "auto_increment" and table.primary == (column.name,):
            words[1:] = ["INTEGER PRIMARY KEY"]
        lines.append(" ".join(words))
    if table.primary and "PRIMARY KEY" not in " ".join(lines):
        lines.append(f"PRIMARY KEY ({', '.join(map(quoted, table.primary))})")
    lines += [f"UNIQUE ({', '.join(map(quoted, key))})" for key in table.unique]
    return f"CREATE TABLE {quoted(table.name)} ({', '.join(lines)})"


def _sort_key(table: Table) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    places = [[column.name for column in table.columns].index(name) for name in table.primary]
    return lambda row: tuple(texts.fold(row[i]) if isinstance(row[i], str) else row[i] for i in places)


def _single(row: tuple[Any, ...], table: Table) -> tuple[Any, ...]:
    """FLOAT(M, D) is kept in single precision, which shows in sums and comparisons."""
    singles = [column.type.startswith("float(") for column in table.columns]
    if not any(singles):
        return row
    return tuple(
        struct.unpack("f", struct.pack("f", value))[0] if single and value is not None else value
        for value, single in zip(row, singles, strict=True)
    )


def image(database: Database) -> bytes:
    """The database as SQLite's file, rows in the order of the primary key as InnoDB keeps them."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.create_collation("mysql", texts.collate)
        for table in database.tables.values():
            connection.execute(_ddl(table))
            marks = ", ".join("?" * len(table.columns))
            rows = [_single(row, table) for row in table.rows]
            if table.primary:
                rows.sort(key=_sort_key(table))
            connection.executemany(f"INSERT INTO {quoted(table.name)} VALUES ({marks})", rows)
            for number, key in enumerate(table.keys):
                columns = ", ".join(map(quoted, key))
                connection.execute(
                    f"CREATE INDEX {quoted(f'{table.name}_{number}')} ON {quoted(table.name)} ({columns})"
                )
        connection.commit()
        return connection.serialize()
    finally:
        connection.close()
