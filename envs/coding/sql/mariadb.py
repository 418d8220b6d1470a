"""A private MariaDB for this process: its own data folder and socket, no network, gone when nobody needs it.

The original databases can only be read. The first statement of an episode that is no read moves the episode to a copy
of its database and a user of its own; both are dropped when it ends.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Hashable, Sequence
from typing import Any

import pymysql
from pymysql.cursors import SSCursor

from ....trajectories.errors import Fault
from .answer import MAX_ROWS, Answer, Refused
from .daemon import Daemon
from .embedded import Find
from .schema import Database, Table

_LOST = {2002, 2003, 2006, 2013, 2014, 2055}
_CELLS = 32_000_000
_READ = re.compile(r"[\s(]*(select|with|show|describe|desc|explain|use|set)\b", re.IGNORECASE)
_PURE = re.compile(r"[\s(]*(?:select|with)\b[^@]*", re.IGNORECASE)
_DESCRIBE = re.compile(r"\s*(describe|desc|show\s+(full\s+)?(columns|fields))\b", re.IGNORECASE)
_USE = re.compile(r"\s*use\s+`?([^`;\s]+)`?\s*;?\s*$", re.IGNORECASE)
_PLACES = {
    "SELECT": "field list", "WHERE": "where clause", "ON": "on clause", "GROUP BY": "group statement",
    "HAVING": "having clause", "IN/ALL/ANY": "IN/ALL/ANY subquery", "ORDER BY": "order clause",
    "FROM": "from clause", "SET": "field list",
}  # fmt: skip
_UNKNOWN = re.compile(r"^(Unknown column '.*' in )'([^']*)'$", re.DOTALL)
_AMBIGUOUS = re.compile(r"^(Column '.*' in )(.+) is ambiguous$", re.DOTALL)
_DENIED = re.compile(r"^execute command denied to user .* for routine '([^']*)'$")
_WIDTH = re.compile(r"\b((?:tiny|small|medium|big)?int)\(\d+\)")


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _ddl(table: Table) -> str:
    if table.ddl:
        return table.ddl.rstrip(";")
    columns = [f"{_quoted(each.name)} {each.type}" for each in table.columns]
    return (
        f"CREATE TABLE {_quoted(table.name)} ({', '.join(columns)}) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci"
    )


class Host:
    """One MariaDB with the databases of one source; shared by the worlds of this process, counted by leases."""

    def __init__(self, find: Find, names: Sequence[str]) -> None:
        """Start nothing yet."""
        self.find, self.names = find, list(names)
        self.leases = 0
        self.said: dict[tuple[str, str], list[tuple[Any, ...]] | None] = {}
        self._daemon: Daemon | None = None
        self._lock = threading.RLock()
        self._count = 0

    def start(self) -> None:
        """Start the server and load the databases, if that is not done.

        Raises:
            MissingPart: MariaDB is not installed.
            Fault: it does not come up.
        """
        with self._lock:
            if self._daemon is not None:
                return
            self._daemon = Daemon()
            try:
                self.secret = secrets.token_hex(8)
                connection = self.connect(None, "root", "")
                with connection.cursor() as cursor:
                    cursor.execute(f"CREATE USER reader@localhost IDENTIFIED BY '{self.secret}'")
                    for name in self.names:
                        database = self.find(name)
                        if database is not None:
                            self._load(cursor, name, database)
                            cursor.execute(f"GRANT SELECT ON {_quoted(name)}.* TO reader@localhost")
                connection.close()
            except BaseException:
                self.stop()
                raise

    def keep(self, key: tuple[str, str], rows: list[tuple[Any, ...]] | None) -> None:
        """Remember what a SELECT on an original database said; the last two thousand short answers are kept."""
        if rows is not None and len(rows) > 1000:
            return
        with self._lock:
            if len(self.said) >= 2000:
                self.said.pop(next(iter(self.said)))
            self.said[key] = rows

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        with self._lock:
            if self._daemon is not None:
                self._daemon.stop()
                self._daemon = None

    def connect(self, database: str | None, user: str, password: str) -> pymysql.Connection[Any]:
        """A new connection.

        Raises:
            Fault: the server is gone.
        """
        daemon = self._daemon
        if daemon is None:
            raise Fault("env", "this MariaDB is stopped")
        try:
            return pymysql.connect(
                unix_socket=str(daemon.socket), user=user, password=password, database=database, charset="utf8mb4",
                autocommit=True, read_timeout=60,
            )  # fmt: skip
        except pymysql.err.OperationalError as error:
            raise Fault("env", f"MariaDB does not answer: {error}") from error

    def _load(self, cursor: Any, name: str, database: Database) -> None:
        cursor.execute(f"CREATE DATABASE {_quoted(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        cursor.execute(f"USE {_quoted(name)}")
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0, SQL_MODE = 'NO_AUTO_VALUE_ON_ZERO'")
        for table in database.tables.values():
            try:
                cursor.execute(_ddl(table))
            except pymysql.err.ProgrammingError:
                if table.ddl:
                    raise
                # A record's table that MySQL refuses, such as one with a nameless column, is missing, as upstream.
                continue
            if table.rows:
                marks = ", ".join(["%s"] * len(table.columns))
                cursor.executemany(f"INSERT INTO {_quoted(table.name)} VALUES ({marks})", table.rows)
            # Fixed statistics: else the plan, and with it the order of ties, would change while an episode runs.
            cursor.execute(f"ANALYZE TABLE {_quoted(table.name)}")
            cursor.fetchall()

    def copy(self, database: Database) -> tuple[str, str]:
        """A copy of a database under a new name, with a user of its own that may do anything in it."""
        with self._lock:
            self._count += 1
            alias = f"{database.name[:40]}__{self._count}"
            connection = self.connect(None, "root", "")
            user = f"u{self._count}"
            try:
                with connection.cursor() as cursor:
                    self._load(cursor, alias, database)
                    cursor.execute(f"CREATE USER {user}@localhost IDENTIFIED BY '{self.secret}'")
                    cursor.execute(f"GRANT ALL ON {_quoted(alias)}.* TO {user}@localhost")
                    for each in self.names:
                        cursor.execute(f"GRANT SELECT ON {_quoted(each)}.* TO {user}@localhost")
            finally:
                connection.close()
        return alias, user

    def drop(self, alias: str, user: str) -> None:
        """Remove a copy and its user."""
        connection = self.connect(None, "root", "")
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {_quoted(alias)}")
                cursor.execute(f"DROP USER IF EXISTS {user}@localhost")
        finally:
            connection.close()


_hosts: dict[Hashable, Host] = {}
_guard = threading.Lock()


class Hosted:
    """A world's lease on a host; the last one given back stops it."""

    def __init__(self, key: Hashable, find: Find, names: Sequence[str]) -> None:
        """Take the lease; the server starts at the first `open`."""
        with _guard:
            self.host = _hosts.setdefault(key, Host(find, names))
            self.host.leases += 1
        self.key, self.find, self._held = key, find, True
        self._said: dict[tuple[str, str], Answer] = {}

    def names(self) -> Sequence[str]:
        """The databases there are."""
        return self.host.names

    def open(self, database: str, seed: int = 0) -> HostedSession:
        """A session on the original, which it can read, or a copy, as soon as it writes.

        Raises:
            MissingPart: MariaDB is not installed.
            Fault: it does not start or answer.
        """
        self.host.start()
        return HostedSession(self.host, self.find, database.lower())

    def once(self, database: str, statement: str) -> Answer:
        """What one statement says on the original state of `database`; kept."""
        key = database, statement
        if key not in self._said:
            session = self.open(database)
            try:
                self._said[key] = session.run(statement)
            finally:
                session.close()
        return self._said[key]

    def close(self) -> None:
        """Give the lease back."""
        with _guard:
            if not self._held:
                return
            self._held = False
            self.host.leases -= 1
            last = self.host.leases == 0
            if last:
                _hosts.pop(self.key, None)
        if last:
            self.host.stop()


class HostedSession:
    """One episode on MariaDB."""

    def __init__(self, host: Host, find: Find, database: str) -> None:
        """Connect as a reader, or to a copy at once where the original is not kept on the server."""
        self.host, self.find, self.name = host, find, database
        self.alias, self.user = database, "reader"
        self._copies: list[tuple[str, str]] = []
        self._connection: pymysql.Connection[Any] | None = None
        if database in host.names:
            self._connection = host.connect(database, "reader", host.secret)
        else:
            self._own()

    def _own(self) -> None:
        database = self.find(self.name)
        if database is None:
            raise Fault("env", f"no database {self.name!r}")
        self.alias, self.user = self.host.copy(database)
        self._copies.append((self.alias, self.user))
        if self._connection is not None:
            self._connection.close()
        self._connection = self.host.connect(self.alias, self.user, self.host.secret)

    def close(self) -> None:
        """Drop what was copied."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        copies, self._copies = self._copies, []
        for alias, user in copies:
            self.host.drop(alias, user)

    def run(self, statement: str) -> Answer:
        """Run one statement.

        Raises:
            Fault: the server is gone.
        """
        try:
            if not _READ.match(statement) and self.user == "reader":
                self._own()
            switch = _USE.match(statement)
            if switch:
                self._use(switch[1].lower())
                return Answer()
            if self.user != "reader" or not _PURE.fullmatch(statement):
                return Answer(self._rows(statement))
            # Ties come in the order of addresses in MariaDB's memory; so a question once answered keeps its answer.
            key = self.alias, statement
            held = self.host.said.get(key)
            if held is None:
                held = self._rows(statement)
                self.host.keep(key, held)
            return Answer(held)
        except Refused as refusal:
            return Answer(error=str(refusal))
        except pymysql.err.MySQLError as error:
            code = error.args[0] if error.args else 0
            if code in _LOST or isinstance(error, pymysql.err.InterfaceError):
                raise Fault("env", f"MariaDB was lost in mid-episode: {error}") from error
            return Answer(error=self._mended(str(error.args[1] if len(error.args) > 1 else error)))
        except (ConnectionError, TimeoutError) as error:
            raise Fault("env", f"MariaDB was lost in mid-episode: {error}") from error

    def _use(self, name: str) -> None:
        real = self.alias if name == self.name else name
        if name not in (*self.host.names, self.name):
            raise Refused(f"Unknown database '{name}'")
        connection = self._connected()
        connection.select_db(real)
        if name != self.name:
            self.name, self.alias = name, real
            # A copy of another database would be needed to write there.
            self.user = "reader"

    def _connected(self) -> pymysql.Connection[Any]:
        if self._connection is None:
            raise Fault("env", "this session is closed")
        return self._connection

    def _rows(self, statement: str) -> list[tuple[Any, ...]] | None:
        connection = self._connected()
        cursor = connection.cursor(SSCursor)
        cursor.execute(statement.encode("utf-8", "replace").decode())
        if cursor.description is None:
            cursor.close()
            return None
        rows: list[tuple[Any, ...]] = []
        size = 0
        while batch := cursor.fetchmany(1000):
            rows += batch
            size += sum(len(value) for row in batch for value in row if isinstance(value, str))
            if len(rows) > MAX_ROWS or size > _CELLS:
                # Closing the cursor would read the rest; the connection is thrown away instead.
                connection._force_close()
                self._connection = self.host.connect(self.alias, self.user, self.host.secret)
                raise Refused(f"Query execution was interrupted: more than {MAX_ROWS} rows or {_CELLS} characters")
        cursor.close()
        if _DESCRIBE.match(statement):
            rows = [_described(row) for row in rows]
        if self.alias == self.name:
            return rows
        shown = [tuple(self._named(value) for value in row) for row in rows]
        return list(dict.fromkeys(shown)) if re.match(r"\s*show\s+(databases|schemas)", statement, re.I) else shown

    def _named(self, value: Any) -> Any:
        return value.replace(self.alias, self.name) if isinstance(value, str) else value

    def _mended(self, message: str) -> str:
        """MariaDB's words where they are not MySQL's."""
        said = message.replace(self.alias, self.name) if self.alias != self.name else message
        said = said.replace("corresponds to your MariaDB server version", "corresponds to your MySQL server version")
        said = said.replace("This version of MariaDB doesn't", "This version of MySQL doesn't")
        said = _DENIED.sub(r"FUNCTION \1 does not exist", said)
        said = _UNKNOWN.sub(lambda found: f"{found[1]}'{_PLACES.get(found[2], found[2])}'", said)
        return _AMBIGUOUS.sub(lambda found: f"{found[1]}{_PLACES.get(found[2], found[2])} is ambiguous", said)


def _described(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row of DESCRIBE as MySQL 8 and its connector give it: no display width, types and defaults as bytes."""
    name, kind, nullable, key, default, *rest = row
    if rest and key not in ("", "PRI", "UNI", "MUL"):
        return row
    plain = None if default in (None, "NULL") else str(default).strip("'")
    plain = "CURRENT_TIMESTAMP" if plain == "current_timestamp()" else plain
    extra = "DEFAULT_GENERATED" if plain == "CURRENT_TIMESTAMP" else rest[0] if rest else ""
    return (name, _WIDTH.sub(r"\1", kind).encode(), nullable, key, None if plain is None else plain.encode(), extra)
