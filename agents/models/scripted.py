"""Scripted: replies from a list or a function, at once; for demonstrations, benchmarks and tests."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from ...trajectories.errors import DataError, Fault, UsageError
from ...trajectories.record import Message, Reply
from ..core import NoOptions

Script = Callable[[Sequence[Message]], "str | Reply"]


class Scripted:
    """A model whose replies are known.

    A list is played in the order of the calls, whoever calls; a function is asked with the chat, so that it can serve
    many episodes at once. Either may give a `Reply`, to set token counts, or raise, to play a failure.
    """

    Options: ClassVar[type[Any]] = NoOptions

    def __init__(self, replies: Sequence[str | Reply] | Script, *, name: str = "scripted") -> None:
        """Take the replies."""
        self.name = name
        self.sampling: Mapping[str, Any] = {}
        self.template: str | None = None
        self._script = replies if callable(replies) else _in_order(replies)

    @classmethod
    def load(cls, name: str, options: NoOptions) -> Scripted:
        """``FILE.json`` (a list, the n-th reply for the n-th turn of every episode) or ``package.module:function``.

        Raises:
            UsageError: no such function.
            DataError: no such file, or not a JSON list of strings.
        """
        if name.endswith(".json"):
            return cls(by_turn(_replies(Path(name))), name=name)
        module, colon, attribute = name.partition(":")
        if not colon:
            raise UsageError(f"scripted:{name}: expected scripted:FILE.json or scripted:package.module:function")
        try:
            return cls(getattr(importlib.import_module(module), attribute), name=name)
        except (ModuleNotFoundError, AttributeError) as error:
            raise UsageError(f"scripted:{name}: {error}") from None

    async def complete(
        self,
        chat: Sequence[Message],
        *,
        max_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """The script's next reply, as it stands: limits, seed and stop strings do not change it.

        Raises:
            Fault: a list of replies is used up (boundary "model").
        """
        said = self._script(chat)
        return said if isinstance(said, Reply) else Reply(said)

    async def close(self) -> None:
        """Nothing is held."""


def by_turn(replies: Sequence[str | Reply]) -> Script:
    """A script in which the n-th reply answers the n-th turn of any conversation, and the last one all later turns.

    A turn is counted by the assistant's messages in the chat, so many episodes at once are served alike.
    """
    if not replies:
        raise UsageError("a script needs one reply at least")

    def script(chat: Sequence[Message]) -> str | Reply:
        turn = sum(1 for message in chat if message.role == "assistant")
        return replies[min(turn, len(replies) - 1)]

    return script


def _in_order(replies: Sequence[str | Reply]) -> Script:
    coming = iter(replies)

    def script(chat: Sequence[Message]) -> str | Reply:
        for said in coming:
            return said
        raise Fault("model", f"the script is used up after {len(replies)} replies")

    return script


def _replies(path: Path) -> list[str]:
    try:
        replies = msgspec.json.decode(path.read_bytes(), type=list[str])
    except OSError as error:
        raise DataError(path, error.strerror or str(error)) from None
    except msgspec.DecodeError as error:
        raise DataError(path, f"expected a JSON list of replies: {error}") from None
    if not replies:
        raise DataError(path, "expected a JSON list of replies, one at least")
    return replies
