"""The plan of a run: which episodes, under which configuration, and how two configurations differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from ..agents.core import Limits
from ..envs import EnvSpec, Task, make, panel, spec
from ..envs.data import read_text
from ..trajectories import DataError, UsageError


@dataclass(frozen=True, slots=True)
class Config:
    """What is run. Every field but the last three is the run's identity: a resumed run must have the same."""

    worlds: tuple[str, ...]
    split: str = "test"
    agent: str = "react"
    agent_options: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    model_options: Mapping[str, Any] = field(default_factory=dict)
    n: int | None = 100
    """Episodes a world; more than its tasks: the tasks again with the next seed. None: every task once."""
    trials: int = 1
    """Episodes a task (for pass@k)."""
    seed: int = 0
    max_steps: int | None = None
    seconds: float | None = None
    """Wall-clock limit of one episode."""
    tokens: int | None = None
    """Prompt and completion tokens of one episode."""
    world_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By world: its own options, `data` among them."""
    panel: Path | None = None
    """A file of task ids with digests to run instead of the first n."""
    concurrency: int = 64
    workers: int | None = None
    base_url: str | None = None

    def identity(self) -> dict[str, Any]:
        """The fields that make it this run and no other, as plain JSON."""
        free = {"concurrency", "workers", "base_url", "panel"}
        kept = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in free}
        plain: dict[str, Any] = json.loads(json.dumps(msgspec.to_builtins(kept)))
        return plain

    def limits(self) -> Limits:
        """The limits of one episode."""
        return Limits(self.max_steps, self.seconds, self.tokens)

    def options(self, world: str, split: str) -> dict[str, Any]:
        """Keyword arguments of `make` for one world."""
        options = {"split": split, **self.world_options.get(world, {})}
        if self.max_steps is not None:
            options["max_steps"] = self.max_steps
        return options


class Job(NamedTuple):
    """One episode to be played."""

    task: Task
    seed: int
    trial: int


@dataclass(frozen=True, slots=True)
class Lot:
    """The episodes of one world: its spec and options, what data it runs on, its jobs, and the panel they make."""

    spec: EnvSpec
    options: Mapping[str, Any]
    fidelity: str
    data: str
    jobs: tuple[Job, ...]

    @property
    def panel(self) -> str:
        """The hash over the distinct tasks of this lot."""
        return panel(self.tasks())

    def tasks(self) -> list[Task]:
        """The distinct tasks, in the order of their first episode."""
        return list({job.task.id: job.task for job in self.jobs}.values())


def draw(tasks: Sequence[Task], n: int | None, trials: int, seed: int) -> tuple[Job, ...]:
    """The episodes of one world: `n` tasks in an order fixed by `seed`, each `trials` times.

    A smaller n takes a prefix of a larger one's tasks. Past the last task the order begins again with the next seed.
    """
    count = len(tasks) if n is None else n
    order = np.random.default_rng([seed, len(tasks)]).permutation(len(tasks))
    jobs = []
    for index in range(count):
        lap, place = divmod(index, len(tasks))
        for trial in range(trials):
            number = lap * trials + trial
            jobs.append(Job(tasks[int(order[place])], seed + number, number))
    return tuple(jobs)


def lots(config: Config) -> list[Lot]:
    """Choose the episodes of every world.

    Raises:
        UsageError: a world without tasks; an unknown task or a task whose digest differs from the panel's.
    """
    wanted = read_panel(config.panel) if config.panel else None
    if wanted is not None:
        return [_lot_of_panel(config, world, split, entries) for (world, split), entries in wanted.items()]
    chosen = []
    for name in config.worlds:
        known = spec(name)
        options = config.options(name, config.split)
        env = make(name, **options)
        try:
            tasks = env.tasks()
            if not len(tasks):
                raise UsageError(f"{name}: split {config.split!r} of {env.source} holds no task")
            jobs = draw(tasks, config.n, config.trials, config.seed)
            chosen.append(Lot(known, options, env.fidelity, env.source.kind, jobs))
        finally:
            env.close()
    return chosen


class Entry(NamedTuple):
    """One line of a panel file."""

    id: str
    digest: str | None


def read_panel(path: Path) -> dict[tuple[str, str], list[Entry]]:
    """Read task ids (and digests) by world and split.

    Understood: JSON as `agentbank panel` writes it (a list, or an object with "tasks", of ids or of
    ``{"id": ..., "digest": ...}``), a run's `run.json`, JSON lines of these, or plain lines ``id [digest]``.

    Raises:
        DataError: nothing of these, or an id that names no world.
    """
    text = read_text(path)
    try:
        content: Any = json.loads(text)
    except json.JSONDecodeError:
        content = [_line(path, number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if isinstance(content, dict) and "panels" in content:
        content = [task for each in content["panels"].values() for task in each["tasks"]]
    elif isinstance(content, dict):
        content = content.get("tasks", [content])
    if not isinstance(content, list) or not content:
        raise DataError(path, "holds no task ids; `agentbank panel` writes such a file")
    found: dict[tuple[str, str], list[Entry]] = {}
    for number, item in enumerate(content, 1):
        identity, mark = (item.get("id"), item.get("digest")) if isinstance(item, dict) else (item, None)
        if not isinstance(identity, str) or identity.count("/") < 2:
            raise DataError(path, "expected an id like 'webshop/test/12'", record=number, field="id")
        world, split, _ = identity.split("/", 2)
        found.setdefault((world, split), []).append(Entry(identity, mark))
    return found


def _line(path: Path, number: int, line: str) -> Any:
    if line.lstrip().startswith(("{", '"')):
        try:
            return json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(path, f"not JSON: {error.msg}", record=number) from error
    name, _, mark = line.strip().partition(" ")
    return {"id": name, "digest": mark.strip() or None}


def _lot_of_panel(config: Config, world: str, split: str, entries: Sequence[Entry]) -> Lot:
    known = spec(world)
    options = config.options(world, split)
    env = make(world, **options)
    try:
        jobs = []
        for entry in entries:
            task = env.find(entry.id)
            if entry.digest is not None and entry.digest != task.digest:
                raise UsageError(
                    f"{config.panel}: task {entry.id} has digest {entry.digest} there and {task.digest} here "
                    f"({env.source}); it is not the same task, so the scores would not compare"
                )
            for trial in range(config.trials):
                jobs.append(Job(task, config.seed + trial, trial))
        return Lot(known, options, env.fidelity, env.source.kind, tuple(jobs))
    finally:
        env.close()


def identity_digest(identity: Mapping[str, Any]) -> str:
    """The hash that names a run in its episodes' ids."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """How two identities differ, field by field, for the refusal to resume."""
    lines = [
        f"{name}: {old.get(name)!r} there, {new.get(name)!r} here"
        for name in [*old, *(key for key in new if key not in old)]
        if old.get(name) != new.get(name)
    ]
    return "; ".join(lines)
