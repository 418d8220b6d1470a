"""The expert: plays the world's own solution, the upper bound and the source of gold trajectories."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, ClassVar

from ..trajectories.errors import UsageError
from ..trajectories.record import Message, Source, Turn
from .core import Agent, Brief, Need, View
from .prompt import Lead, Style, prompt


@dataclass(frozen=True, slots=True)
class ExpertOptions:
    """The prompt that heads its conversation, so that its record trains a `react` or an `act`."""

    style: Style = "react"
    lead: Lead = "system"


class Expert(Agent):
    """One gold action a turn, without thoughts (annotation adds them); stops when they are used up."""

    name: ClassVar[str] = "expert"
    needs: ClassVar[frozenset[Need]] = frozenset({"gold"})
    action_source: ClassVar[Source] = "gold"
    thought_source: ClassVar[Source] = "none"
    Options: ClassVar[type[Any]] = ExpertOptions

    options: ExpertOptions

    async def begin(self, brief: Brief) -> tuple[Message, ...]:
        """Take the gold actions; return the prompt that a trained agent will see.

        Raises:
            UsageError: this world knows no gold actions for the task.
        """
        if brief.gold is None:
            raise UsageError(f"{brief.env} knows no gold actions for this task, so the expert cannot play it")
        self.left = deque(brief.gold)
        return prompt(brief, self.options.style, self.options.lead)

    async def act(self, view: View) -> Turn:
        """The next gold action; a turn that stops when there is none."""
        if not self.left:
            return Turn("", parsed="none", stop=True)
        action = self.left.popleft()
        return Turn(f"Action: {action}", action=action)
