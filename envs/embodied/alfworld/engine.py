"""What both engines do: play one game, command by command."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

NOTHING = "Nothing happens."
"""The answer to every command that is not possible now, in upstream's words."""


class Answer(NamedTuple):
    """What came of a command."""

    text: str
    won: bool
    valid: bool


class Engine(ABC):
    """One game under way."""

    __slots__ = ()

    @abstractmethod
    def start(self) -> str:
        """Begin; the room and the task in words."""

    @abstractmethod
    def step(self, command: str) -> Answer:
        """Carry out a command, if it is possible now."""

    @abstractmethod
    def commands(self) -> Sequence[str]:
        """What is possible now, in alphabetical order."""

    @abstractmethod
    def progress(self) -> float:
        """The share of the goal's conditions that hold, 0..1."""

    @abstractmethod
    def copy(self) -> Engine | None:
        """The same situation once more; None where the engine cannot."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what the engine holds."""
