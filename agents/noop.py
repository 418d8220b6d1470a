"""Noop: does nothing, every turn; what a world gives for nothing."""

from __future__ import annotations

from typing import ClassVar

from ..trajectories.record import Message, Source, Turn
from .core import Agent, Brief, View


class Noop(Agent):
    """The empty action, until the world ends the episode."""

    name: ClassVar[str] = "noop"
    action_source: ClassVar[Source] = "none"
    thought_source: ClassVar[Source] = "none"

    async def begin(self, brief: Brief) -> tuple[Message, ...]:
        """Nothing to prepare."""
        return ()

    async def act(self, view: View) -> Turn:
        """Nothing."""
        return Turn("", parsed="none")
