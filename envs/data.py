"""Where a world's data lies: a folder given, the environment, the cache, or the bundled sample."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..trajectories.errors import DataError

SourceKind = Literal["folder", "environment", "cache", "sample"]


@dataclass(frozen=True, slots=True)
class Archive:
    """One official download. `sha256` None: upstream publishes none; the first fetch records it, later ones compare."""

    url: str
    name: str
    """File name below the world's cache folder."""
    sha256: str | None = None
    unpack: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A world's data: which kind it is and, unless it is the bundled sample, the folder."""

    kind: SourceKind
    path: Path | None = None

    def __str__(self) -> str:
        """For messages."""
        return str(self.path) if self.path else "the bundled sample"


def cache_root() -> Path:
    """``$AGENTBANK_CACHE``, else ``$XDG_CACHE_HOME/agentbank``, else ``~/.cache/agentbank``."""
    named = os.environ.get("AGENTBANK_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agentbank"


def locate(env: str, data: str | os.PathLike[str] | None = None) -> Source:
    """Find the data of `env`: `data`, else ``$AGENTBANK_DATA/<env>``, else the cache, else the bundled sample.

    ``data="sample"`` asks for the bundled sample whatever else is there.

    Raises:
        DataError: `data` is not a folder.
    """
    if data is not None and str(data) == "sample":
        return Source("sample")
    if data is not None:
        folder = Path(data)
        if not folder.is_dir():
            raise DataError(folder, f"no such folder; expected the official layout of {env}'s data")
        return Source("folder", folder)
    root = os.environ.get("AGENTBANK_DATA")
    if root and (Path(root) / env).is_dir():
        return Source("environment", Path(root) / env)
    cached = cache_root() / "data" / env
    if (cached / "COMPLETE").is_file():
        return Source("cache", cached)
    return Source("sample")


def read_text(path: Path) -> str:
    """A whole UTF-8 file.

    Raises:
        DataError: missing, unreadable, or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(path, f"not UTF-8 at byte {error.start}") from error
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from error


def read_json(path: Path) -> Any:
    """A whole JSON file.

    Raises:
        DataError: missing, not UTF-8, or not JSON (line and column named).
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(path, f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from error


def read_jsonl(path: Path) -> Iterator[tuple[int, Any]]:
    """The lines of a JSON-lines file with their numbers, empty ones left out.

    Raises:
        DataError: missing, not UTF-8, or a line is not JSON.
    """
    # Not str.splitlines(): U+2028 and its like are legal inside a JSON string.
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(path, f"not JSON: {error.msg}", record=number) from error


def field(record: Any, name: str, kind: type | tuple[type, ...], path: Path, where: int | str) -> Any:
    """One field of one record, checked.

    Raises:
        DataError: the record is no mapping, the field is missing, or it is of another type.
    """
    if not isinstance(record, dict):
        raise DataError(path, f"expected an object, found {type(record).__name__}", record=where)
    if name not in record:
        raise DataError(path, f"missing; the record has {sorted(record)[:12]}", record=where, field=name)
    value = record[name]
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(each.__name__ for each in kinds)
        raise DataError(path, f"expected {wanted}, found {type(value).__name__}", record=where, field=name)
    return value
