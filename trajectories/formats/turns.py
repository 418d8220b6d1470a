"""Lists of chat turns, whichever names a file has for speaker, words and loss: what the chat formats share."""

from __future__ import annotations

from typing import Any

import msgspec

from ..record import Message, Role
from .records import Record

SPEAKERS: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "observation": "user",
    "tool": "user",
    "function": "user",
    "function_response": "user",
    "ipython": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "model": "assistant",
    "function_call": "assistant",
}
"""Every speaker that a chat format names, and the role that it plays here: tools answer as the world does."""

_LOSS_KEYS = ("loss", "train", "weight")


def read_turns(record: Record, raw: Any, field: str) -> tuple[tuple[Message, ...], list[str]]:
    """Messages of a list of turns, and the speakers as the file names them.

    Raises:
        DataError: not a list, a turn without speaker or words, an unknown speaker: file, record, ``field[number].key``.
    """
    if not isinstance(raw, list):
        raise record.wrong(f"expected a list of turns, found {type(raw).__name__}", field)
    if not raw:
        raise record.wrong("holds no turn", field)
    messages, speakers = [], []
    for number, turn in enumerate(raw):
        where = f"{field}[{number}]"
        if not isinstance(turn, dict):
            raise record.wrong(f"expected an object, found {type(turn).__name__}", where)
        speaker = turn.get("from", turn.get("role"))
        if not isinstance(speaker, str) or speaker.lower() not in SPEAKERS:
            key = "role" if "role" in turn or "content" in turn else "from"
            raise record.wrong(f"speaker {speaker!r}; expected one of {', '.join(SPEAKERS)}", f"{where}.{key}")
        messages.append(Message(SPEAKERS[speaker.lower()], _words(record, turn, where), _loss(record, turn, where)))
        speakers.append(speaker)
    return tuple(messages), speakers


def _words(record: Record, turn: dict[str, Any], where: str) -> str:
    key = "value" if "value" in turn else "content"
    words = turn.get(key)
    if isinstance(words, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in words]
        if not all(isinstance(part, str) for part in parts):
            raise record.wrong("a content part that is not text; images and sound are not read", f"{where}.{key}")
        words = "".join(str(part) for part in parts)
    calls = turn.get("tool_calls")
    if calls:
        words = "\n".join(each for each in (words, msgspec.json.encode(calls).decode()) if each)
    if not isinstance(words, str):
        raise record.wrong(f"expected text, found {type(words).__name__}", f"{where}.{key}")
    return words


def _loss(record: Record, turn: dict[str, Any], where: str) -> bool | None:
    for key in _LOSS_KEYS:
        if key in turn:
            flag = turn[key]
            if flag is not None and flag not in (0, 1):
                raise record.wrong(f"expected true, false or null, found {flag!r}", f"{where}.{key}")
            return None if flag is None else bool(flag)
    return None


def extra(record: Record, used: set[str]) -> dict[str, Any]:
    """What a record says besides its turns, and the file that it comes from."""
    rest = {key: value for key, value in record.value.items() if key not in used}
    return {"file": record.path.stem, **rest}


def identity(record: Record) -> str:
    """The record's own id, else its file and place."""
    for key in ("id", "item_id", "conversation_id"):
        value = record.value.get(key) if isinstance(record.value, dict) else None
        if isinstance(value, str | int) and value != "":
            return str(value)
    return f"{record.path.stem}/{record.where.removeprefix('line ')}"
