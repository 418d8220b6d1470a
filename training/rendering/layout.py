"""A conversation laid out as one text, with the place of every message in it, counted in characters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ...trajectories.errors import UsageError
from ...trajectories.record import Message

ROLES = ("system", "user", "assistant")


class Place(NamedTuple):
    """Where one message lies: ``text[start:stop]``, for the assistant its stop token included.

    `start` is where the generation prompt ends, so white space that the template puts before an answer (Llama-2's blank
    after ``[/INST]``) belongs to the answer: it is the model that must produce it.
    """

    message: int
    role: str
    start: int
    stop: int
    trained: bool


@dataclass
class Layout:
    """A text under construction: literal pieces and messages, left to right."""

    places: list[Place] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _length: int = 0

    def add(self, *pieces: str) -> None:
        """Append literal text that belongs to no message."""
        self._pieces.extend(pieces)
        self._length += sum(map(len, pieces))

    def put(self, index: int, message: Message, content: str, *, lead: str = "", stop: str = "") -> None:
        """Append message number `index`; `lead` (white space) and `stop` belong to it."""
        start = self._length
        self.add(lead, content, stop)
        self.places.append(Place(index, message.role, start, self._length, trained(message)))

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self._pieces)


class Template(Protocol):
    """What lays conversations out: a named one of ours, or a Jinja one of a tokenizer."""

    digest: str

    def lay(self, messages: Sequence[Message], *, generation: bool = False) -> Layout:
        """Lay `messages` out; with `generation`, end where the assistant's next answer begins."""
        ...

    def stop(self) -> str:
        """The text that ends an assistant turn, white space before it included."""
        ...


def trained(message: Message) -> bool:
    """Whether this message is learned: its own flag, else the role's default (the assistant's are)."""
    return message.role == "assistant" if message.loss is None else message.loss


def as_messages(messages: Iterable[Message | Mapping[str, Any]]) -> list[Message]:
    """Messages out of structs or ``{"role", "content", "loss"?}`` dictionaries.

    Raises:
        UsageError: a role, content or loss that cannot be, named by the message's number.
    """
    found = [each if isinstance(each, Message) else _message(number, each) for number, each in enumerate(messages)]
    if not found:
        raise UsageError("a conversation without messages cannot be rendered")
    return found


def _message(number: int, raw: Mapping[str, Any]) -> Message:
    role, content, loss = raw.get("role"), raw.get("content"), raw.get("loss")
    if role not in ROLES:
        raise UsageError(f"message {number}: role {role!r}; expected one of {', '.join(ROLES)}")
    if not isinstance(content, str):
        raise UsageError(f"message {number}: content is {type(content).__name__}; expected text")
    if loss is not None and not isinstance(loss, bool | int):
        raise UsageError(f"message {number}: loss {loss!r}; expected true, false or nothing")
    return Message(role, content, None if loss is None else bool(loss))
