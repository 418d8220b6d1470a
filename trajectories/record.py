"""The words for what happened: Message, Reply, Turn, Step, Episode. Frozen, typed, one JSON line an episode."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from .errors import Boundary

SCHEMA = 1
"""Version of the Episode record; it rises whenever a stored line would read differently."""

Role = Literal["system", "user", "assistant"]
Source = Literal["model", "gold", "search", "reformat", "human", "random", "none"]
Ending = Literal["done", "max_steps", "time", "tokens", "context", "stopped", "failed"]
Fidelity = Literal["engine", "reimplementation", "sample"]


class Message(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One message of a chat. `loss` None means: the role's default (assistant yes, others no)."""

    role: Role
    content: str
    loss: bool | None = None


class Reply(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one call of a model gave back, and what it cost."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    finish_reason: str = "stop"
    seconds: float = 0.0
    prompt_ids: tuple[int, ...] | None = None
    completion_ids: tuple[int, ...] | None = None


class Turn(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One act of an agent: its words, whole (`text`), and what was read out of them.

    `parsed` says how the action was found: "strict" (the format asked for), "lenient" (recovered) or
    "none" (no action in it; `action` is then empty). `calls` holds every model call behind the turn,
    a rejected first try included; only the last one's text is `text`.
    """

    text: str
    thought: str = ""
    action: str = ""
    parsed: Literal["strict", "lenient", "none"] = "strict"
    stop: bool = False
    calls: tuple[Reply, ...] = ()


class Step(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the agent saw (`observation`), what it did (`turn`), and what came of it (the rest)."""

    observation: str
    turn: Turn
    reward: float = 0.0
    valid: bool = True
    action_source: Source = "model"
    thought_source: Source = "model"
    info: dict[str, Any] = {}
    train: bool = True


class TaskRef(msgspec.Struct, frozen=True, gc=False):
    """Which task: stable id, digest of its content, and the seed that with the id fixes the episode."""

    env: str
    id: str
    split: str
    digest: str
    seed: int


class EnvRef(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Which world, at which version, on which data."""

    version: str
    fidelity: Fidelity
    data: str
    max_steps: int
    options: dict[str, Any] = {}


class AgentRef(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Which policy: the agent's name and options; the model's name, sampling and template digest."""

    name: str
    version: str = "1"
    options: dict[str, Any] = {}
    model: str | None = None
    sampling: dict[str, Any] = {}
    template: str | None = None


class Result(msgspec.Struct, frozen=True, gc=False):
    """How it came out: score 0..1 (partial credit), success, and the sum of rewards."""

    score: float
    success: bool
    reward: float


class Failure(msgspec.Struct, frozen=True, gc=False):
    """An infrastructure failure, by the boundary that it crossed."""

    boundary: Boundary
    kind: str
    message: str


class Episode(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="schema", tag=SCHEMA):
    """One episode, whole. `final` is the last observation, the one that no turn answered.

    Each line begins with ``"schema": 1``; a line of another version does not decode.
    """

    id: str
    task: TaskRef
    env: EnvRef
    agent: AgentRef
    prompt: tuple[Message, ...]
    steps: tuple[Step, ...]
    final: str
    ending: Ending
    outcome: Result
    error: Failure | None = None
    gaps: tuple[str, ...] = ()
    parent: str | None = None
    trial: int = 0
    group: str | None = None
    started: float = 0.0
    seconds: float = 0.0

    @property
    def valid(self) -> bool:
        """Whether this episode measures the agent: it did not end by a failure of ours."""
        return self.ending != "failed"

    def replies(self) -> Iterator[Reply]:
        """Every model call of the episode, in order."""
        for step in self.steps:
            yield from step.turn.calls


def chat(episode: Episode, *, thoughts: bool = True) -> list[Message]:
    """The conversation as the agent had it: prompt, then observation and turn by turn.

    The chat is a view of the record, never the record itself. The prompt (manual, worked examples) has
    loss off; an assistant message has loss on where its step is marked `train`. With ``thoughts=False``
    a turn is its action alone (the ablation of AgentBank §"rationale"). An observation that follows the prompt's last
    user message is a message of its own.
    """
    messages = [Message(each.role, each.content, False) for each in episode.prompt]
    for step in episode.steps:
        text = step.turn.text if thoughts else f"Action: {step.turn.action}"
        messages.append(Message("user", step.observation, False))
        messages.append(Message("assistant", text, step.train))
    return messages


def episode_id(run: str, task: str, seed: int, trial: int) -> str:
    """The id that an episode has before it is run: same run configuration, task, seed, trial, same id."""
    return hashlib.sha256(f"{run}\0{task}\0{seed}\0{trial}".encode()).hexdigest()[:16]


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of one line of `episodes.jsonl`."""
    return msgspec.json.schema(Episode)
