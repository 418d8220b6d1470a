"""SHOW, DESCRIBE and information_schema: what a database tells of itself, in the rows that MySQL answers with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from .answer import Refused
from .schema import Database, Table
from .texts import like

Rows = list[tuple[Any, ...]]
_OWN = ("information_schema", "mysql", "performance_schema", "sys")
CATALOGUE: dict[str, tuple[str, ...]] = {
    "schemata": ("CATALOG_NAME", "SCHEMA_NAME", "DEFAULT_CHARACTER_SET_NAME", "DEFAULT_COLLATION_NAME"),
    "tables": ("TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "TABLE_TYPE", "ENGINE", "TABLE_ROWS", "TABLE_COMMENT"),
    "columns": (
        "TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "ORDINAL_POSITION", "COLUMN_DEFAULT",
        "IS_NULLABLE", "DATA_TYPE", "COLUMN_TYPE", "COLUMN_KEY", "EXTRA", "COLUMN_COMMENT",
    ),
    "key_column_usage": (
        "CONSTRAINT_SCHEMA", "CONSTRAINT_NAME", "TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "ORDINAL_POSITION",
        "REFERENCED_TABLE_SCHEMA", "REFERENCED_TABLE_NAME", "REFERENCED_COLUMN_NAME",
    ),
}  # fmt: skip


def describe(table: Table) -> Rows:
    """DESCRIBE: name, type, nullable, key, default, extra; the type and a default are bytes, as the connector gives them."""
    rows: Rows = []
    for column in table.columns:
        default = None if column.default is None else column.default.encode()
        row = (column.name, column.type.encode(), "YES" if column.nullable else "NO", table.key_of(column.name))
        rows.append((*row, default, column.extra))
    return rows


def show(node: exp.Show, current: Database, names: Sequence[str], find: Callable[[str], Table]) -> Rows:
    """The rows of a SHOW statement.

    Raises:
        Refused: we do not know it.
    """
    what = str(node.this).upper()
    if what == "DATABASES":
        return _chosen(node, [(name,) for name in sorted({*names, *_OWN})])
    if what == "TABLES":
        rows = [(name,) for name in sorted(current.tables)]
        return _chosen(node, [(*row, "BASE TABLE") for row in rows] if node.args.get("full") else rows)
    if what in ("COLUMNS", "FIELDS"):
        return _chosen(node, describe(find(_target(node))))
    if what == "CREATE TABLE":
        table = find(_target(node))
        return [(table.name.lower(), table.ddl.rstrip(";"))]
    if what in ("INDEX", "INDEXES", "KEYS"):
        return _indexes(find(_target(node)))
    if what in ("WARNINGS", "ERRORS"):
        return []
    raise Refused(f"SHOW {what} is not known to this server")


def _target(node: exp.Show) -> str:
    target = node.args.get("target")
    return target.name if isinstance(target, exp.Expr) else str(target)


def _chosen(node: exp.Show, rows: Rows) -> Rows:
    pattern = node.args.get("like")
    if pattern is None:
        return rows
    wanted = pattern.name if isinstance(pattern, exp.Expr) else str(pattern)
    return [row for row in rows if like(wanted, row[0])]


def _indexes(table: Table) -> Rows:
    rows: Rows = []
    named = [("PRIMARY", table.primary, 0)] if table.primary else []
    named += [(key[0], key, 0) for key in table.unique] + [(key[0], key, 1) for key in table.keys]
    for name, key, repeats in named:
        for place, column in enumerate(key, 1):
            rows.append((table.name.lower(), repeats, name, place, column, "A", len(table.rows)))
    return rows


def catalogue(name: str, databases: Sequence[Database]) -> Rows:
    """The rows of one table of information_schema, over all `databases`."""
    rows: Rows = []
    for database in databases:
        if name == "schemata":
            rows.append(("def", database.name, "utf8mb4", "utf8mb4_general_ci"))
        for key in sorted(database.tables):
            rows += _of_table(name, database.name, key, database.tables[key])
    return rows


def _of_table(name: str, database: str, key: str, table: Table) -> Rows:
    if name == "tables":
        return [("def", database, key, "BASE TABLE", "InnoDB", len(table.rows), "")]
    if name == "key_column_usage":
        return [
            (database, "PRIMARY", database, key, column, place, None, None, None)
            for place, column in enumerate(table.primary, 1)
        ]
    if name != "columns":
        return []
    return [
        ("def", database, key, column.name, place, column.default, "YES" if column.nullable else "NO",
         column.type.partition("(")[0], column.type, table.key_of(column.name), column.extra, "")
        for place, column in enumerate(table.columns, 1)
    ]  # fmt: skip
