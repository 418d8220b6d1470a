"""Checkpoints to resume from: complete or not there at all, and only ever continued by the run that wrote them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ..trajectories.errors import DataError, UsageError

_NAME = re.compile(r"checkpoint-(\d+)")
_FULL = ("No space left", "File too large", "Disk quota", "file write failed", "PytorchStreamWriter", "unexpected pos")
IDENTITY = "run.json"
"""The file in a checkpoint that says which run it belongs to; written last."""


def model_digest(model: torch.nn.Module) -> str:
    """SHA-256 over every parameter's name, shape and first values: the same for the same model only."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.named_parameters(), key=lambda pair: pair[0]):
        head = weight.detach().reshape(-1)[:16].float().cpu()
        digest.update(f"{name}{tuple(weight.shape)}".encode())
        digest.update(head.numpy().tobytes())
    return digest.hexdigest()


class Checkpoints:
    """The folder of a run's checkpoints.

    Args:
        folder: Where `checkpoint-<step>` lie.
        identity: What a continuation must agree on: the data's fingerprint, the model's digest, the settings that decide
            what is learned.
        keep: How many complete ones stay.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], keep: int = 2) -> None:
        self.folder, self.identity, self.keep = folder, json.loads(json.dumps(identity)), keep

    def complete(self) -> list[Path]:
        """The complete checkpoints, oldest first."""
        found = [each for each in self.folder.glob("checkpoint-*") if (each / IDENTITY).is_file()]
        return sorted(found, key=_step)

    def latest(self) -> Path | None:
        """The newest complete checkpoint, after checking that it is this run's.

        Raises:
            UsageError: it was made from other data, another model or other settings; the message names what differs.
            DataError: its identity cannot be read.
        """
        found = self.complete()
        if not found:
            return None
        path = found[-1] / IDENTITY
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
            pairs = {key: (theirs[key], self.identity[key]) for key in self.identity}
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(path, f"not a run's identity ({error!r}); remove this checkpoint to go on") from error
        for what, (old, new) in pairs.items():
            if old != new:
                raise UsageError(f"{found[-1]} cannot be continued: {_difference(what, old, new)}; use another --out")
        return found[-1]

    @contextlib.contextmanager
    def writing(self, step: int, *, first: bool = True, barrier: Any = None) -> Iterator[Path]:
        """Write `checkpoint-<step>` under the folder that is given; it appears under its name only when complete.

        Args:
            step: The optimiser step.
            first: Whether this process moves the files (one process does).
            barrier: Called where every process must have come before the move, and before going on.

        Raises:
            UsageError: the disk is full (or the quota); what was half written is removed, the last checkpoint stays.
        """
        partial, name = self.folder / ".partial", f"checkpoint-{step}"
        if first:
            shutil.rmtree(partial, ignore_errors=True)
        if barrier is not None:
            barrier()
        try:
            partial.mkdir(parents=True, exist_ok=True)
            yield partial
            if barrier is not None:
                barrier()
            if first:
                (partial / name / IDENTITY).write_text(json.dumps(self.identity, indent=1), encoding="utf-8")
                settle(partial / name)
        except Exception as error:
            shutil.rmtree(partial, ignore_errors=True)
            if not disk_full(error):
                raise
            last = self.complete()
            kept = f"{last[-1]} is whole and can be resumed from" if last else "no earlier checkpoint was made"
            raise UsageError(
                f"no room to write {self.folder / name} ({error}); free space or move --out; {kept}"
            ) from error
        if first:
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (partial / name).rename(self.folder / name)
            partial.rmdir()
            for old in self.complete()[: -self.keep]:
                shutil.rmtree(old)
        if barrier is not None:
            barrier()


def disk_full(error: BaseException) -> bool:
    """Whether this is how some library says that the disk (or a quota, or a file-size limit) is full."""
    return any(mark in str(error) for mark in _FULL)


def settle(folder: Path) -> None:
    """Wait until the folder's files are on the disk, so that a rename never names what a power cut takes."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _step(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def _difference(what: str, old: Any, new: Any) -> str:
    """One sentence: what the checkpoint has, what this run has."""
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [f"{key} was {old.get(key)!r}, is {new.get(key)!r}" for key in new if old.get(key) != new.get(key)]
        return "other settings (" + "; ".join(pairs or ["fewer settings"]) + ")"
    sentence = {"data": "its data set is another one", "model": "it is a checkpoint of another model"}
    return f"{sentence.get(what, what)} ({str(old)[:12]}, here {str(new)[:12]})"
