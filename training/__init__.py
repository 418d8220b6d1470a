"""Episodes into weights."""

from .mixture import Drawn, Mixture, Recipe, Tally
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
from .sources import Part, load, parse_parts

__all__ = [
    "Drawn",
    "Ledger",
    "MaskError",
    "Mixture",
    "Part",
    "Proof",
    "Recipe",
    "Rendered",
    "Row",
    "Span",
    "Tally",
    "TooLong",
    "generation_prompt",
    "load",
    "parse_parts",
    "prompts_are_prefixes",
    "prove",
    "render",
    "render_rows",
    "stop_ids",
    "stop_text",
    "template_digest",
]
