"""Episodes into weights."""

from .rendering import (
    Ledger,
    MaskError,
    Proof,
    Rendered,
    Row,
    Span,
    TooLong,
    generation_prompt,
    prompts_are_prefixes,
    prove,
    render,
    render_rows,
    stop_ids,
    stop_text,
    template_digest,
)

__all__ = [
    "Ledger",
    "MaskError",
    "Proof",
    "Rendered",
    "Row",
    "Span",
    "TooLong",
    "generation_prompt",
    "prompts_are_prefixes",
    "prove",
    "render",
    "render_rows",
    "stop_ids",
    "stop_text",
    "template_digest",
]
