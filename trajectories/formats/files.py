"""Files in and out: read any format as a stream, import into a run folder, export from one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ..errors import DataError, Fault, UsageError
from ..record import Episode
from ..store import Store
from .conversation import Conversation, from_episode, to_episode
from .records import Record, records
from .registry import EPISODES, Format, format_named, sniff

Location = str | os.PathLike[str]
_ENDINGS = (".json", ".jsonl", ".parquet")


def read(path: Location, format: str | None = None, *, thoughts: bool = True) -> Iterator[Conversation]:
    """The conversations of a file, a run folder or a folder of files, as a stream.

    Args:
        path: JSON, JSON lines or Parquet; a folder is read by its `episodes.jsonl`, else file by file in the order of
            names.
        format: a name of `FORMATS`; None finds it out from each file's first record.
        thoughts: whether episodes come with the agent's thoughts or as actions alone.

    Raises:
        UnknownName: no such format.
        DataError: a malformed record, named by file, line or record, and field; or a file without any.
    """
    known = format_named(format) if format is not None else None
    for record, kind in _records(Path(path), known):
        if kind is EPISODES:
            yield from_episode(EPISODES.episode(record), thoughts=thoughts)
        else:
            yield kind.read(record)


def _records(path: Path, known: Format | None) -> Iterator[tuple[Record, Format]]:
    for file in _files(path):
        kind = known
        for record in records(file):
            if kind is None:
                beside = _index(record)
                if beside is not None:
                    for each in beside:
                        yield from _records(each, None)
                    return
                kind = sniff(record)
            yield record, kind
        if kind is None:
            raise DataError(file, "holds no record")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    if (path / "episodes.jsonl").exists():
        return [path / "episodes.jsonl"]
    found = sorted(each for each in path.iterdir() if each.suffix in _ENDINGS)
    if not found:
        raise DataError(path, "holds no episodes.jsonl and no .json, .jsonl or .parquet file")
    return found


def _index(record: Record) -> list[Path] | None:
    """The files beside an index of data sets (LLaMA-Factory's) that it lists; None for another record."""
    if not isinstance(record.value, dict) or record.path.name != "dataset_info.json":
        return None
    listed = msgspec.json.decode(record.path.read_bytes(), type=dict[str, dict[str, Any]])
    names = (entry.get("file_name") for entry in listed.values())
    return [
        record.path.parent / name for name in names if isinstance(name, str) and (record.path.parent / name).is_file()
    ]


def import_(path: Location, out: Location, format: str | None = None, *, env: str | None = None) -> int:
    """Read conversations and append them to `out` (a run folder) as episodes.

    Args:
        path: what `read` takes.
        out: the run folder; its `episodes.jsonl` is created or appended to.
        format: a name of `FORMATS`, or None to find out.
        env: the world that the rows are of, where they do not say so themselves.

    Returns:
        How many episodes were written.

    Raises:
        DataError: a malformed record; what came before it is written.
    """
    count = 0
    known = format_named(format) if format is not None else None
    with Store(Path(out) / "episodes.jsonl") as store:
        for record, kind in _records(Path(path), known):
            try:
                episode = EPISODES.episode(record) if kind is EPISODES else to_episode(kind.read(record), env=env)
            except (KeyError, TypeError, msgspec.ValidationError) as error:
                raise record.wrong(f"what it says of its episode cannot be read: {error!r}", "episode") from error
            store.append(episode)
            count += 1
    return count


def export(
    source: Location | Iterable[Episode | Conversation],
    format: str,
    out: Location,
    *,
    thoughts: bool = True,
    only_success: bool = False,
) -> int:
    """Write episodes or conversations to a file in `format`.

    Args:
        source: a run folder, a file of any format, or episodes and conversations themselves.
        format: a name of `FORMATS`.
        out: the file; `.json` becomes one JSON list, anything else JSON lines. It appears whole or not at all.
        thoughts: whether episodes are written with the agent's thoughts, or with actions alone.
        only_success: leave out episodes that did not succeed.

    Returns:
        How many records were written.

    Raises:
        UnknownName: no such format.
        UsageError: nothing was left to write, or a conversation that the format cannot hold.
        DataError: a malformed record in `source`.
        Fault: the disk refused the file (boundary "env").
    """
    kind, place = format_named(format), Path(out)
    as_list = place.suffix == ".json"
    draft = place.with_name(place.name + ".part")
    encoder = msgspec.json.Encoder()
    count = 0
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            stream.write(b"[" if as_list else b"")
            for row in _rows(source, kind, thoughts, only_success):
                stream.write((b",\n" if as_list and count else b"") + encoder.encode(row) + (b"" if as_list else b"\n"))
                count += 1
            stream.write(b"]\n" if as_list else b"")
        if not count:
            what = "no successful episode" if only_success else "nothing"
            raise UsageError(f"{source if isinstance(source, str | Path) else 'the source'} holds {what} to export")
        draft.replace(place)
    except OSError as error:
        raise Fault("env", f"{place} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return count


def _rows(
    source: Location | Iterable[Episode | Conversation], kind: Format, thoughts: bool, only_success: bool
) -> Iterator[Episode | dict[str, Any]]:
    for each in _items(source):
        success = each.outcome.success if isinstance(each, Episode) else bool(each.meta.get("success"))
        if only_success and not success:
            continue
        if isinstance(each, Episode) and kind is EPISODES and thoughts:
            yield each
        elif isinstance(each, Episode):
            yield kind.write(from_episode(each, thoughts=thoughts))
        else:
            yield kind.write(each)


def _items(source: Location | Iterable[Episode | Conversation]) -> Iterator[Episode | Conversation]:
    if not isinstance(source, str | os.PathLike):
        yield from source
        return
    for record, kind in _records(Path(source), None):
        yield EPISODES.episode(record) if kind is EPISODES else kind.read(record)
