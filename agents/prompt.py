"""The prompt that heads a conversation: how to answer (a text file beside this one) and the world's manual."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

from ..trajectories.record import Message
from .core import Brief

Style = Literal["react", "act"]
Lead = Literal["system", "user", "none"]

HERE = Path(__file__).parent


def prompt(brief: Brief, style: Style = "react", lead: Lead = "system") -> tuple[Message, ...]:
    """The messages before the first observation.

    Args:
        brief: gives the manual, and whether an action is code.
        style: "react" asks for a thought and an action, "act" for an action alone.
        lead: "system" puts it all in one system message; "user" in a user message that the assistant confirms, for
            chat templates without a system role (both leave user and assistant alternating); "none" says nothing, for
            models that were trained on the world itself and need no manual.
    """
    if lead == "none":
        return ()
    name = f"{style}_code" if brief.action_kind == "code" else style
    text = _template(name).replace("{manual}", brief.manual.strip()).strip()
    return (Message("system", text),) if lead == "system" else (Message("user", text), Message("assistant", "OK."))


@functools.cache
def _template(name: str) -> str:
    return (HERE / f"{name}.txt").read_text(encoding="utf-8")
