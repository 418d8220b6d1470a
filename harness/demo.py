"""The demo: the main job on what is bundled. Every world that can run here, three agents, one table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from ..envs import EnvSpec, missing
from .plan import Config
from .report import Report, console, markdown, percent, span
from .runner import write_whole

WORLDS = ("webshop", "scienceworld", "hotpotqa")


def configurations(worlds: Sequence[EnvSpec], n: int) -> dict[str, Config]:
    """The runs of the demo: expert, random, no-op, and a model where OPENAI_BASE_URL and AGENTBANK_MODEL name one."""
    names = tuple(spec.id for spec in worlds)
    sample = {name: {"data": "sample"} for name in names}
    runs = {
        agent: Config(names, agent=agent, n=n, max_steps=steps, world_options=sample)
        # The expert needs the world's own limit; the others would only spend longer on nothing.
        for agent, steps in (("expert", None), ("random", 20), ("noop", 5))
    }
    base, model = os.environ.get("OPENAI_BASE_URL"), os.environ.get("AGENTBANK_MODEL")
    if base and model:
        runs["react"] = Config(
            names, agent="react", model=f"openai:{model}", base_url=base, n=n, seconds=60, world_options=sample
        )
    return runs


def ready(worlds: Sequence[EnvSpec]) -> tuple[list[EnvSpec], list[str]]:
    """The worlds that can run here, and a line for each that cannot."""
    able = [spec for spec in worlds if not missing(spec)]
    notes = [f"{spec.id} is left out: it needs {' and '.join(missing(spec))}" for spec in worlds if missing(spec)]
    return able, notes


def show(reports: dict[str, Report], notes: Sequence[str], out: Path) -> None:
    """One table, a row a world, a column an agent; and the same as Markdown in `out`."""
    sheet = Table(title="score in percent, with its 95% interval", title_justify="left", header_style="bold")
    sheet.add_column("world")
    for agent in reports:
        sheet.add_column(agent, justify="right")
    worlds = list(next(iter(reports.values())).worlds)
    for world in worlds:
        cells = []
        for report in reports.values():
            row = report.worlds[world]
            cells.append(f"{percent(row['score'])}  [{span(row['interval'])}]")
        sheet.add_row(world, *cells)
    screen = console()
    screen.print(sheet)
    for note in notes:
        screen.print(note, style="yellow")
    pages = [f"## {agent}\n\n{markdown(report)}" for agent, report in reports.items()]
    write_whole(out / "report.md", "# Demo\n\n" + "\n".join(pages))
    screen.print(f"records and reports: {out}/<agent>/{{run.json,episodes.jsonl,report.json}}, {out}/report.md")
