"""Fetching a world's official data: resumed after a cut, refused on a wrong digest, complete or not there at all."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..trajectories.errors import DataError, Fault, UsageError
from .core import EnvSpec
from .data import Archive, Source, cache_root, locate, read_json
from .unpack import unpack

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes that are here, and those that it will have (None: the server does not say)."""

BLOCK = 1 << 18
_HEADERS = {"User-Agent": "AgentBank/0.1 (Python urllib)", "Accept-Encoding": "identity"}


class Check(NamedTuple):
    """One file as `verify` found it; `expected` is None where no digest is known, `found` where the file is missing."""

    file: Path
    ok: bool
    expected: str | None
    found: str | None


class _Torn(Exception):
    """The answer ended early; what came is kept."""


def where(spec: EnvSpec, data: str | os.PathLike[str] | None = None) -> Source:
    """Which data `make` would use now: a folder, the environment's, the cache's, or the bundled sample.

    Raises:
        DataError: `data` is not a folder.
    """
    return locate(spec.id, data)


def folder_of(spec: EnvSpec) -> Path:
    """Where the fetched data of a world lies, or will."""
    return cache_root() / "data" / spec.id


def fetch(
    spec: EnvSpec,
    *,
    mirror: str | None = None,
    progress: Progress | None = None,
    tries: int = 5,
    wait: float = 1.0,
    timeout: float = 60.0,
) -> Path:
    """Bring all archives of a world into the cache; what is there and right is not fetched again.

    Args:
        spec: the world.
        mirror: base address that takes the place of each official ``https://host``; default ``$AGENTBANK_MIRROR``.
        progress: told of each block.
        tries: how often a file is asked for, as long as the answers are cut or the server is in trouble.
        wait: seconds before the second try, doubled each time.
        timeout: seconds that the server may be silent.

    Returns:
        The folder, in the official layout; ``COMPLETE`` in it was written last.

    Raises:
        UsageError: the world has nothing to fetch.
        DataError: a file is not what was pinned (or fetched first), an HTML page came in its place, or an archive
            cannot be unpacked safely. Nothing wrong is kept.
        Fault: the server cannot be reached or keeps failing. What came so far is kept and resumed next time.
    """
    if not spec.archives:
        raise UsageError(f"{spec.id} has no official download; its page in docs/worlds says where its tasks come from")
    mirror = mirror or os.environ.get("AGENTBANK_MIRROR") or None
    folder = folder_of(spec)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / ".lock"):
        if (folder / "COMPLETE").is_file() and all(each.ok for each in verify(spec)):
            return folder
        (folder / "COMPLETE").unlink(missing_ok=True)
        for archive in spec.archives:
            path = folder / archive.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not _right(spec, archive, path):
                address = _address(archive.url, mirror)
                _download(address, path, progress, tries, wait, timeout)
                _accept(spec, archive, address, path)
            if archive.unpack:
                unpack(path, folder)
        _write(folder / "COMPLETE", {archive.name: _known(spec, archive) for archive in spec.archives})
    return folder


def verify(spec: EnvSpec) -> list[Check]:
    """Hash every archive in the cache and compare: with the pinned digest, else with that of the first fetch."""
    checks: list[Check] = []
    for archive in spec.archives:
        path, expected = folder_of(spec) / archive.name, _known(spec, archive)
        found = sha256(path) if path.is_file() else None
        checks.append(Check(path, found is not None and found == expected, expected, found))
    return checks


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _address(url: str, mirror: str | None) -> str:
    """The mirror's base in the place of scheme and host."""
    if mirror is None:
        return url
    parts = urllib.parse.urlsplit(url)
    return mirror.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")


# --- digests ----------------------------------------------------------------------------------------------------------


def _record(spec: EnvSpec) -> Path:
    """The digests of first fetches; beside the data, so that they outlive a deleted folder."""
    return cache_root() / "digests" / f"{spec.id}.json"


def _known(spec: EnvSpec, archive: Archive) -> str | None:
    if archive.sha256 is not None:
        return archive.sha256
    path = _record(spec)
    return read_json(path).get(archive.name) if path.is_file() else None


def _right(spec: EnvSpec, archive: Archive, path: Path) -> bool:
    return path.is_file() and sha256(path) == _known(spec, archive)


def _accept(spec: EnvSpec, archive: Archive, address: str, path: Path) -> None:
    """Let the whole ``.part`` file become the file, if its digest is right; else delete it."""
    part = _part(path)
    found, expected = sha256(part), _known(spec, archive)
    if expected is None:
        record = _record(spec)
        record.parent.mkdir(parents=True, exist_ok=True)
        _write(record, (read_json(record) if record.is_file() else {}) | {archive.name: found})
    elif found != expected:
        part.unlink()
        source = "pinned" if archive.sha256 is not None else f"that of the first fetch, in {_record(spec)}"
        raise DataError(path, f"{address} has SHA-256 {found}, expected {expected} ({source}); it was not kept")
    part.replace(path)
    _tag(path).unlink(missing_ok=True)


# --- one file ---------------------------------------------------------------------------------------------------------


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _tag(path: Path) -> Path:
    """What the server called the version that the ``.part`` is of; without it, two versions could be glued together."""
    return path.with_name(path.name + ".tag")


def _download(address: str, path: Path, progress: Progress | None, tries: int, wait: float, timeout: float) -> None:
    """Complete the ``.part`` file, over as many connections as it takes (at most `tries` without any progress)."""
    problem: Exception | None = None
    number, before = 0, -1
    while number < tries:
        if number:
            time.sleep(wait * 2 ** (number - 1))
        try:
            return _continue(address, path, progress, timeout)
        except urllib.error.HTTPError as error:
            error.close()
            problem = error
            if error.code < 500 and error.code not in (408, 416, 429):
                break
        except (OSError, http.client.HTTPException, _Torn) as error:
            problem = error
        here = _size(_part(path))
        number, before = (1 if here > before >= 0 else number + 1), here
    raise Fault("env", f"{address}: {problem}; {_size(_part(path))} bytes are kept, fetch again to go on") from problem


def _continue(address: str, path: Path, progress: Progress | None, timeout: float) -> None:
    """Ask once for what is missing and append it.

    Raises:
        _Torn: less came than was announced.
    """
    part, tag = _part(path), _tag(path)
    have = _size(part)
    version = tag.read_text() if tag.is_file() else ""
    headers = dict(_HEADERS)
    if have and version:
        headers |= {"Range": f"bytes={have}-", "If-Range": version}
    try:
        reply = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            if error.headers.get("Content-Range") == f"bytes */{have}":
                error.close()
                return  # it was all here: we ended between the last byte and the digest
            part.unlink(missing_ok=True)
            tag.unlink(missing_ok=True)
        raise
    with reply:
        if "html" in reply.headers.get_content_type() and path.suffix not in (".html", ".htm"):
            raise DataError(path, f"{address} answers with an HTML page, not with the file; is the address right?")
        resumed = reply.status == 206 and reply.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        tag.write_text(_version(reply.headers))
        length = reply.headers.get("Content-Length")
        total = have + int(length) if length is not None and length.isdigit() else None
        with part.open("ab" if resumed else "wb") as file:
            while block := reply.read(BLOCK):
                file.write(block)
                have += len(block)
                if progress is not None:
                    progress(path.name, have, total)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and have != total:
        raise _Torn(f"the connection was cut after {have} of {total} bytes")


def _version(headers: Any) -> str:
    """What If-Range may name: a strong ETag, else the date; empty where there is neither: then a cut starts over."""
    etag = headers.get("ETag", "")
    return str(etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", ""))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _write(path: Path, content: Any) -> None:
    """Write JSON at one stroke: a reader sees all of it or nothing."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    fresh.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let two fetches of one world come after each other."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
