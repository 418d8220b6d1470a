"""Bring worlds and agents together, and judge what happened."""

from .plan import Config, lots
from .report import Report, markdown, report
from .rollout import rollout
from .runner import Finished, collect, evaluate, report_folder, run
from .statistics import Interval, Paired, interval, paired, pass_at

__all__ = [
    "Config",
    "Finished",
    "Interval",
    "Paired",
    "Report",
    "collect",
    "evaluate",
    "interval",
    "lots",
    "markdown",
    "paired",
    "pass_at",
    "report",
    "report_folder",
    "rollout",
    "run",
]
