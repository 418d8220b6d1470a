"""Rows in and out: episodes, ShareGPT, AgentInstruct, OpenAI messages, instruction files."""

from .conversation import Conversation, as_turn, from_episode, to_episode
from .files import export, import_, read
from .registry import FORMATS, Format

__all__ = ["FORMATS", "Conversation", "Format", "as_turn", "export", "from_episode", "import_", "read", "to_episode"]
