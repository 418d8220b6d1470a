"""Where training text comes from: run folders, files of any format, and data sets of the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ..trajectories.errors import DataError, MissingPart, UsageError
from ..trajectories.formats import Conversation, read
from ..trajectories.formats.records import Record
from ..trajectories.formats.registry import format_named, sniff

_HUB = re.compile(r"hf:(?P<name>[^#@]+)(?:@(?P<config>[^#]+))?(?:#(?P<split>.+))?")


class Part(NamedTuple):
    """One part of a mixture as it is named: what `load` takes, and its weight."""

    source: str
    weight: float = 1.0


def parse_parts(words: list[str]) -> list[Part]:
    """``runs/annotated=0.8 general.jsonl=0.1`` as parts; without a number a part weighs 1.

    Raises:
        UsageError: nothing named, a source named twice, a weight that is not positive.
    """
    parts: list[Part] = []
    for word in words:
        source, equals, number = word.rpartition("=")
        try:
            part = Part(source, float(number)) if equals else Part(word)
        except ValueError:
            part = Part(word)
        if not part.source or not 0 < part.weight < float("inf"):
            raise UsageError(f"{word!r}: expected SOURCE=WEIGHT with a positive weight, such as runs/annotated=0.8")
        if part.source in [each.source for each in parts]:
            raise UsageError(f"{part.source!r} is named twice; give it one weight")
        parts.append(part)
    if not parts:
        raise UsageError("no data named; expected SOURCE=WEIGHT, such as runs/annotated=0.8 general.jsonl=0.2")
    return parts


def load(source: str, *, format: str | None = None, thoughts: bool = True) -> Iterator[Conversation]:
    """The conversations of a run folder, a file, a folder of files, or ``hf:NAME[@CONFIG][#SPLIT]``, as a stream.

    A hub set without a split gives its `train`, or, where it has none (AgentInstruct has one split a world), all of
    them. Rows of a registered world are marked with its skill.

    Raises:
        DataError: a malformed record, named by file or set, record and field; a set that cannot be loaded.
        MissingPart: `hf:` without the `datasets` package.
    """
    hub = _HUB.fullmatch(source)
    skills = _skills()
    for row in _hub(source, format=format, **hub.groupdict()) if hub else read(source, format, thoughts=thoughts):
        skill = skills.get(row.world)
        known = skill is None or "skill" in row.meta
        yield row if known else msgspec.structs.replace(row, meta={**row.meta, "skill": skill})


def _skills() -> dict[str, str]:
    from ..envs.registry import specs

    return {name: spec.skill for name, spec in specs().items()}


def _hub(
    source: str, *, name: str, config: str | None, split: str | None, format: str | None
) -> Iterator[Conversation]:
    try:
        import datasets
    except ImportError as error:
        raise MissingPart("hub data sets need the datasets package: pip install 'agentbank[train]'") from error
    place = str(Path(name).expanduser()) if name.startswith("~") else name
    try:
        found = datasets.load_dataset(place, config, split=split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError(source, f"cannot be loaded: {error}") from error
    if isinstance(found, datasets.DatasetDict):
        found = {"train": found["train"]} if "train" in found else dict(found)
    else:
        found = {split or "": found}
    kind = format_named(format) if format is not None else None
    for part, rows in found.items():
        path = Path(name).name + (f".{part}" if part else "")
        for number, value in enumerate(rows):
            said = {key: _plain(each) for key, each in value.items() if each is not None}
            record = Record(Path(path), str(number), said)
            kind = kind or sniff(record)
            yield kind.read(record)


def _plain(value: Any) -> Any:
    """A column of turns as a list of objects: `datasets` may keep it as an object of equally long lists."""
    if not isinstance(value, dict) or not all(isinstance(each, list) for each in value.values()):
        return value
    if len({len(each) for each in value.values()}) != 1:
        return value
    return [dict(zip(value, each, strict=True)) for each in zip(*value.values(), strict=True)]
