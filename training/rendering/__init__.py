"""Conversations into token ids, loss mask and spans: one renderer for rollouts and for training."""

from .fit import TooLong
from .layout import as_messages
from .named import AGENT_TUNING_SYSTEM, NAMED
from .proof import MaskError, Proof, prove
from .render import generation_prompt, prompts_are_prefixes, render, stop_ids, stop_text, template_digest
from .rows import Ledger, Row, render_rows
from .tokens import Rendered, Span

__all__ = [
    "AGENT_TUNING_SYSTEM",
    "NAMED",
    "Ledger",
    "MaskError",
    "Proof",
    "Rendered",
    "Row",
    "Span",
    "TooLong",
    "as_messages",
    "generation_prompt",
    "prompts_are_prefixes",
    "prove",
    "render",
    "render_rows",
    "stop_ids",
    "stop_text",
    "template_digest",
]
