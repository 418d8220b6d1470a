"""What an agent is, and what a model is: the two protocols that everything in this folder fills."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from ..trajectories.errors import UsageError
from ..trajectories.record import AgentRef, Message, Reply, Source, Turn

Need = Literal["gold", "actions"]


@dataclass(frozen=True, slots=True)
class Brief:
    """What an agent is told when an episode begins. `gold` is filled only for agents that declare the need."""

    env: str
    manual: str
    action_kind: str
    seed: int = 0
    gold: Sequence[str] | None = None
    reply_tokens: int | None = None
    """Completion tokens of one reply at most; None leaves it to the model's own limit."""


class View(NamedTuple):
    """What an agent sees before it acts: the observation, and (only for agents that need it) what is possible."""

    text: str
    actions: Sequence[str] | None = None


@runtime_checkable
class Model(Protocol):
    """Anything that completes a chat. One instance serves all episodes in flight.

    `complete` raises `ContextOverflow` when the chat does not fit, and `Fault("model", ...)` when the server or engine
    failed for good. What the model itself says, however odd, is a `Reply`.
    """

    name: str
    sampling: Mapping[str, Any]
    template: str | None

    async def complete(
        self,
        chat: Sequence[Message],
        *,
        max_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """Complete `chat` up to the first of the `stop` strings, which is left out of the text.

        `max_tokens` lowers the model's own limit, `seed` fixes its sampling where it can.
        """
        ...

    async def close(self) -> None:
        """Release connections, memory, threads."""
        ...


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of an agent that has none."""


class Agent(ABC):
    """One policy in one episode. A fresh instance per episode, so that instances hold their history in attributes.

    An agent never meets the world: the harness tells it what it may know (`Brief`, `View`), and takes its `Turn`.
    Its options are a frozen dataclass, named by `Options`; `make_agent` checks names and types against it.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[Need]] = frozenset()
    needs_model: ClassVar[bool] = False
    action_source: ClassVar[Source] = "model"
    thought_source: ClassVar[Source] = "model"
    Options: ClassVar[type[Any]] = NoOptions

    options: Any
    model: Model | None

    def __init__(self, model: Model | None = None, options: Any = None) -> None:
        """Hold the model and the options (an instance of `Options`; its defaults when None).

        Raises:
            UsageError: the agent needs a model and got none.
        """
        if self.needs_model and model is None:
            raise UsageError(f"agent {self.name!r} needs a model, such as --model openai:NAME or --model hf:FOLDER")
        self.model = model
        self.options = self.Options() if options is None else options

    def ref(self) -> AgentRef:
        """How the record names this agent: its options, and its model's name, sampling and template digest."""
        model = self.model
        return AgentRef(
            self.name,
            self.version,
            msgspec.to_builtins(self.options),
            None if model is None else model.name,
            {} if model is None else dict(model.sampling),
            None if model is None else model.template,
        )

    @abstractmethod
    async def begin(self, brief: Brief) -> tuple[Message, ...]:
        """Take the brief; return the prompt (manual, worked examples) that heads the conversation, never trained on."""

    @abstractmethod
    async def act(self, view: View) -> Turn:
        """Answer one observation. Raises `ContextOverflow` or `Fault`; a model's nonsense is a Turn without action."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one episode may use; None means no limit of its own."""

    steps: int | None = None
    seconds: float | None = None
    tokens: int | None = None
    """Prompt and completion tokens of all the calls of one episode together."""
    reply_tokens: int | None = None
