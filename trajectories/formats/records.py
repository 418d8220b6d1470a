"""Raw records, one at a time, out of JSON lists, JSON lines (whatever the name), keyed JSON objects and Parquet."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from ..errors import DataError, MissingPart


class Record(NamedTuple):
    """One raw record and where it stands, so that an error can name it."""

    path: Path
    where: str
    value: Any

    def wrong(self, problem: str, field: str | None = None) -> DataError:
        """The error that names file, record and field."""
        return DataError(self.path, problem, record=self.where, field=field)


def records(path: Path) -> Iterator[Record]:
    """The records of one file, in order; the file is mapped, not loaded, and records are decoded one by one.

    A JSON list gives its items, a file of one value a line gives its lines, an object whose values are all objects
    gives these by their keys, any other object is one record.

    Raises:
        DataError: the file is missing, empty, not UTF-8 or not JSON: file, and line or record.
    """
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror}); expected JSON or JSON lines") from error
    with stream:
        if not stream.read(1):
            raise DataError(path, "is empty; expected JSON or JSON lines")
        stream.seek(0)
        start = 3 if stream.read(3) == b"\xef\xbb\xbf" else 0
        stream.seek(start)
        if _is_lines(path, stream):
            stream.seek(start)
            yield from _lines(path, stream)
            return
        # Never closed by hand: records (and errors that show them) are views into it; the last of them lets it go.
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    yield from _whole(path, data, start)


def _is_lines(path: Path, stream: BinaryIO) -> bool:
    first = b""
    for line in stream:
        if line.strip():
            if first:
                return True
            first = line.strip()
            try:
                msgspec.json.decode(first, type=msgspec.Raw)
            except msgspec.DecodeError:
                return first.startswith(b"{") and first.endswith(b"}")
    return path.suffix == ".jsonl" and first.startswith(b"{")


def _lines(path: Path, stream: BinaryIO) -> Iterator[Record]:
    decoder = msgspec.json.Decoder()
    for number, line in enumerate(stream, 1):
        if line.strip():
            try:
                value = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DataError(path, f"not JSON: {error}", record=f"line {number}") from error
            yield Record(path, f"line {number}", value)


def _whole(path: Path, data: mmap.mmap, start: int) -> Iterator[Record]:
    view = memoryview(data)[start:]
    shape: Any = list[msgspec.Raw] if bytes(view[:4096]).lstrip()[:1] == b"[" else dict[str, msgspec.Raw]
    try:
        items = msgspec.json.decode(view, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(path, f"not JSON: {error}", record=_line_of(data, error)) from error
    yield from _keyed(path, items) if isinstance(items, dict) else _listed(path, items)


def _listed(path: Path, items: list[msgspec.Raw]) -> Iterator[Record]:
    for number, raw in enumerate(items):
        yield Record(path, f"{number}", _decoded(path, f"{number}", raw))


def _keyed(path: Path, items: dict[str, msgspec.Raw]) -> Iterator[Record]:
    if items and all(bytes(memoryview(raw)[:1]) == b"{" for raw in items.values()):
        for key, raw in items.items():
            yield Record(path, key, _decoded(path, key, raw))
        return
    yield Record(path, "0", {key: _decoded(path, "0", raw) for key, raw in items.items()})


def _decoded(path: Path, where: str, raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(path, f"not JSON: {error}", record=where) from error


def _line_of(data: mmap.mmap, error: Exception) -> str | None:
    digits = str(error).rpartition("(byte ")[2].rstrip(")")
    if not digits.isdigit():
        return None
    before = data[: int(digits)].count(b"\n")
    return f"line {before + 1}"


def _parquet(path: Path) -> Iterator[Record]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingPart("Parquet files need pyarrow: pip install 'agentbank[train]'") from error
    try:
        table = parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(path, f"cannot be read as Parquet: {error}") from error
    with table:
        number = 0
        for batch in table.iter_batches(batch_size=256):
            for value in batch.to_pylist():
                yield Record(path, f"{number}", value)
                number += 1
