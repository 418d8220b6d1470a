"""Chooses a server for some databases."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache

from ....trajectories.errors import MissingPart, UnknownName
from .answer import Server
from .dump import Dump
from .schema import Database

Find = Callable[[str], Database | None]


@lru_cache(maxsize=8)
def _kept(dump: Dump) -> Server:
    """One embedded server a dump, so that all worlds of a process share its images."""
    from .embedded import Embedded

    return Embedded(dump.find, dump.names())


def _hosted(key: Hashable, find: Find, names: Sequence[str]) -> Server:
    if importlib.util.find_spec("pymysql") is None:
        raise MissingPart("server='mysql' needs the Python package pymysql (pip install 'agentbank[sql]')")
    from .mariadb import Hosted

    return Hosted(key, find, names)


def _mysql(dump: Dump) -> Server:
    return _hosted(dump, dump.find, dump.names())


_MAKERS: dict[str, Callable[[Dump], Server]] = {"sqlite": _kept, "mysql": _mysql}


def known(server: str) -> str:
    """The name, if there is such a server.

    Raises:
        UnknownName: there is none.
    """
    if server not in _MAKERS:
        raise UnknownName("server", server, _MAKERS)
    return server


def serve(server: str, dump: Dump) -> Server:
    """The server of that name over a dump's databases; it is started at the first `open`, and closed by the caller."""
    return _MAKERS[server](dump)


def alone(server: str, database: Database) -> Server:
    """The server of that name over one database that no dump has and no other world shares."""
    if server == "sqlite":
        from .embedded import Embedded

        return Embedded(lambda name: database if name == database.name else None, [database.name])
    return _hosted("alone", lambda name: database if name == database.name else None, [])
