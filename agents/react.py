"""ReAct (Yao et al. 2022, arXiv 2210.03629): a thought and an action to each observation, one correction, no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..trajectories.errors import ContextOverflow
from ..trajectories.record import Message, Reply, Turn
from .core import Agent, Brief, Model, View
from .parse import Read, read
from .prompt import Lead, Style, prompt

STOP = ("\nObservation:",)
"""Where a model begins to invent the world's answer, it is cut off."""


@dataclass(frozen=True, slots=True)
class ReactOptions:
    """What can be set on `react` and `act`."""

    lead: Lead = "system"
    """Where the manual stands: in a system message, in a first user message (templates without a system role), or nowhere."""
    corrections: int = 1
    """How often a reply without an action is asked for again (0 or 1); then the turn counts as invalid."""

    def __post_init__(self) -> None:
        """Check the range."""
        if self.corrections not in (0, 1):
            raise ValueError(f"corrections must be 0 or 1, not {self.corrections}")


class React(Agent):
    """Thought, then action; the conversation is exactly what `trajectories.record.chat` gives of the record.

    A reply in which no action is found is asked for once more; both calls are kept in the turn, and only the second
    reply stays in the conversation. If that has no action either, the turn's action is empty and counts as invalid.
    """

    name: ClassVar[str] = "react"
    needs_model: ClassVar[bool] = True
    Options: ClassVar[type[Any]] = ReactOptions
    style: ClassVar[Style] = "react"

    options: ReactOptions
    model: Model

    async def begin(self, brief: Brief) -> tuple[Message, ...]:
        """Take the brief; return the prompt."""
        self.brief = brief
        self.code = brief.action_kind == "code"
        self.count = 0
        head = prompt(brief, self.style, self.options.lead)
        self.history = list(head)
        return head

    async def act(self, view: View) -> Turn:
        """One turn: one call, or two where the first reply had no action.

        Raises:
            ContextOverflow: the conversation no longer fits the model.
            Fault: the model's server or engine failed for good.
        """
        self.history.append(Message("user", view.text))
        calls = [await self._call(self.history)]
        found = self._read(calls[0].text)
        if not found.action and self.options.corrections:
            rejected = [Message("assistant", calls[0].text), Message("user", self._correction())]
            try:
                calls.append(await self._call([*self.history, *rejected]))
            except ContextOverflow:
                # The conversation itself still fits; only the second try did not, so the first one stands.
                return self._turn(calls)
        return self._turn(calls)

    def _turn(self, calls: list[Reply]) -> Turn:
        text = calls[-1].text
        thought, action, parsed = self._read(text)
        self.history.append(Message("assistant", text))
        return Turn(text, thought, action, parsed, calls=tuple(calls))

    def _read(self, text: str) -> Read:
        return read(text, code=self.code, thoughts=self.style == "react")

    async def _call(self, messages: list[Message]) -> Reply:
        self.count += 1
        # Another seed each call, so that a second try of the same chat is not the same reply.
        seed = (self.brief.seed * 1_000_003 + self.count) % 2**31
        return await self.model.complete(messages, max_tokens=self.brief.reply_tokens, seed=seed, stop=STOP)

    def _correction(self) -> str:
        form = "Thought: ...\nAction: ..." if self.style == "react" else "Action: ..."
        return f"No action was found in that reply. Answer again, in exactly this form:\n{form}"
