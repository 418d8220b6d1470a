"""Sandboxes kept warm: taken at once, used by one episode, thrown away; a new one is started in its place meanwhile."""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Any, Self

from ...trajectories.errors import UsageError
from .choose import open_sandbox
from .core import Sandbox


class Pool:
    """`size` sandboxes of one kind, started ahead by one thread; worth it where a start is slow (docker)."""

    def __init__(self, provider: str = "auto", *, size: int = 4, **options: Any) -> None:
        """Begin to start them.

        Args:
            provider: See `open_sandbox`.
            size: How many stand ready at most.
            options: As of `open_sandbox`.

        Raises:
            UsageError: `size` is not positive.
        """
        if size < 1:
            raise UsageError(f"a pool holds at least 1 sandbox, not {size}")
        self.provider, self.options = provider, options
        self.ready: queue.Queue[Sandbox | BaseException] = queue.Queue(size)
        self.wanted = threading.Semaphore(size)
        self.closed = False
        self.starter = threading.Thread(target=self._fill, name="agentbank-sandboxes", daemon=True)
        self.starter.start()

    def _fill(self) -> None:
        while True:
            self.wanted.acquire()
            if self.closed:
                return
            try:
                self.ready.put(open_sandbox(self.provider, **self.options))
            except Exception as error:
                self.ready.put(error)  # for whoever takes next: it is raised there

    def take(self) -> Sandbox:
        """A fresh sandbox; closing it is the taker's part.

        Raises:
            UsageError: the pool is closed.
            MissingPart: as of `open_sandbox`.
            Fault: as of `open_sandbox`.
        """
        if self.closed:
            raise UsageError("this pool is closed")
        found = self.ready.get()
        self.wanted.release()
        if isinstance(found, BaseException):
            raise found
        return found

    def close(self) -> None:
        """End the thread and the sandboxes that nobody took. May be called again."""
        self.closed = True
        self.wanted.release()
        self.starter.join()
        while not self.ready.empty():
            found = self.ready.get()
            if isinstance(found, Sandbox):
                found.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Close."""
        self.close()
