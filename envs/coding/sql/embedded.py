"""The embedded server: each episode has its databases in memory, copied from a template that is built once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from ....trajectories.errors import Fault
from . import describe, dialect, functions, reading
from .answer import INTERRUPTED, MAX_ROWS, Answer, Refused
from .image import image, quoted
from .resolve import Output, Resolver
from .schema import Column, Database, Table
from .shapes import SHAPES

Find = Callable[[str], Database | None]
OPERATIONS = 20_000_000
"""Steps of SQLite's machine that one statement may take, about a second; counted, not timed: the same everywhere."""
_EVERY = 20_000
_TEXT = 2_000_000
"""Characters of one value at most."""
_PAGES = 16_384
"""Pages of 4 KiB that one episode's database may have."""
_CELLS = 32_000_000
"""Characters that one answer may have in all."""

_ALLOWED = {
    sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_TRANSACTION,
    sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_CREATE_INDEX,
    sqlite3.SQLITE_DROP_INDEX, sqlite3.SQLITE_CREATE_VIEW, sqlite3.SQLITE_DROP_VIEW, sqlite3.SQLITE_REINDEX,
}  # fmt: skip
_FORBIDDEN = {"load_extension", "fts3_tokenizer", "randomblob", "zeroblob", "writefile", "readfile", "edit"}


def _authorise(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FORBIDDEN):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


class Embedded:
    """A server over databases that `find` reads and `names` lists. Images are made once a database and shared."""

    def __init__(self, find: Find, names: Sequence[str]) -> None:
        """Build nothing yet."""
        self.find, self._names = find, list(names)
        self._images: dict[str, bytes] = {}
        self._said: dict[tuple[str, str], Answer] = {}
        self._lock = threading.Lock()

    def once(self, database: str, statement: str) -> Answer:
        """What one statement says on the original state of `database`; the last thousand are kept."""
        key = database, statement
        with self._lock:
            held = self._said.get(key)
        if held is None:
            session = self.open(database)
            try:
                held = session.run(statement)
            finally:
                session.close()
            with self._lock:
                if len(self._said) >= 1000:
                    self._said.pop(next(iter(self._said)))
                self._said[key] = held
        return held

    def names(self) -> Sequence[str]:
        """The databases there are."""
        return self._names

    def image(self, database: Database) -> bytes:
        """The template of one database."""
        with self._lock:
            held = self._images.get(database.name)
            if held is None:
                held = self._images[database.name] = image(database)
            return held

    def close(self) -> None:
        """Images stay with the process; nothing else is held."""

    def open(self, database: str, seed: int = 0) -> EmbeddedSession:
        """A session on its own copies.

        Raises:
            Fault: there is no such database.
        """
        return EmbeddedSession(self, database.lower(), seed)


class EmbeddedSession:
    """One episode's databases in memory: opened one by one as they are named, gone when it is closed."""

    def __init__(self, server: Embedded, database: str, seed: int) -> None:
        """Open the first database."""
        self.server, self.seed = server, seed
        self._open: dict[str, tuple[sqlite3.Connection, Database]] = {}
        self._refusals: list[Refused] = []
        self._spent = 0
        if server.find(database) is None:
            raise Fault("env", f"no database {database!r}; there are {', '.join(server.names())}")
        self._use(database)

    def close(self) -> None:
        """Forget everything."""
        for connection, _ in self._open.values():
            connection.close()
        self._open.clear()

    # --- opening --------------------------------------------------------------------------------------------------

    def _use(self, name: str) -> None:
        if name not in self._open:
            database = self.server.find(name)
            if database is None:
                raise Refused(f"Unknown database '{name}'")
            connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            functions.teach(connection, name, self.seed, self._refusals, self._charge)
            connection.deserialize(self.server.image(database))
            connection.execute(f"PRAGMA max_page_count = {_PAGES}")
            connection.execute("ATTACH ':memory:' AS information_schema")
            for limit, value in (
                (sqlite3.SQLITE_LIMIT_LENGTH, _TEXT),
                (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
                (sqlite3.SQLITE_LIMIT_ATTACHED, 1),
                (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
            ):
                connection.setlimit(limit, value)
            connection.set_authorizer(_authorise)
            connection.set_progress_handler(self._tick, _EVERY)
            self._open[name] = (connection, database)
        self.current = name

    def _charge(self, steps: int) -> bool:
        self._spent += steps
        return self._spent > OPERATIONS

    def _tick(self) -> int:
        return int(self._charge(_EVERY))

    @property
    def database(self) -> Database:
        """The current database as it is now, tables that were altered included."""
        return self._open[self.current][1]

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection to it."""
        return self._open[self.current][0]

    # --- statements -----------------------------------------------------------------------------------------------

    def run(self, statement: str) -> Answer:
        """Run one statement of MySQL's dialect; what goes wrong is told as MySQL tells it."""
        self._spent = 0
        self._refusals.clear()
        try:
            tree = reading.parse(statement)
            return Answer(self._rows(tree))
        except Refused as refusal:
            return Answer(error=str(refusal))
        except sqlite3.Error as error:
            return Answer(error=self._mended(error))
        except RecursionError:
            return Answer(error="Thread stack overrun: the statement is nested too deeply")

    def _rows(self, tree: exp.Expr) -> list[tuple[Any, ...]] | None:
        if isinstance(tree, exp.Show):
            return describe.show(tree, self._shown(tree), self.server.names(), lambda name: self._table(name, tree))
        if isinstance(tree, exp.Describe):
            return self._describe(tree)
        if isinstance(tree, exp.Use):
            self._use(tree.this.name.lower())
            return None
        if isinstance(tree, exp.Set | exp.Transaction | exp.Commit | exp.Rollback):
            return None
        if isinstance(tree, exp.Command):
            raise Refused(f"{tree.name.upper()} is not known to this server")
        reading.localise(tree)
        columns = Resolver(self.database, self._other, functions.knows).statement(tree)
        self._information(tree)
        cursor = self.connection.execute(dialect.write(tree, self.current))
        if not isinstance(tree, exp.Query):
            if isinstance(tree, exp.DDL | exp.Alter | exp.Drop) and not isinstance(tree, exp.Insert):
                self._reread()
            return None
        return self._fetch(cursor, columns)

    def _fetch(self, cursor: sqlite3.Cursor, columns: list[Output]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        shapes = [SHAPES.get(column.kind.family) for column in columns]
        kinds = [column.kind for column in columns]
        size = 0
        for row in cursor:
            if len(rows) >= MAX_ROWS or size > _CELLS:
                raise Refused(f"Query execution was interrupted: more than {MAX_ROWS} rows or {_CELLS} characters")
            size += sum(len(value) for value in row if isinstance(value, str))
            rows.append(
                tuple(
                    value if shape is None or value is None else shape(value, kind)
                    for value, shape, kind in zip(row, shapes, kinds, strict=True)
                )
            )
        return rows

    def _mended(self, error: sqlite3.Error) -> str:
        if self._refusals:
            return str(self._refusals[0])
        said = str(error)
        if "interrupted" in said:
            return INTERRUPTED
        if said.startswith(("misuse of aggregate", "misuse of aliased aggregate", "aggregate functions")):
            return "Invalid use of group function"
        if said.startswith("UNIQUE constraint failed"):
            return f"Duplicate entry for key '{said.rpartition(': ')[2]}'"
        if said.startswith("NOT NULL constraint failed"):
            return f"Column '{said.rpartition('.')[2]}' cannot be null"
        if "not authorized" in said or "prohibited" in said:
            return "Access denied; this statement is not allowed here"
        return said

    # --- tables ---------------------------------------------------------------------------------------------------

    def _other(self, name: str) -> Database | None:
        if name == self.current:
            return self.database
        if name == "information_schema":
            return _INFORMATION
        if self.server.find(name) is not None:
            raise Refused(f"Tables of '{name}' cannot be read from '{self.current}' here; USE {name} first")
        return None

    def _shown(self, tree: exp.Show) -> Database:
        named = tree.args.get("db")
        name = named.name.lower() if isinstance(named, exp.Expr) else str(named or self.current).lower()
        held = self._open.get(name)
        found = held[1] if held else self.server.find(name)
        if found is None:
            raise Refused(f"Unknown database '{name}'")
        return found

    def _table(self, name: str, tree: exp.Show) -> Table:
        database = self._shown(tree)
        found = database.tables.get(name.rpartition(".")[2].lower())
        if found is None:
            raise Refused(f"Table '{database.name}.{name.lower()}' doesn't exist")
        return found

    def _describe(self, tree: exp.Describe) -> list[tuple[Any, ...]]:
        if not isinstance(tree.this, exp.Table):
            raise Refused("EXPLAIN is not known to this server")
        return describe.describe(Resolver(self.database, self._other, functions.knows).table(tree.this))

    def _information(self, tree: exp.Expr) -> None:
        for table in tree.find_all(exp.Table):
            name = table.name.lower()
            if table.db.lower() != "information_schema" or name not in describe.CATALOGUE:
                continue
            databases = [
                self._open[each][1] if each in self._open else self.server.find(each) for each in self.server.names()
            ]
            rows = describe.catalogue(name, [each for each in databases if each is not None])
            connection = self.connection
            connection.set_authorizer(None)
            columns = ", ".join(f'"{column}" COLLATE mysql' for column in describe.CATALOGUE[name])
            connection.execute(f'DROP TABLE IF EXISTS information_schema."{name}"')
            connection.execute(f'CREATE TABLE information_schema."{name}" ({columns})')
            marks = ", ".join("?" * len(describe.CATALOGUE[name]))
            connection.executemany(f'INSERT INTO information_schema."{name}" VALUES ({marks})', rows)
            connection.set_authorizer(_authorise)

    def _reread(self) -> None:
        """After a CREATE, ALTER or DROP: learn the tables anew, keeping what is known of columns that stayed."""
        connection, database = self._open[self.current]
        connection.set_authorizer(None)
        listed = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ESCAPE '!'"
        tables: dict[str, Table] = {}
        for name, ddl in connection.execute(listed.replace(" ESCAPE '!'", "")).fetchall():
            old = database.tables.get(name.lower())
            known = {column.name.lower(): column for column in old.columns} if old else {}
            columns: list[Column] = []
            primary: list[str] = []
            for _, column, kind, strict, default, key in connection.execute(f"PRAGMA table_info({quoted(name)})"):
                fresh = Column(column, kind.lower() or "text", not strict, default)
                columns.append(known.get(column.lower(), fresh))
                primary += [column] if key else []
            unique, keys = (old.unique, old.keys) if old else ((), ())
            tables[name.lower()] = Table(name, tuple(columns), tuple(primary), unique, keys, ddl or "")
        connection.set_authorizer(_authorise)
        self._open[self.current] = (connection, Database(database.name, tables))


_INFORMATION = Database(
    "information_schema",
    {
        name: Table(
            name,
            tuple(Column(each, "int" if "POSITION" in each or each == "TABLE_ROWS" else "text") for each in columns),
        )
        for name, columns in describe.CATALOGUE.items()
    },
)
