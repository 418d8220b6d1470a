"""Unpacking an archive that others wrote: plain files only, and none outside the folder."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..trajectories.errors import DataError


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar (plain, gz, bz2, xz) into `folder`; a file that is there is replaced.

    Raises:
        DataError: it is neither, is torn, or holds a path outside the folder, a link or a device.
    """
    root = folder.resolve()
    try:
        for name, content in _members(archive):
            target = (root / name).resolve()
            if not target.is_relative_to(root) or target == root:
                raise DataError(archive, "its path leads out of the folder; nothing of it is trusted", record=name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with content, target.open("wb") as file:
                shutil.copyfileobj(content, file)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(archive, f"cannot be unpacked: {error}") from error


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Names and contents of the plain files; folders are left out, as files bring them."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.infolist():
                if not entry.is_dir():
                    yield entry.filename, packed.open(entry)
        return
    with tarfile.open(archive) as bundle:
        for member in bundle:
            if member.isdir():
                continue
            content = bundle.extractfile(member) if member.isfile() else None
            if content is None:
                raise DataError(archive, "a link or a device, not a plain file; refused", record=member.name)
            yield member.name, content
