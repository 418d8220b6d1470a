"""Rows in and out: episodes, ShareGPT, AgentInstruct, OpenAI messages, instruction files."""

from .conversation import Conversation, from_episode, to_episode

__all__ = ["Conversation", "from_episode", "to_episode"]
