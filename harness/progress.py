"""Progress of a run on standard error: bars in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from ..trajectories import Episode
from .plan import Lot

EVERY = 10.0
"""Seconds between lines where standard error is no terminal."""


class Progress:
    """Called with each finished episode; use as a context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Show nothing at all when `quiet`."""
        console = Console(stderr=True)
        self.quiet, self.live = quiet, console.is_terminal and not quiet
        self.bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("score {task.fields[score]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not self.live,
        )
        self.rows: dict[str, TaskID] = {}
        self.sums: dict[str, tuple[int, int, float]] = {}
        self.last = time.monotonic()

    def __call__(self, lot: Lot, episode: Episode) -> None:
        """Count one episode."""
        name = lot.spec.id
        done, valid, total = self.sums.get(name, (0, 0, 0.0))
        done += 1
        if episode.valid:
            valid, total = valid + 1, total + episode.outcome.score
        self.sums[name] = (done, valid, total)
        mean = f"{100 * total / valid:.1f}" if valid else "-"
        if self.live:
            if name not in self.rows:
                self.rows[name] = self.bars.add_task(name, total=len(lot.jobs), score=mean)
            self.bars.update(self.rows[name], completed=done, score=mean)
        elif not self.quiet and time.monotonic() - self.last >= EVERY:
            self.last = time.monotonic()
            print(f"{name}: {done}/{len(lot.jobs)} episodes, score {mean}", file=sys.stderr)

    def __enter__(self) -> Progress:
        """Show the bars."""
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bars down."""
        self.bars.stop()
