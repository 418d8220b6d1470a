"""Control groups: one limit of memory and processes around a whole sandbox, where this machine lets us write them."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from functools import cache
from pathlib import Path

from ...trajectories.errors import Fault

ROOT = Path("/sys/fs/cgroup")
_count = itertools.count()


@cache
def homes() -> tuple[Path, ...]:
    """Where groups are made: one folder under version 2, one a controller under version 1, none without leave."""
    if (ROOT / "cgroup.controllers").is_file():
        enabled = (ROOT / "cgroup.subtree_control").read_text().split()
        found: tuple[Path, ...] = (ROOT,) if {"memory", "pids"} <= set(enabled) else ()
    else:
        found = tuple(ROOT / name for name in ("memory", "pids") if (ROOT / name / "cgroup.procs").is_file())
        found = found if len(found) == 2 else ()
    if os.geteuid() != 0 or not all(os.access(each, os.W_OK) for each in found):
        return ()
    for each in found:
        _sweep(each)
    return found


def _sweep(home: Path) -> None:
    """Remove the groups that a killed process of ours left."""
    for group in home.glob("agentbank-*-*"):
        owner = group.name.split("-")[1]
        if not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):  # still in use after all, or another sweeper was first
                group.rmdir()


class Group:
    """One control group; `add` processes before they start, `remove` it when they are gone."""

    def __init__(self, memory: int, pids: int) -> None:
        """Make it.

        Args:
            memory: Bytes of all its processes and files in memory together.
            pids: Processes and threads.

        Raises:
            Fault: the kernel refused.
        """
        name = f"agentbank-{os.getpid()}-{next(_count)}"
        self.folders = [home / name for home in homes()]
        limits = {
            "memory.max": memory,
            "memory.swap.max": 0,
            "memory.limit_in_bytes": memory,
            "memory.memsw.limit_in_bytes": memory,
            "pids.max": pids,
        }
        try:
            for folder in self.folders:
                folder.mkdir()
                for file, value in limits.items():
                    if (folder / file).exists():
                        (folder / file).write_text(str(value))
        except OSError as error:
            self.remove()
            raise Fault("sandbox", f"no control group could be made: {error}") from error

    def add(self, *pids: int) -> None:
        """Put processes into it; their children follow."""
        for folder in self.folders:
            for pid in pids:
                (folder / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        """Remove it; its last processes may take a moment to leave.

        Raises:
            Fault: they did not leave within five seconds.
        """
        end = time.monotonic() + 5
        for folder in self.folders:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError as error:
                    if time.monotonic() > end:
                        raise Fault("sandbox", f"{folder} cannot be removed: {error}") from error
                    time.sleep(0.002)
