"""One renderer: a model in this process reads its prompts as training will render them (promise 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from ..agents import Model
from ..trajectories import Message


@runtime_checkable
class Reads(Protocol):
    """A model that turns chats into token ids by a function that can be replaced."""

    tokenizer: Any
    tokenise: Callable[[Sequence[Message]], Sequence[int]]


def share_renderer(model: Model) -> None:
    """Give a model in this process training's renderer; a server renders by the checkpoint's own template itself."""
    if not isinstance(model, Reads):
        return
    from ..training import generation_prompt

    tokenizer = model.tokenizer
    model.tokenise = lambda chat: generation_prompt(chat, tokenizer)
