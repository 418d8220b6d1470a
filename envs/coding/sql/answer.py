"""What a server says to one statement: rows, nothing, or an error in MySQL's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

MAX_ROWS = 200_000
"""Rows that one answer may have; more is refused, on every server."""

INTERRUPTED = "Query execution was interrupted, maximum statement execution time exceeded"


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` is None where the statement has no result (a write, USE) and where it failed; then `error` says why."""

    rows: list[tuple[Any, ...]] | None = None
    error: str | None = None


class Refused(Exception):
    """A statement that the server will not run; the text is MySQL's message, without number and state."""


class Session(Protocol):
    """One episode's own view of the databases: nothing that it writes is seen outside it."""

    def run(self, statement: str) -> Answer:
        """Run one statement of MySQL's dialect."""

    def close(self) -> None:
        """Throw away what was written and give back what was held."""


class Server(Protocol):
    """Opens sessions on named databases."""

    def open(self, database: str, seed: int = 0) -> Session:
        """A session whose current database is `database`, in its original state."""

    def once(self, database: str, statement: str) -> Answer:
        """What one statement says on the original state of `database`; kept, so that it is run once a process."""

    def names(self) -> Sequence[str]:
        """The databases there are."""

    def close(self) -> None:
        """Give back what is held; the last world that does so stops a server of its own."""
