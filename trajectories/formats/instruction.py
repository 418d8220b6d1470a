"""Instruction files: Alpaca's instruction, input and output, with LLaMA-Factory's system and history, and their likes.

``{"instruction": "Name a colour.", "input": "", "output": "Green."}``
"""

from __future__ import annotations

from typing import Any

from ..errors import UsageError
from ..record import Message
from .conversation import Conversation
from .records import Record
from .turns import extra, identity

_ASKED = ("instruction", "prompt", "query", "question", "input")
_ANSWERED = ("output", "response", "completion", "answer")


class Instruction:
    """One question, one answer; earlier exchanges in `history`."""

    name = "instruction"
    about = (
        "instruction, input, output (system, history): Alpaca, Evol-CodeAlpaca; also prompt/completion and their likes"
    )
    lossy = "per-message loss flags"

    def matches(self, value: Any) -> bool:
        """Whether a record has this shape."""
        return (
            isinstance(value, dict)
            and any(isinstance(value.get(key), str) for key in _ASKED)
            and any(key in value for key in _ANSWERED)
        )

    def read(self, record: Record) -> Conversation:
        """One record as a conversation: `input` follows `instruction` after an empty line.

        Raises:
            DataError: a field that is missing or of the wrong kind.
        """
        value = record.value
        if not isinstance(value, dict):
            raise record.wrong(f"expected an object, found {type(value).__name__}")
        asked = next((key for key in _ASKED if key in value), None)
        answered = next((key for key in _ANSWERED if key in value), None)
        if asked is None or answered is None:
            missing, names = ("instruction", _ASKED) if asked is None else ("output", _ANSWERED)
            raise record.wrong(f"no such field; expected one of {', '.join(names)}", missing)
        question, answer = _text(record, asked), _text(record, answered)
        given = _text(record, "input") if asked != "input" and value.get("input") else ""
        messages = [Message("system", _text(record, "system"))] if value.get("system") else []
        for number, pair in enumerate(value.get("history") or []):
            if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
                raise record.wrong("expected a pair of texts", f"history[{number}]")
            messages += [Message("user", pair[0]), Message("assistant", pair[1])]
        messages += [Message("user", f"{question}\n\n{given}" if given else question), Message("assistant", answer)]
        meta = extra(record, {"id", asked, answered, "input", "system", "history"})
        return Conversation(identity(record), tuple(messages), meta | ({"input": given} if given else {}))

    def write(self, conversation: Conversation) -> dict[str, Any]:
        """A conversation as a record of this layout.

        Raises:
            UsageError: its messages are not question and answer in turn.
        """
        messages = list(conversation.messages)
        system = messages.pop(0).content if messages[0].role == "system" else ""
        if messages and messages[-1].role == "user":
            messages.pop()
        roles = [message.role for message in messages]
        if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
            raise UsageError(
                f"conversation {conversation.id!r} is not question and answer in turn ({', '.join(roles[:6])}), which "
                "an instruction file needs; export it as sharegpt, agentinstruct or messages"
            )
        words = [message.content for message in messages]
        rest = {key: value for key, value in conversation.meta.items() if key not in ("file", "from", "input")}
        given = conversation.meta.get("input", "")
        asked = words[-2].removesuffix(f"\n\n{given}") if given else words[-2]
        row: dict[str, Any] = {"id": conversation.id, "instruction": asked, "input": given, "output": words[-1]}
        if system:
            row["system"] = system
        if len(words) > 2:
            row["history"] = [words[index : index + 2] for index in range(0, len(words) - 2, 2)]
        return row | rest


def _text(record: Record, key: str) -> str:
    value = record.value[key]
    if not isinstance(value, str):
        raise record.wrong(f"expected text, found {type(value).__name__}", key)
    return value
