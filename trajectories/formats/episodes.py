"""Our own episodes, one JSON line each, as the store keeps them."""

from __future__ import annotations

from typing import Any

import msgspec

from ..record import SCHEMA, Episode
from .conversation import Conversation, from_episode, to_episode
from .records import Record


class Episodes:
    """The record itself; as a conversation it is its chat, and the rest stands in `meta`."""

    name = "episodes"
    about = "one Episode a line: this project's own store"
    lossy = "model calls and step info, unless it is read from a store"

    def matches(self, value: Any) -> bool:
        """Whether a record has this shape."""
        return isinstance(value, dict) and {"task", "env", "agent", "steps", "outcome"} <= value.keys()

    def episode(self, record: Record) -> Episode:
        """One record as an episode.

        Raises:
            DataError: it is not one, or of a newer schema.
        """
        try:
            return msgspec.convert(record.value, Episode)
        except msgspec.ValidationError as error:
            schema = record.value.get("schema", SCHEMA)
            if schema != SCHEMA:
                raise record.wrong(f"record schema {schema!r}; this agentbank reads {SCHEMA}", "schema") from error
            raise record.wrong(f"not an Episode: {error}") from error

    def read(self, record: Record) -> Conversation:
        """One record as a conversation."""
        return from_episode(self.episode(record))

    def write(self, conversation: Conversation) -> dict[str, Any]:
        """A conversation as an episode."""
        row: dict[str, Any] = msgspec.to_builtins(to_episode(conversation))
        return row
