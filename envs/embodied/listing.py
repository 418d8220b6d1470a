"""A long list of tasks that builds each one, and its digest, only when it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from ...trajectories.errors import UnknownName
from ..core import Task


class Listing(Sequence[Task]):
    """Tasks by position or by id; `build(i)` makes the i-th. Never changed after it is made, so instances share it."""

    def __init__(self, kind: str, ids: Sequence[str], build: Callable[[int], Task]) -> None:
        """Remember the ids; `kind` is what an unknown id is called in the error."""
        self.kind, self.ids, self._build = kind, ids, build
        self._position = {each: i for i, each in enumerate(ids)}

    def __len__(self) -> int:
        """How many tasks there are."""
        return len(self.ids)

    @overload
    def __getitem__(self, i: int) -> Task: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Task]: ...
    def __getitem__(self, i: int | slice) -> Task | Sequence[Task]:
        """Build the task at a position, or the tasks of a slice."""
        if isinstance(i, slice):
            return [self._build(each) for each in range(*i.indices(len(self)))]
        return self._build(range(len(self))[i])

    def named(self, task_id: str) -> Task:
        """The task of that id.

        Raises:
            UnknownName: there is none.
        """
        if task_id not in self._position:
            raise UnknownName(self.kind, task_id, self.ids)
        return self._build(self._position[task_id])
