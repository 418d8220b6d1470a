"""The closed loop: expert trajectories, a model trained on them from nothing, and what it scores on unseen tasks."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..envs import EnvSpec
from ..training.experiments.closed_loop import Recipe, begin, learn
from ..training.experiments.words import Words
from ..trajectories import UsageError
from .plan import Config
from .report import percent
from .runner import Finished, write_whole

RESULT = "closed_loop.json"
Play = Callable[[Config, Path], Finished]
"""Runs a configuration into a folder."""

AGENT = {"lead": "none", "corrections": 0}
AT_ONCE = 128
"""Episodes in flight, and chats in a batch."""
MODEL = {"max_tokens": 32, "max_batch": AT_ONCE, "device": "cpu"}


@dataclass(frozen=True)
class Family:
    """A family of tasks in one world, easy enough for a small model, and how long that model learns."""

    collect: Mapping[str, Any]
    """World options of the train split; the expert must know no more than it has read."""
    evaluate: Mapping[str, Any]
    """World options of the test split."""
    words: Words
    episodes: int
    max_steps: int
    recipe: Recipe = field(default_factory=Recipe)


FAMILIES = {
    "alfworld": Family(
        {"size": "small", "gold": "explore", "games": 6000, "data": "sample"},
        {"size": "small", "data": "sample"},
        # "cabinet 3"
        Words((r"(?<![A-Za-z])[a-z]+ \d{1,2}(?!\d)",), phrases=0.03),
        episodes=6000,
        max_steps=30,
        recipe=Recipe(reading=1800, acting=900, batch_size=16, max_length=512),
    ),
    "webshop": Family(
        {"goals": "synthetic", "gold": "read", "choice": "full", "notice": False, "data": "sample"},
        {"goals": "synthetic", "choice": "full", "notice": False, "data": "sample"},
        # What stands alone between two separators (a product's code, its title, a price, an option, a button); "color: ". The
        # space behind a separator belongs to it, so that an option looks the same on the page, in the instruction and in a click.
        Words((r"(?<=\[SEP\] )[^\[\]]+?(?= \[SEP\]|$)", r"\[SEP\] ", r"\b(?:[a-z]+ )?[a-z]+: "), known=0.006),
        episodes=2520,
        max_steps=15,
        recipe=Recipe(reading=300, acting=1000, batch_size=8, max_length=1024),
    ),
}
TOGETHER = Recipe(reading=2400, acting=1100, batch_size=12, max_length=1024)
"""For one model that learns several worlds."""


def families(worlds: Sequence[EnvSpec]) -> dict[str, Family]:
    """The families of these worlds.

    Raises:
        UsageError: a world that has none.
    """
    for spec in worlds:
        if spec.id not in FAMILIES:
            raise UsageError(f"no closed loop is set up in {spec.id}; there is one in {', '.join(FAMILIES)}")
    return {spec.id: FAMILIES[spec.id] for spec in worlds}


class Interrupted(Exception):
    """Somebody pressed Ctrl-C; what was played is kept."""


def close_loop(
    chosen: Mapping[str, Family], out: Path, recipe: Recipe, play: Play, n: int = 100, seed: int = 0
) -> dict[str, Any]:
    """Collect, evaluate the untrained model, train, evaluate again; one model for all the chosen worlds.

    Args:
        chosen: Families by world.
        out: Holds the runs (`gold-WORLD`, `before-WORLD`, `after-WORLD`) and the checkpoints (`untrained`, `checkpoint`).
        recipe: Of the training.
        play: Runs a configuration.
        n: Test episodes a world; past its last task the tasks come again.
        seed: Which test tasks are drawn.

    Returns:
        By world `before`, `after`, `checkpoint`, `eval`; and the seconds of each stage.

    Raises:
        UsageError: `out` holds a trained model already.
        Interrupted: somebody pressed Ctrl-C.
    """
    out = out.resolve()
    if (out / "checkpoint").exists():
        raise UsageError(f"{out} holds a trained model already; name another --out")
    # Threads that spin while they wait slow a small model down many times where cores are shared; it is read at torch's import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    clock = Clock()
    with clock("collect"):
        for world, family in chosen.items():
            _play(play, gold(world, family), out / f"gold-{world}")
    with clock("prepare"):
        start = begin(
            {out / f"gold-{world}": family.words for world, family in chosen.items()}, out / "untrained", recipe
        )
    with clock("before"):
        before = _judge(chosen, out, "untrained", "before", play, n, seed)
    console = Console(stderr=True, highlight=False)

    def told(phase: str, point: Mapping[str, float]) -> None:
        console.print(f"{phase}: step {point['step']:.0f} of {point['steps']:.0f}, loss {point['loss']:.3f}")

    training = learn(start, out, recipe, told)
    clock.seconds |= {phase: each["seconds"] for phase, each in training.items()}
    with clock("after"):
        after = _judge(chosen, out, "checkpoint", "after", play, n, seed)
    checkpoint = str(out / "checkpoint")
    return {
        "worlds": {
            world: {
                "before": before[world],
                "after": after[world],
                "checkpoint": checkpoint,
                "eval": arguments(examined(world, family, checkpoint, n, seed), out / f"repeat-{world}"),
            }
            for world, family in chosen.items()
        },
        "seconds": {stage: round(each, 1) for stage, each in clock.seconds.items()} | {"total": round(clock.total, 1)},
        "training": training,
        "parameters": start.parameters,
        "vocabulary": len(start.tokenizer),
        "cores": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],
    }


def gold(world: str, family: Family) -> Config:
    """The run that collects the expert's trajectories."""
    return Config(
        (world,),
        split="train",
        agent="expert",
        agent_options={"style": "act", "lead": "none"},
        n=family.episodes,
        world_options={world: family.collect},
    )


def examined(world: str, family: Family, checkpoint: str, n: int, seed: int) -> Config:
    """The run that judges a checkpoint on test tasks."""
    return Config(
        (world,),
        agent="act",
        agent_options=AGENT,
        model=f"transformers:{checkpoint}",
        model_options=MODEL,
        n=n,
        seed=seed,
        concurrency=AT_ONCE,
        max_steps=family.max_steps,
        world_options={world: family.evaluate},
    )


def arguments(config: Config, out: Path) -> list[str]:
    """What `agentbank eval` must be given to run `config` into `out`."""
    (world,) = config.worlds
    options = {
        "--agent-option": config.agent_options,
        "--model-option": config.model_options,
        "-o": {key: each for key, each in config.world_options[world].items() if key != "data"},
    }
    words = ["--env", world, "--split", config.split, "--agent", config.agent, "--model", str(config.model)]
    words += ["-n", str(config.n), "--seed", str(config.seed), "--max-steps", str(config.max_steps)]
    words += ["--data", str(config.world_options[world]["data"])]
    for flag, pairs in options.items():
        words += [word for key, each in pairs.items() for word in (flag, f"{key}={each}")]
    return [*words, "--out", str(out)]


def _judge(
    chosen: Mapping[str, Family], out: Path, checkpoint: str, name: str, play: Play, n: int, seed: int
) -> dict[str, Any]:
    kept = ("n", "valid", "score", "interval", "success", "success_interval", "steps", "invalid_action_rate")
    told = {}
    for world, family in chosen.items():
        done = _play(play, examined(world, family, str(out / checkpoint), n, seed), out / f"{name}-{world}")
        told[world] = {key: done.report.worlds[world][key] for key in kept}
    return told


def _play(play: Play, config: Config, out: Path) -> Finished:
    done = play(config, out)
    if done.interrupted:
        raise Interrupted
    return done


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time one stage."""
        began = time.monotonic()
        yield
        self.seconds[stage] = time.monotonic() - began

    @property
    def total(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began


def write(results: Sequence[Mapping[str, Any]], out: Path) -> None:
    """`closed_loop.json`: all worlds by name, and each model's seconds and training."""
    worlds = {}
    for each in results:
        for world, row in each["worlds"].items():
            worlds[world] = row | {"seconds": each["seconds"]}
    models = [
        {key: each[key] for key in each if key != "worlds"} | {"worlds": list(each["worlds"])} for each in results
    ]
    write_whole(out / RESULT, json.dumps({"worlds": worlds, "models": models}, indent=1))


def show(results: Sequence[Mapping[str, Any]], out: Path) -> None:
    """A row a world: success before and after with its 95% interval, and how long it took."""
    sheet = Table(title="success in percent on unseen test tasks", title_justify="left", header_style="bold")
    for name in ("world", "n", "before", "after", "95%", "score", "minutes"):
        sheet.add_column(name, justify="left" if name == "world" else "right")
    for each in results:
        for world, row in each["worlds"].items():
            before, after = row["before"], row["after"]
            low, high = after["success_interval"]
            span = f"{percent(low)}-{percent(high)}"
            minutes = f"{each['seconds']['total'] / 60:.1f}"
            scores = [percent(before["success"]), percent(after["success"]), span, percent(after["score"])]
            sheet.add_row(world, str(after["n"]), *scores, minutes)
    console = Console(highlight=False)
    console.print(sheet)
    for each in results:
        stages = ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in each["seconds"].items())
        console.print(f"{' and '.join(each['worlds'])}: seconds: {stages}; {each['parameters']:,} parameters")
    console.print(f"runs, checkpoints and how to repeat: {out}/{RESULT}")
