"""The formats by name, and which of them a file is in."""

from __future__ import annotations

from typing import Any, Protocol

from ..errors import UnknownName
from .conversation import Conversation
from .episodes import Episodes
from .instruction import Instruction
from .messages import Messages
from .records import Record
from .sharegpt import SHAREGPT, AgentInstruct


class Format(Protocol):
    """What a format is: a name, a shape to be known by, a reader and a writer of single records."""

    name: str
    about: str
    lossy: str

    def matches(self, value: Any) -> bool:
        """Whether a record has this shape."""
        ...

    def read(self, record: Record) -> Conversation:
        """One record as a conversation, or DataError."""
        ...

    def write(self, conversation: Conversation) -> dict[str, Any]:
        """A conversation as one record."""
        ...


EPISODES = Episodes()
FORMATS: dict[str, Format] = {
    each.name: each for each in (EPISODES, AgentInstruct(), SHAREGPT, Messages(), Instruction())
}
"""Every format; the first whose shape a file's first record has is the file's."""


def format_named(name: str) -> Format:
    """The format of that name.

    Raises:
        UnknownName: there is none.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise UnknownName("format", name, FORMATS) from None


def sniff(record: Record) -> Format:
    """The format that a file's first record is in.

    Raises:
        DataError: none; the message says what was found.
    """
    for each in FORMATS.values():
        if each.matches(record.value):
            return each
    value = record.value
    found = f"fields {', '.join(list(value)[:8])}" if isinstance(value, dict) else f"a {type(value).__name__}"
    raise record.wrong(f"in no known format (found {found}); the formats are {', '.join(FORMATS)}")
