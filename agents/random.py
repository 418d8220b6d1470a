"""Random: one of the possible actions, by the episode's seed; the floor that a policy must be above."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..trajectories.record import Message, Source, Turn
from .core import Agent, Brief, Need, View

GENERIC = ("look", "inventory", "help", "search[a]", "finish[yes]", "finish[0]", "ls", "SELECT 1", "wait", "1")
"""What is drawn from where the world does not say what is possible."""


class Random(Agent):
    """Uniform over what the world says is possible now; over a small generic set where it does not say."""

    name: ClassVar[str] = "random"
    needs: ClassVar[frozenset[Need]] = frozenset({"actions"})
    action_source: ClassVar[Source] = "random"
    thought_source: ClassVar[Source] = "none"

    async def begin(self, brief: Brief) -> tuple[Message, ...]:
        """Take the seed; there is no prompt, as nothing here is trained on."""
        self.rng = np.random.default_rng(brief.seed)
        return ()

    async def act(self, view: View) -> Turn:
        """Draw one action."""
        choices = view.actions or GENERIC
        action = choices[int(self.rng.integers(len(choices)))]
        return Turn(f"Action: {action}", action=action)
