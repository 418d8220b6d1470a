"""ShareGPT's layout as AgentBank, ETO and FastChat use it, and AgentInstruct's, which adds a loss flag to each turn.

``{"id": "shop_1", "conversations": [{"from": "human", "value": "..."}, {"from": "gpt", "value": "...", "loss":
true}]}``
"""

from __future__ import annotations

import re
from typing import Any

from ..record import Message, Role
from .conversation import Conversation
from .records import Record
from .turns import extra, identity, read_turns

_NAMES: dict[Role, str] = {"system": "system", "user": "human", "assistant": "gpt"}
_WORLD = re.compile(r"(os|db|kg|alfworld|webshop|mind2web)_\[?\d+\]?")
"""AgentInstruct's and AgentGym's ids name the world: ``os_12``, ``webshop_[5238]``."""


class ShareGPT:
    """`conversations` of `from` and `value`; a leading system turn may stand as a `system` field instead."""

    name = "sharegpt"
    about = "conversations[{from, value}]: AgentBank, ETO, FastChat, LLaMA-Factory"
    lossy = "per-message loss flags"

    def matches(self, value: Any) -> bool:
        """Whether a record has this shape."""
        return isinstance(value, dict) and "conversations" in value

    def read(self, record: Record) -> Conversation:
        """One record as a conversation; what else it holds goes to `meta`.

        Raises:
            DataError: a field that is missing or of the wrong kind.
        """
        if not self.matches(record.value):
            raise record.wrong("no such field; expected a list of turns", "conversations")
        messages, speakers = read_turns(record, record.value["conversations"], "conversations")
        meta = extra(record, {"id", "conversations", "from"})
        prompt = meta.get("prompt")
        if isinstance(prompt, int) and isinstance(meta.get("episode"), dict):
            messages = tuple(
                Message(each.role, each.content, False) if index < prompt and each.loss is None else each
                for index, each in enumerate(messages)
            )
        system = meta.get("system")
        if isinstance(system, str) and system and messages[0].role != "system":
            messages, speakers = (Message("system", system), *messages), ["system", *speakers]
            del meta["system"]
        if speakers != [_NAMES[each.role] for each in messages]:
            meta["from"] = speakers
        found = _WORLD.fullmatch(identity(record))
        if found and "env" not in meta:
            meta["env"] = found[1]
        return Conversation(identity(record), messages, meta)

    def write(self, conversation: Conversation) -> dict[str, Any]:
        """A conversation as a record of this layout."""
        rest = {key: value for key, value in conversation.meta.items() if key not in ("file", "from")}
        turns = [
            self._turn(message, who)
            for message, who in zip(conversation.messages, _speakers(conversation), strict=True)
        ]
        return {"id": conversation.id, "conversations": turns, **rest}

    def _turn(self, message: Message, speaker: str) -> dict[str, Any]:
        return {"from": speaker, "value": message.content}


class AgentInstruct(ShareGPT):
    """ShareGPT with `loss` in each turn: true or false for the assistant, null for what was never asked."""

    name = "agentinstruct"
    about = "conversations[{from, loss, value}]: AgentInstruct, AgentGym"
    lossy = ""

    def matches(self, value: Any) -> bool:
        """Whether a record has this shape."""
        turns = value.get("conversations") if isinstance(value, dict) else None
        return isinstance(turns, list) and any(isinstance(turn, dict) and "loss" in turn for turn in turns)

    def read(self, record: Record) -> Conversation:
        """One record as a conversation; a file of this layout may lack single flags."""
        return ShareGPT.read(SHAREGPT, record)

    def _turn(self, message: Message, speaker: str) -> dict[str, Any]:
        loss = (message.loss is not False) if message.role == "assistant" else (message.loss or None)
        return {"from": speaker, "loss": loss, "value": message.content}


def _speakers(conversation: Conversation) -> list[str]:
    kept = conversation.meta.get("from")
    if isinstance(kept, list) and len(kept) == len(conversation.messages):
        return kept
    return [_NAMES[message.role] for message in conversation.messages]


SHAREGPT = ShareGPT()
