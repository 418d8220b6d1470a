"""The official `json_2.1.1` tree: which games of a split are played, and why the others are not.

A game is a folder ``<split>/<type>-<object>-<movable>-<receptacle>-<scene>/<trial>/`` with `game.tw-pddl` (JSON:
pddl_domain, grammar, pddl_problem, solvable) and `traj_data.json` (task_type and more). The rules are those of
`AlfredTWEnv.collect_game_files` (alfworld 0.4): solvable, of the six types, nothing sliced, no movable containers.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from ....trajectories.errors import DataError
from .pddl import Malformed, read_domain

TASK_TYPES = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)
FOLDERS = {"train": "train", "valid_seen": "valid_seen", "valid_unseen": "valid_unseen", "test": "valid_unseen"}
_USED = re.compile(r"\(\s*([^\s()?:]+)")
_LOGICAL = frozenset({"define", "problem", "and", "or", "not", "imply", "exists", "forall", "="})


Kind = TypeVar("Kind", bound=msgspec.Struct)


class _Game(msgspec.Struct):
    pddl_domain: str
    grammar: str
    pddl_problem: str
    solvable: bool | None = None


class _Trajectory(msgspec.Struct):
    task_type: str


class Listed(NamedTuple):
    """A game that is played: its name below the split's folder, the file, and a digest of the file."""

    name: str
    path: Path
    digest: str


class Skipped(NamedTuple):
    """A game that is not played, and why; `broken` where the files are at fault and not upstream's rules."""

    name: str
    path: Path
    reason: str
    broken: bool


class Listing(NamedTuple):
    """A split as it lies on disk."""

    games: tuple[Listed, ...]
    skipped: tuple[Skipped, ...]


_locks = threading.Lock()


def listing(root: Path, split: str) -> Listing:
    """The games of a split (``train``, ``valid_seen``, ``test``) below `root`, ordered by path; read once a process.

    Args:
        root: `json_2.1.1` itself, or the folder that holds it.
        split: ``test`` is upstream's `valid_unseen`.

    Raises:
        DataError: there is no folder of that split.
    """
    below = root / "json_2.1.1"
    folder = (below if below.is_dir() else root) / FOLDERS[split]
    if not folder.is_dir():
        raise DataError(folder, "no such folder; expected ALFWorld's json_2.1.1 with train, valid_seen, valid_unseen")
    with _locks:
        return _listing(folder)


@lru_cache(maxsize=32)
def _listing(folder: Path) -> Listing:
    games: list[Listed] = []
    skipped: list[Skipped] = []
    for at in sorted(_folders(folder)):
        name, path = at.relative_to(folder).as_posix(), at / "game.tw-pddl"
        try:
            reason = _unplayed(at)
        except DataError as error:
            skipped.append(Skipped(name, path, str(error), True))
            continue
        if reason:
            skipped.append(Skipped(name, path, reason, False))
        else:
            games.append(Listed(name, path, hashlib.sha256(path.read_bytes()).hexdigest()[:16]))
    return Listing(tuple(games), tuple(skipped))


def _folders(folder: Path) -> Iterator[Path]:
    for root, _, files in os.walk(folder):
        if "traj_data.json" in files or "game.tw-pddl" in files:
            yield Path(root)


def _unplayed(at: Path) -> str:
    """Why a game is not played; empty where it is.

    Raises:
        DataError: its files are missing, cut off, or of another layout.
    """
    if "movable" in str(at) or "Sliced" in str(at):
        return "upstream does not support movable containers and sliced objects"
    for name in ("traj_data.json", "game.tw-pddl"):
        if not (at / name).is_file():
            raise DataError(at / name, "missing")
    kind = _decode(at / "traj_data.json", _Trajectory).task_type
    if kind not in TASK_TYPES:
        return f"task type {kind!r} is none of the six"
    game = _decode(at / "game.tw-pddl", _Game)
    if game.solvable is None:
        raise DataError(at / "game.tw-pddl", "missing; upstream's solver has not checked this game", field="solvable")
    if not game.solvable:
        return "upstream's solver found no solution"
    _check_words(at / "game.tw-pddl", game)
    return ""


def _decode(path: Path, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(path, f"not the JSON of a game: {error}") from error
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from error


def _check_words(path: Path, game: _Game) -> None:
    """A quick look at the problem, so that a listing need not compile every game: brackets, and known predicates."""
    text = game.pddl_problem
    try:
        known = read_domain(game.pddl_domain).arity
    except Malformed as error:
        raise DataError(path, str(error), field="pddl_domain") from error
    if text.count("(") != text.count(")"):
        raise DataError(path, "the brackets do not match: the text is cut off", field="pddl_problem")
    if "(:goal" not in text:
        raise DataError(path, "no :goal section", field="pddl_problem")
    for word in sorted({each.lower() for each in _USED.findall(text)} - known.keys() - _LOGICAL):
        raise DataError(path, f"unknown predicate {word!r}", field="pddl_problem")
