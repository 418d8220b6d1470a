"""The pool: as many seats of one world as its kind bears, lent to one episode at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ..envs import EnvSpec
from .seat import Seat, seat

THREADS = 32
"""Blocking worlds stepped at the same moment; more may be in flight, waiting for their models."""


@dataclass(slots=True)
class Loan:
    """A seat lent for one episode; `spoiled` says that the world in it may be broken and is not to be lent again."""

    seat: Seat
    spoiled: bool = False


class Pool:
    """Seats of one world with one set of options. A seat whose episode broke is closed, not lent again."""

    def __init__(self, spec: EnvSpec, options: Mapping[str, Any], workers: int | None = None) -> None:
        """Make no world yet. `workers` bounds the processes of a world that needs one each (default: the cores)."""
        self.spec, self.options = spec, dict(options)
        self.capacity = (workers or os.cpu_count() or 1) if spec.lives == "process" else 1_000_000
        self._room = asyncio.Semaphore(self.capacity)
        self._free: list[Seat] = []
        self._all: set[Seat] = set()
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix=f"agentbank-{spec.id}")

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Loan]:
        """Lend a seat for one episode."""
        async with self._room:
            if self._free:
                chosen = self._free.pop()
            else:
                chosen = seat(self.spec, self.options, self._executor)
                self._all.add(chosen)
            loan = Loan(chosen)
            try:
                yield loan
            except BaseException:
                loan.spoiled = True
                raise
            finally:
                if loan.spoiled:
                    self._all.discard(chosen)
                    await chosen.close()
                else:
                    self._free.append(chosen)

    async def close(self) -> None:
        """Close every seat, then the threads."""
        seats, self._all, self._free = list(self._all), set(), []
        results = await asyncio.gather(*(each.close() for each in seats), return_exceptions=True)
        self._executor.shutdown(wait=True)
        broken = [each for each in results if isinstance(each, BaseException)]
        if broken:
            raise broken[0]
