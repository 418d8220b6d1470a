"""A conversation: what every format is read into and written from, and how it comes from an episode and goes back."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..record import AgentRef, EnvRef, Episode, Message, Result, Step, TaskRef, Turn, chat


class Conversation(msgspec.Struct, frozen=True):
    """One row of text: messages with their loss flags, and whatever else its file says of it (`meta`)."""

    id: str
    messages: tuple[Message, ...]
    meta: dict[str, Any] = {}

    @property
    def world(self) -> str:
        """Which world (or, for general data, which file) it comes from."""
        return str(self.meta.get("env") or self.meta.get("source") or self.meta.get("file") or "unknown")

    @property
    def skill(self) -> str:
        """Which skill it teaches, where the row says so; empty otherwise."""
        return str(self.meta.get("skill") or "")

    @property
    def template(self) -> str | None:
        """Digest of the chat template that the agent's model read, where it was recorded."""
        episode = self.meta.get("episode")
        digest = episode.get("agent", {}).get("template") if isinstance(episode, dict) else None
        return digest if isinstance(digest, str) else None


_ACTION = re.compile(r"(?:^|\n)[ \t]*(?:action|act)[ \t]*:[ \t]*", re.IGNORECASE)
_THOUGHT = re.compile(r"^\s*(?:thought|think)[ \t]*:[ \t]*", re.IGNORECASE)


def as_turn(text: str) -> Turn:
    """Thought and action in an answer: the action follows the last ``Action:``; without one it is the whole."""
    marks = list(_ACTION.finditer(text))
    if not marks:
        return Turn(text=text, action=text.strip(), parsed="lenient")
    found = marks[-1]
    thought = _THOUGHT.sub("", text[: found.start()]).strip()
    return Turn(text=text, thought=thought, action=text[found.end() :].strip())


def from_episode(episode: Episode, *, thoughts: bool = True) -> Conversation:
    """The conversation of an episode; `meta` keeps the rest of the record (but model calls and step info).

    With ``thoughts=False`` the assistant's turns are their actions alone.
    """
    messages = tuple(chat(episode, thoughts=thoughts))
    rest = msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(episode, prompt=(), steps=())))
    steps: list[dict[str, Any]] = [
        {
            "reward": step.reward,
            "valid": step.valid,
            "action_source": step.action_source,
            "thought_source": step.thought_source,
            "train": step.train,
        }
        for step in episode.steps
    ]
    turns = [message.content for message in messages[len(episode.prompt) + 1 :: 2]]
    for entry, text, step in zip(steps, turns, episode.steps, strict=True):
        read = as_turn(text)
        if (read.thought, read.action, read.parsed) != (step.turn.thought, step.turn.action, step.turn.parsed):
            entry |= {"action": step.turn.action, "parsed": step.turn.parsed}
            entry |= {"thought": step.turn.thought} if thoughts else {}
    meta = {
        "env": episode.task.env,
        "task": episode.task.id,
        "split": episode.task.split,
        "success": episode.outcome.success,
        "score": episode.outcome.score,
        "reward": episode.outcome.reward,
        "prompt": len(episode.prompt),
        "steps": steps,
        "episode": rest,
    }
    return Conversation(episode.id, messages, meta)


def to_episode(conversation: Conversation, *, env: str | None = None) -> Episode:
    """An episode out of a conversation: the inverse of `from_episode` where its `meta` is there, else a best reading.

    The reading: everything before the first learned assistant message is prompt, but for the message before it, which
    is the first observation; a message after the last answer is the final observation; `success` and `reward` are
    taken where the row has them. Observations in a row are joined by a line break.

    Raises:
        KeyError, TypeError, msgspec.ValidationError: `meta` looks like `from_episode`'s, but was changed since.
    """
    meta = conversation.meta
    messages = conversation.messages
    ours = isinstance(meta.get("episode"), dict)
    head: int = meta["prompt"] if ours else -1
    if not ours:
        first = next(
            (i for i, m in enumerate(messages) if m.role == "assistant" and m.loss is not False), len(messages)
        )
        head = max(0, first - 1) if first and messages[first - 1].role == "user" else first
    details = meta["steps"] if ours else []
    steps: list[Step] = []
    seen: list[str] = []
    for message in messages[head:]:
        if message.role != "assistant":
            seen.append(message.content)
            continue
        detail = dict(details[len(steps)]) if len(steps) < len(details) else {}
        turn = as_turn(message.content)
        turn = msgspec.structs.replace(
            turn, **{k: detail.pop(k) for k in ("action", "parsed", "thought") if k in detail}
        )
        detail.setdefault("train", message.loss is not False)
        steps.append(
            msgspec.convert({"observation": "\n".join(seen), "turn": turn, **detail}, Step, from_attributes=True)
        )
        seen = []
    prompt = tuple(Message(each.role, each.content) for each in messages[:head])
    if ours:
        rest = msgspec.convert(meta["episode"], Episode)
        return msgspec.structs.replace(rest, prompt=prompt, steps=tuple(steps))
    world = env or conversation.world
    success = bool(meta.get("success", False))
    reward = meta.get("reward", float(success))
    reward = float(reward) if isinstance(reward, int | float) else float(success)
    return Episode(
        id=conversation.id,
        task=TaskRef(world, str(meta.get("task", conversation.id)), str(meta.get("split", "train")), "", 0),
        env=EnvRef("imported", "sample", str(meta.get("file", "")), max(1, len(steps))),
        agent=AgentRef("imported"),
        prompt=prompt,
        steps=tuple(steps),
        final="\n".join(seen),
        ending="done",
        outcome=Result(min(1.0, max(0.0, reward)), success, reward),
    )
