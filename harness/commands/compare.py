"""The command that sets two runs side by side, task by task."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ...trajectories import UsageError, read_episodes
from ..report import console
from ..statistics import Paired, paired
from .runs import AsJson


def scores(run: Path) -> dict[str, dict[str, float]]:
    """Mean score by world and task over a run's valid episodes.

    Raises:
        UsageError: the folder holds no episodes.
    """
    if not (run / "episodes.jsonl").is_file():
        raise UsageError(f"{run} holds no episodes.jsonl; name two --out folders of eval")
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for episode in read_episodes(run):
        found[episode.task.env][f"{episode.task.id} {episode.task.digest}"].append(episode.outcome.score)
    return {world: {task: sum(each) / len(each) for task, each in tasks.items()} for world, tasks in found.items()}


def compare(
    a: Annotated[Path, typer.Argument(help="A run folder.")],
    b: Annotated[Path, typer.Argument(help="Another, on the same tasks.")],
    as_json: AsJson = False,
) -> int:
    """Compare two runs on the tasks that both hold: mean difference (b - a) with its 95% interval, and a sign test.

    Example:
    `agentbank compare runs/before runs/after`
    """
    left, right = scores(a), scores(b)
    found: dict[str, Paired] = {}
    for world in left.keys() & right.keys():
        if left[world].keys() & right[world].keys():
            found[world] = paired(left[world], right[world])
    if not found:
        raise UsageError(
            f"{a} and {b} have no task in common (same id and digest); run both with the same --seed or --tasks"
        )
    if as_json:
        print(json.dumps({world: each._asdict() for world, each in sorted(found.items())}))
        return 0
    sheet = Table(title=f"{b} against {a}, score in points of 100", title_justify="left", header_style="bold")
    for name in ("world", "tasks", "difference", "95%", "better", "worse", "p"):
        sheet.add_column(name, justify="left" if name == "world" else "right")
    for world, each in sorted(found.items()):
        span = f"{100 * each.low:+.1f} to {100 * each.high:+.1f}"
        difference = f"{100 * each.difference:+.1f}"
        sheet.add_row(world, str(each.tasks), difference, span, str(each.better), str(each.worse), f"{each.p:.3f}")
    console().print(sheet)
    return 0


def add(app: typer.Typer) -> None:
    """Mount this command."""
    app.command()(compare)
