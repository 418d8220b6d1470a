"""RoomR's records: one room, where each thing lies before and after, and how far each door is open.

Paper: Weihs et al. 2021, "Visual Room Rearrangement" (arXiv 2103.16544). Data:
https://github.com/allenai/ai2thor-rearrangement, ``data/<edition>/<split>.pkl.gz``: a gzipped pickle of plain dicts,
``{scene: [record, ...]}``. One record, shaped like the real ones (made up by us)::

    {"agent_position": {"x": 0.5, "y": 0.9, "z": -1.25}, "agent_rotation": 90, "object_rearrangement_count": 1,
     "openable_data": [{"name": "Drawer_1a2b", "objectName": "Drawer_1a2b", "objectId": "Drawer|+00.41|+00.38|+01.22",
                        "start_openness": 0.55, "target_openness": 0.86}],
     "starting_poses": [{"name": "Mug_77aa", "objectName": "Mug_77aa",
                         "position": {"x": 1.0, "y": 0.8, "z": 2.5}, "rotation": {"x": 0.0, "y": 90.0, "z": 0.0}}],
     "target_poses": [...], "position_diff_count": 0, "open_diff_count": 1, "pose_diff_energy": 1.0}
"""

from __future__ import annotations

import gzip
import io
import math
import pickle
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ....trajectories.errors import DataError
from ...data import field, read_json

Point = tuple[float, float, float]
"""Metres: x, height y, z."""

OUTSIDE = 10.0
"""Metres. A thing lower or higher than this has fallen out of the simulator's room: no text can restore it."""

LARGEST = 1 << 30
"""Bytes that one file may unpack to; the largest official one has about 60 MB."""

EDITIONS = ("2023", "2022", "2021")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that can be carried: where it lies in the shuffled room and where it belongs."""

    name: str
    start: Point
    goal: Point


@dataclass(frozen=True, slots=True)
class Hinge:
    """Something that opens: its share of openness (0..1) in the shuffled room and as it should be."""

    id: str
    start: float
    goal: float


@dataclass(frozen=True, slots=True)
class Record:
    """One record, read. `fallen` names the things whose pose lies outside the room; they are left out of it."""

    things: tuple[Thing, ...]
    hinges: tuple[Hinge, ...]
    fallen: tuple[str, ...]
    moved: int
    """Upstream's `position_diff_count`."""
    turned: int
    """Upstream's `open_diff_count`."""
    energy: float
    """Upstream's `pose_diff_energy`."""


class PlainUnpickler(pickle.Unpickler):
    """Reads numbers, strings, lists and dicts; whatever asks for a class or a function is refused."""

    def __init__(self, stream: io.BytesIO, path: Path) -> None:
        """Remember the path for the error."""
        super().__init__(stream)
        self.path = path

    def find_class(self, module: str, name: str, /) -> NoReturn:
        """Refuse every global: a pickle that names one can run code."""
        raise DataError(self.path, f"the pickle asks for {module}.{name}; only plain data is read")

    def persistent_load(self, pid: Any, /) -> NoReturn:
        """Refuse references to the outside."""
        raise DataError(self.path, "the pickle refers to an object outside itself; only plain data is read")


def unpickle(path: Path) -> Any:
    """Read a gzipped pickle of plain data.

    Raises:
        DataError: missing, not gzip, torn, larger than `LARGEST`, or asking for anything but plain data.
    """
    try:
        with gzip.open(path) as stream:
            raw = stream.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(path, f"cannot be read as gzip: {error}") from error
    if len(raw) > LARGEST:
        raise DataError(path, f"unpacks to more than {LARGEST} bytes")
    try:
        return PlainUnpickler(io.BytesIO(raw), path).load()
    except DataError:
        raise
    # What a torn pickle raises is open ended (the pickle module's own words), so the whole kind is caught and named.
    except Exception as error:
        raise DataError(path, f"not a pickle of plain data: {type(error).__name__}: {error}") from error


def split_file(folder: Path, edition: str, split: str) -> Path:
    """The file of a split: ``data/<edition>/<split>.pkl.gz``, or the same without its parents, or as JSON.

    Raises:
        DataError: none of them is there.
    """
    names = (
        f"data/{edition}/{split}.pkl.gz",
        f"{edition}/{split}.pkl.gz",
        f"{split}.pkl.gz",
        f"{split}.json",
        f"{split}_{edition}_first_per_scene.json",
    )
    for name in names:
        if (folder / name).is_file():
            return folder / name
    there = sorted(str(each.relative_to(folder)) for each in folder.glob("**/*.pkl.gz"))[:6]
    raise DataError(folder / names[0], f"no such file for split {split!r}; here are {there or 'no .pkl.gz files'}")


def read_split(path: Path) -> dict[str, list[Any]]:
    """``{scene: [raw record, ...]}`` of a split's file (``{scene: record}`` in JSON is taken as lists of one).

    Raises:
        DataError: the file cannot be read, or is of another layout.
    """
    content = read_json(path) if path.suffix == ".json" else unpickle(path)
    if not isinstance(content, dict) or not all(isinstance(scene, str) for scene in content):
        raise DataError(path, f"expected {{scene: [record, ...]}}, found {type(content).__name__}")
    scenes = {scene: [records] if isinstance(records, dict) else records for scene, records in content.items()}
    for scene, records in scenes.items():
        if not isinstance(records, list):
            raise DataError(path, f"expected a list of records, found {type(records).__name__}", record=scene)
    return scenes


def parse(raw: Any, path: Path, where: str) -> Record:
    """One record, checked field by field; `where` (scene/number) names it in errors.

    Raises:
        DataError: a field is missing, of another type, not finite, or the two sets of poses name different things.
    """
    goals = _poses(raw, "target_poses", path, where)
    starts = _poses(raw, "starting_poses", path, where)
    if set(goals) != set(starts):
        odd = sorted(set(goals) ^ set(starts))[:3]
        raise DataError(path, f"not the same things as in starting_poses: {odd}", record=where, field="target_poses")
    fallen = tuple(name for name in sorted(goals) if max(abs(goals[name][1]), abs(starts[name][1])) > OUTSIDE)
    things = tuple(Thing(name, starts[name], goals[name]) for name in sorted(goals) if name not in fallen)
    hinges = []
    for row in field(raw, "openable_data", list, path, where):
        shares = [_number(row, each, path, where) for each in ("start_openness", "target_openness")]
        if not all(0 <= share <= 1 for share in shares):
            raise DataError(path, f"openness is a share in 0..1, found {shares}", record=where, field="openable_data")
        hinges.append(Hinge(field(row, "objectId", str, path, where), *shares))
    counts = [field(raw, each, int, path, where) for each in ("position_diff_count", "open_diff_count")]
    return Record(things, tuple(hinges), fallen, counts[0], counts[1], _number(raw, "pose_diff_energy", path, where))


def _poses(raw: Any, name: str, path: Path, where: str) -> dict[str, Point]:
    poses: dict[str, Point] = {}
    for row in field(raw, name, list, path, where):
        spot = field(row, "position", dict, path, where)
        x, y, z = (_number(spot, axis, path, where) for axis in "xyz")
        poses[field(row, "name", str, path, where)] = (x, y, z)
    return poses


def _number(raw: Any, name: str, path: Path, where: str) -> float:
    value = field(raw, name, (int, float), path, where)
    if not math.isfinite(value):
        raise DataError(path, f"expected a finite number, found {value}", record=where, field=name)
    return float(value)
