"""Many episodes at once, into a run folder, resumable: what `agentbank eval` and `agentbank collect` do."""

from __future__ import annotations

import asyncio
import json
import os
import platform
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from ..agents import Model, make_agent, make_model
from ..agents.core import Agent
from ..trajectories import AgentRef, Episode, Store, UsageError, episode_id, read_episodes
from ..trajectories.store import read_lines
from .plan import Config, Job, Lot, difference, identity_digest, lots
from .pool import Pool
from .renderer import share_renderer
from .report import Report, report
from .rollout import rollout

ATTEMPTS = 3
"""How often a task whose episode failed (by our fault) is tried, over all resumptions of a run."""

Watch = Callable[[Lot, Episode], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """What a call of `run` leaves: the report, and whether it was interrupted."""

    report: Report
    interrupted: bool


class Folder:
    """A run folder: `run.json`, `episodes.jsonl`, `failures.jsonl`, `report.json`."""

    def __init__(self, path: Path) -> None:
        """Name the files; nothing is made yet."""
        self.path = path
        self.head = path / "run.json"
        self.episodes = path / "episodes.jsonl"
        self.failures = path / "failures.jsonl"
        self.report = path / "report.json"

    def begin(self, config: Config, chosen: list[Lot], model: Model | None) -> str:
        """Write `run.json`, or check that the one there is of the same run; returns the run's identity digest.

        Raises:
            UsageError: the folder holds another configuration's run, or something that is no run.
        """
        identity = config.identity() | {"panels": {_name(lot): lot.panel for lot in chosen}}
        if model is not None:
            identity["sampling"] = json.loads(json.dumps(msgspec.to_builtins(dict(model.sampling))))
        digest = identity_digest(identity)
        if self.head.exists():
            try:
                old = json.loads(self.head.read_text())["identity"]
            except (ValueError, KeyError) as error:
                raise UsageError(f"{self.head} is not a run's head; name another --out") from error
            if old != identity:
                raise UsageError(
                    f"{self.path} holds a run of another configuration ({difference(old, identity)}); "
                    "name another --out, or repeat the configuration to resume it"
                )
            return digest
        if self.episodes.exists():
            raise UsageError(f"{self.path} has episodes but no run.json; name another --out")
        head = {
            "identity": identity,
            "digest": digest,
            "base_url": without_secrets(config.base_url),
            "versions": versions(),
            "panels": {
                _name(lot): {
                    "panel": lot.panel,
                    "data": lot.data,
                    "fidelity": lot.fidelity,
                    "episodes": len(lot.jobs),
                    "tasks": [{"id": task.id, "digest": task.digest} for task in lot.tasks()],
                }
                for lot in chosen
            },
        }
        write_whole(self.head, json.dumps(head, indent=1))
        return digest

    def done(self) -> set[str]:
        """Ids of the finished episodes."""
        return {episode.id for episode in read_lines(self.episodes, Head)} if self.episodes.exists() else set()

    def failed(self) -> Counter[str]:
        """How often each episode has failed so far."""
        return Counter(each.id for each in read_lines(self.failures, Head)) if self.failures.exists() else Counter()


class Head(msgspec.Struct, frozen=True):
    """The id of a stored episode, all that resuming reads of it."""

    id: str


def _name(lot: Lot) -> str:
    return f"{lot.spec.id}/{lot.options['split']}"


def versions() -> dict[str, str]:
    """Versions of what can change a result."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("agentbank", "gymnasium", "numpy", "scienceworld", "textworld", "alfworld", "torch", "transformers"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def without_secrets(url: str | None) -> str | None:
    """An address without user, password and query, so that no key of a URL stands in a file."""
    if url is None:
        return None
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n")
    part.replace(path)


async def run(config: Config, out: Path, watch: Watch | None = None) -> Finished:
    """Play every episode of `config` that `out` does not hold yet; write the report.

    Finished episodes are appended as they end; a cancelled call (Ctrl-C) keeps them all and reports on them.

    Raises:
        UsageError: an unknown name, missing part, or a folder of another configuration.
        Fault: the store cannot be written (a full disk); nothing that was written is lost.
    """
    chosen = lots(config)
    folder = Folder(out)
    async with AsyncExitStack() as stack:
        model = None
        if config.model is not None:
            extra = {"base_url": config.base_url} if config.base_url else {}
            model = make_model(config.model, **config.model_options, **extra)
            stack.push_async_callback(model.close)
            share_renderer(model)
        factory = make_agent(config.agent, model=model, **config.agent_options)
        digest = folder.begin(config, chosen, model)
        good = stack.enter_context(Store(folder.episodes))
        bad = stack.enter_context(Store(folder.failures))
        done, failed = folder.done(), folder.failed()
        crew = _Crew(config, digest, factory, model, good, bad, watch)
        interrupted = await crew.play(chosen, done, failed)
    result = report_folder(out)
    return Finished(result, interrupted)


class _Crew:
    """Plays the lots of a run at once, so many episodes in flight as the configuration allows."""

    def __init__(
        self,
        config: Config,
        digest: str,
        factory: Callable[[], Agent],
        model: Model | None,
        good: Store,
        bad: Store,
        watch: Watch | None,
    ) -> None:
        self.config, self.digest, self.factory, self.watch = config, digest, factory, watch
        self.good, self.bad = good, bad
        self.places = asyncio.Semaphore(config.concurrency)
        self.who = AgentRef(
            name=config.agent,
            version=type(factory()).version,
            options=dict(config.agent_options),
            model=model.name if model else None,
            sampling=dict(model.sampling) if model else {},
            template=model.template if model else None,
        )

    async def play(self, chosen: Iterable[Lot], done: set[str], failed: Counter[str]) -> bool:
        pools: list[Pool] = []
        tasks: list[asyncio.Task[None]] = []
        try:
            for lot in chosen:
                waiting = deque(
                    job for job in lot.jobs if (name := self._id(job)) not in done and failed[name] < ATTEMPTS
                )
                if not waiting:
                    continue
                pool = Pool(lot.spec, lot.options, self.config.workers)
                pools.append(pool)
                for _ in range(min(len(waiting), self.config.concurrency, pool.capacity)):
                    tasks.append(asyncio.create_task(self._work(lot, pool, waiting)))
            await asyncio.gather(*tasks)
            return False
        except asyncio.CancelledError:
            return True
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(pool.close() for pool in pools))

    async def _work(self, lot: Lot, pool: Pool, waiting: deque[Job]) -> None:
        while waiting:
            async with self.places:
                if not waiting:
                    return
                await self._episode(lot, pool, waiting.popleft())
            # An instant model never suspends; let timers, signals and the other workers have their turn.
            await asyncio.sleep(0)

    async def _episode(self, lot: Lot, pool: Pool, job: Job) -> None:
        async with pool.lend() as loan:
            episode = await rollout(
                loan.seat,
                self.factory(),
                job.task.id,
                seed=job.seed,
                limits=self.config.limits(),
                who=self.who,
                run=self.digest,
                trial=job.trial,
            )
            loan.spoiled = episode.error is not None and episode.error.boundary not in ("model", "agent")
        if not episode.task.env:
            task = msgspec.structs.replace(episode.task, env=lot.spec.id, split=job.task.split, digest=job.task.digest)
            episode = msgspec.structs.replace(episode, task=task)
        (self.good if episode.valid else self.bad).append(episode)
        if self.watch is not None:
            self.watch(lot, episode)

    def _id(self, job: Job) -> str:
        return episode_id(self.digest, job.task.id, job.seed, job.trial)


def report_folder(path: Path) -> Report:
    """Judge what a run folder holds now, and write `report.json` beside it.

    Raises:
        UsageError: the folder holds no run.
    """
    folder = Folder(path)
    if not folder.head.is_file():
        raise UsageError(f"{path} is no run folder (it has no run.json); name the --out of an eval or collect")
    head = json.loads(folder.head.read_text())
    episodes = read_episodes(folder.episodes) if folder.episodes.exists() else iter(())
    failures = read_episodes(folder.failures) if folder.failures.exists() else iter(())
    result = report(head, episodes, failures)
    write_whole(folder.report, json.dumps(result.to_json(), indent=1))
    return result


def evaluate(out: str | os.PathLike[str], worlds: str | Iterable[str], **settings: Any) -> Report:
    """Run and judge, from Python: ``evaluate("runs/a", "webshop", agent="expert", n=20)``.

    The settings are the fields of `Config`. Call `run` where an event loop is running already.

    Raises:
        UsageError: as `run`.
    """
    from ..envs import select

    config = Config(worlds=tuple(each.id for each in select(worlds)), **settings)
    return asyncio.run(run(config, Path(out))).report


def collect(out: str | os.PathLike[str], worlds: str | Iterable[str], **settings: Any) -> Report:
    """As `evaluate`, with collecting's defaults: the expert, in the train split."""
    return evaluate(out, worlds, **({"agent": "expert", "split": "train"} | settings))


__all__ = ["ATTEMPTS", "Config", "Finished", "Folder", "collect", "evaluate", "report_folder", "run"]
