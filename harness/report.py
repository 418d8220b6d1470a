"""The report of a run: per world score, pessimistic score, coverage, and what they rest on."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from ..trajectories import Episode
from .statistics import interval, pass_at

COVERAGE_FLOOR = 0.9
"""Below this share of valid episodes a score is shown in doubt: what failed may not be like what did not."""


@dataclass(slots=True)
class Tally:
    """Running sums over the episodes of one world."""

    scores: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wins: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    steps: int = 0
    invalid: int = 0
    unformed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    reward: float = 0.0
    endings: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def add(self, episode: Episode) -> None:
        """Count a valid episode."""
        if episode.id in self.done:
            return
        self.done.add(episode.id)
        self.scores[episode.task.id].append(episode.outcome.score)
        self.wins[episode.task.id].append(float(episode.outcome.success))
        self.endings[episode.ending] += 1
        self.steps += len(episode.steps)
        self.seconds += episode.seconds
        self.reward += episode.outcome.reward
        for step in episode.steps:
            self.invalid += not step.valid
            self.unformed += step.turn.parsed != "strict"
            for reply in step.turn.calls:
                self.prompt_tokens += reply.prompt_tokens
                self.completion_tokens += reply.completion_tokens

    def fail(self, episode: Episode) -> None:
        """Remember a failed attempt by its boundary; a later valid episode of the same id outweighs it."""
        self.failures[episode.id] = episode.error.boundary if episode.error else "env"


@dataclass(frozen=True, slots=True)
class Report:
    """What `report.json` holds: `worlds` by name, and the run's own identity."""

    worlds: dict[str, dict[str, Any]]
    run: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"worlds": self.worlds, "run": self.run}

    @property
    def failed(self) -> int:
        """Failed episodes over all worlds."""
        return sum(int(each["failed"]) for each in self.worlds.values())


def report(head: Mapping[str, Any], episodes: Iterable[Episode], failures: Iterable[Episode]) -> Report:
    """Judge a run from its head (`run.json`) and its records."""
    panels: Mapping[str, Any] = head["panels"]
    worlds = Counter(name.partition("/")[0] for name in panels)
    tallies = {name: Tally() for name in panels}
    # By task, not by the episode's split: a world may know one split by two names.
    home = {task["id"]: tallies[name] for name, each in panels.items() for task in each["tasks"]}
    for episode in episodes:
        home[episode.task.id].add(episode)
    for episode in failures:
        home[episode.task.id].fail(episode)
    rows = {}
    for name, each in panels.items():
        world = name.partition("/")[0]
        rows[world if worlds[world] == 1 else name] = judge(tallies[name], each, head["identity"]["trials"])
    identity = head["identity"]
    run = {key: identity.get(key) for key in ("agent", "model", "split", "seed", "sampling")} | {
        "digest": head["digest"],
        "versions": head["versions"],
    }
    return Report(rows, run)


def judge(tally: Tally, planned: Mapping[str, Any], trials: int) -> dict[str, Any]:
    """The row of one world.

    `score` and `success` are means over valid episodes (None where there is none), `pessimistic_score` counts every
    episode that failed or has not been played as 0, `coverage` is valid / n.
    """
    n = int(planned["episodes"])
    valid = sum(map(len, tally.scores.values()))
    failed = sum(name not in tally.done for name in tally.failures)
    total = sum(map(sum, tally.scores.values()))
    wins = sum(map(sum, tally.wins.values()))
    row = {
        "n": n,
        "valid": valid,
        "failed": failed,
        "pending": n - valid - failed,
        "coverage": valid / n,
        "score": total / valid if valid else None,
        "interval": list(interval(tally.scores)) if valid else None,
        "success": wins / valid if valid else None,
        "success_interval": list(interval(tally.wins)) if valid else None,
        "pessimistic_score": total / n,
        "reward": tally.reward / valid if valid else None,
        "steps": tally.steps / valid if valid else None,
        "seconds": tally.seconds / valid if valid else None,
        "tokens": tally.prompt_tokens + tally.completion_tokens,
        "prompt_tokens": tally.prompt_tokens,
        "completion_tokens": tally.completion_tokens,
        "invalid_action_rate": tally.invalid / tally.steps if tally.steps else 0.0,
        "loose_format_rate": tally.unformed / tally.steps if tally.steps else 0.0,
        "endings": dict(sorted(tally.endings.items())),
        "failures": dict(Counter(where for name, where in tally.failures.items() if name not in tally.done)),
        "fidelity": planned["fidelity"],
        "data": planned["data"],
        "panel": planned["panel"],
    }
    if trials > 1:
        full = [list(map(bool, each)) for each in tally.wins.values() if len(each) >= trials]
        row["pass_at"] = {
            str(k): sum(pass_at(k, len(each), sum(each)) for each in full) / len(full)
            for k in sorted({1, trials, *(2**i for i in range(1, 11) if 2**i < trials)})
            if full
        }
    return row


def percent(value: float | None) -> str:
    """A share for people: 71.2, or a dash where nothing was measured."""
    return "-" if value is None else f"{100 * value:.1f}"


def table(result: Report, title: str = "") -> Group:
    """The report for a terminal; scores in percent, what is in doubt in yellow."""
    sheet = Table(title=title or None, title_justify="left", header_style="bold", expand=False)
    sheet.add_column("world", no_wrap=True)
    for name in ("score", "95%", "success", "pessim.", "valid", "steps", "tokens", "invalid"):
        sheet.add_column(name, justify="right", no_wrap=True)
    sheet.add_column("fidelity")
    notes = []
    for name, row in result.worlds.items():
        doubtful = row["coverage"] < COVERAGE_FLOOR
        sheet.add_row(
            name,
            Text(percent(row["score"]), style="yellow" if doubtful else "bold"),
            span(row["interval"]),
            percent(row["success"]),
            percent(row["pessimistic_score"]),
            f"{row['valid']}/{row['n']}",
            "-" if row["steps"] is None else f"{row['steps']:.1f}",
            f"{row['tokens']:,}",
            percent(row["invalid_action_rate"]),
            row["fidelity"],
        )
        if row["failed"]:
            where = ", ".join(f"{count} at {boundary}" for boundary, count in row["failures"].items())
            notes.append(f"{name}: {row['failed']} of {row['n']} episodes failed by no fault of the agent ({where})")
        if row["pending"]:
            notes.append(f"{name}: {row['pending']} of {row['n']} episodes are not played yet; run it again to go on")
        if doubtful:
            share, floor = percent(row["coverage"]), percent(COVERAGE_FLOOR)
            notes.append(f"{name}: coverage {share}% is under {floor}%: no headline score")
    return Group(sheet, *(Text(note, style="yellow") for note in notes))


def span(interval: Sequence[float] | None) -> str:
    """An interval for people: 60.0-80.5."""
    return "-" if interval is None else "-".join(percent(each) for each in interval)


def console() -> Console:
    """Standard output: a terminal at its own width, a file or pipe wide enough for our tables."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 150)


def show(result: Report, title: str = "") -> None:
    """Print the report to standard output."""
    console().print(table(result, title))


def markdown(result: Report) -> str:
    """The report as a Markdown table, for a page or a pull request."""
    lines = [
        "| world | score | 95% | success | pessimistic | valid | steps | invalid | fidelity | panel |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|---|",
    ]
    for name, row in result.worlds.items():
        steps = "-" if row["steps"] is None else f"{row['steps']:.1f}"
        lines.append(
            f"| {name} | {percent(row['score'])} | {span(row['interval'])} | {percent(row['success'])} "
            f"| {percent(row['pessimistic_score'])} | {row['valid']}/{row['n']} | {steps} "
            f"| {percent(row['invalid_action_rate'])} | {row['fidelity']} | `{row['panel']}` |"
        )
    return "\n".join(lines) + "\n"
