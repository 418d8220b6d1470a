"""OpenAI's messages, as fine-tuning files, FireAct's trajectories and bare lists of messages have them.

``{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "...", "weight": 0}]}``
"""

from __future__ import annotations

from typing import Any

from .conversation import Conversation
from .records import Record
from .turns import extra, identity, read_turns

_FIELDS = ("messages", "traj", "trajectory", "conversation")


class Messages:
    """`messages` of `role` and `content`; an assistant message that is not learned has OpenAI's ``weight: 0``."""

    name = "messages"
    about = "messages[{role, content, weight?}]: OpenAI, Hugging Face; also FireAct's traj and bare lists"
    lossy = ""

    def matches(self, value: Any) -> bool:
        """Whether a record has this shape."""
        if isinstance(value, list):
            return bool(value) and isinstance(value[0], dict) and ("role" in value[0] or "content" in value[0])
        return isinstance(value, dict) and any(isinstance(value.get(field), list) for field in _FIELDS)

    def read(self, record: Record) -> Conversation:
        """One record as a conversation; what else it holds goes to `meta`.

        Raises:
            DataError: a field that is missing or of the wrong kind.
        """
        value = record.value
        if isinstance(value, list):
            messages, _ = read_turns(record, value, "messages")
            return Conversation(identity(record), messages, {"file": record.path.stem})
        field = next((name for name in _FIELDS if isinstance(value, dict) and name in value), None)
        if field is None:
            raise record.wrong("no such field; expected a list of messages", "messages")
        messages, _ = read_turns(record, value[field], field)
        return Conversation(identity(record), messages, extra(record, {"id", field}))

    def write(self, conversation: Conversation) -> dict[str, Any]:
        """A conversation as a record of this layout."""
        rest = {key: value for key, value in conversation.meta.items() if key not in ("file", "from")}
        turns: list[dict[str, Any]] = []
        for message in conversation.messages:
            turn: dict[str, Any] = {"role": message.role, "content": message.content}
            if message.loss is not None and message.loss != (message.role == "assistant"):
                turn["weight"] = int(message.loss)
            turns.append(turn)
        return {"id": conversation.id, "messages": turns, **rest}
