"""Chooses a server for a dump, and keeps one a process and dump."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ....trajectories.errors import UnknownName
from .answer import Server
from .dump import Dump

SERVERS = ("sqlite", "mysql")


@lru_cache(maxsize=8)
def _embedded(dump: Dump) -> Server:
    from .embedded import Embedded

    return Embedded(lambda name: dump.database(name) if name.lower() in dump.parts else None, dump.names())


def _mysql(dump: Dump) -> Server:
    from .mariadb import hosted

    return hosted(dump)


_MAKERS: dict[str, Callable[[Dump], Server]] = {"sqlite": _embedded, "mysql": _mysql}


def known(server: str) -> str:
    """The name, if there is such a server.

    Raises:
        UnknownName: there is none.
    """
    if server not in _MAKERS:
        raise UnknownName("server", server, SERVERS)
    return server


def serve(server: str, dump: Dump) -> Server:
    """The server of that name over a dump's databases; it is started at the first `open`.

    Raises:
        UnknownName: no such server.
        MissingPart: MariaDB or pymysql is not installed.
    """
    return _MAKERS[known(server)](dump)
