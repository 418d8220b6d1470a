"""A folder or a tar file as the bytes of one tar archive, for laying over a sandbox's root."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from ...trajectories.errors import DataError


def pack(source: Path) -> bytes:
    """The tar archive of a folder's content (links kept as links, owners dropped), or a tar file's own bytes.

    Raises:
        DataError: neither a folder nor a readable tar file.
    """
    if source.is_dir():
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for each in sorted(source.iterdir()):
                archive.add(each, each.name, filter=_unowned)
        return buffer.getvalue()
    try:
        with tarfile.open(source):
            return source.read_bytes()
    except (OSError, tarfile.TarError) as error:
        raise DataError(source, f"expected a folder or a tar file: {error}") from error


def _unowned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
