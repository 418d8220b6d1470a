"""The store: append-only JSON lines, one whole episode a line, safe against kill, torn lines and a full disk."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from .errors import DataError, Fault, UsageError
from .record import Episode

T = TypeVar("T")


def read_lines(path: Path, kind: type[T]) -> Iterator[T]:
    """Decode a JSON-lines file into `kind`, one value a line; a torn last line (no newline) is left out.

    Raises:
        DataError: the file is missing, or a whole line is not a `kind`: file, line number, field.
    """
    decoder = msgspec.json.Decoder(kind)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror}); expected JSON lines") from error
    with stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return
            if line.isspace():
                continue
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DataError(path, f"not an {kind.__name__}: {error}", record=number) from error


def read_episodes(path: str | os.PathLike[str]) -> Iterator[Episode]:
    """The episodes of a run folder (its `episodes.jsonl`) or of one JSON-lines file, in stored order."""
    place = Path(path)
    if place.is_dir():
        place /= "episodes.jsonl"
    yield from read_lines(place, Episode)


class Store:
    """Appends whole lines to one file that it holds locked; a line is on the disk's side before `append` returns.

    Opening repairs what a killed run left: bytes after the last newline are moved to `<name>.torn`. A write
    that fails half-way (a full disk) is taken back, so the file always ends at a whole line.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open or create `path` for appending.

        Raises:
            UsageError: another process is writing to it.
        """
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise UsageError(f"{self.path} is being written by another process; wait for it or stop it") from error
        self._encoder = msgspec.json.Encoder()
        self._end = self._repair()

    def _repair(self) -> int:
        size = os.fstat(self._file).st_size
        end = size
        while end > 0:
            start = max(0, end - 65536)
            newline = os.pread(self._file, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            with self.path.with_name(self.path.name + ".torn").open("ab") as torn:
                torn.write(os.pread(self._file, size - end, end) + b"\n")
            os.ftruncate(self._file, end)
        return end

    def append(self, record: msgspec.Struct) -> None:
        """Write one record as one line.

        Raises:
            Fault: the disk refused it (boundary "env"); nothing of the line stays behind.
        """
        data = self._encoder.encode(record) + b"\n"
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._end + written)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise Fault("env", f"{self.path} cannot be written: {error.strerror}") from error
        self._end += len(data)

    def close(self) -> None:
        """Release the file and its lock."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Store:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close on leaving."""
        self.close()
