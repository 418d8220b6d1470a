"""Attention that never leaves its document, for packed rows in any model that uses transformers' attention interface.

A block-diagonal mask costs T x T over the whole packed row and is only as safe as the flags around it. Here each
document is its own causal attention: no mask to lose, and the cost is the sum of the squares, not the square of the sum.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from ..trajectories.errors import UsageError

NAME = "agentbank_documents"
"""How the model's configuration calls it while it trains; checkpoints are saved with the model's own."""

_UNKNOWN = ("sliding_window", "softcap", "s_aux")


def document_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    boundaries: torch.Tensor | None = None,
    sizes: tuple[int, ...] | None = None,
    longest: int | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention inside each document of one packed row.

    Args:
        module: The calling layer (unused; part of transformers' interface).
        query: (1, heads, T, width).
        key: (1, key heads, T, width); fewer heads than the query's are shared (GQA).
        value: As `key`.
        attention_mask: Must be None: a mask here would mean padding, and packed rows have none.
        scaling: Multiplies the scores; None is 1/sqrt(width).
        dropout: Of the attention weights, 0..1.
        boundaries: Starts of the documents and the end T, int32, (documents + 1,).
        sizes: The documents' lengths as plain integers, so that no device has to be asked (where there is no fused kernel).
        longest: The longest document, for the fused kernel.
        **kwargs: What else a model's layers pass; kinds of attention that are not written here are refused.

    Returns:
        (1, T, heads, width), and None for the weights.

    Raises:
        UsageError: called without `boundaries`, with a mask, or by a model with windows, soft caps or sinks.
    """
    if boundaries is None or attention_mask is not None:
        raise UsageError(f"attention {NAME!r} serves packed rows only: pass boundaries, and no attention_mask")
    foreign = [name for name in _UNKNOWN if kwargs.get(name) is not None]
    if foreign:
        raise UsageError(f"this model's attention has {', '.join(foreign)}; train it with attention='sdpa'")
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16) and dropout == 0.0:
        return _fused(query, key, value, boundaries, longest or query.shape[2], scaling), None
    sizes = sizes or tuple(boundaries.diff().tolist())
    pieces = [
        scaled_dot_product_attention(
            q, k, v, dropout_p=dropout, is_causal=True, scale=scaling, enable_gqa=q.shape[1] != k.shape[1]
        )
        for q, k, v in zip(*(torch.split(each, list(sizes), 2) for each in (query, key, value)), strict=True)
    ]
    return torch.cat(pieces, dim=2).transpose(1, 2), None


def _fused(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    boundaries: torch.Tensor,
    longest: int,
    scaling: float | None,
) -> torch.Tensor:
    """The same by one kernel of PyTorch's own (FlashAttention-2 with variable lengths; CUDA, half precision)."""
    from torch.nn.attention.varlen import varlen_attn

    flat_query, flat_key, flat_value = (each.squeeze(0).transpose(0, 1).contiguous() for each in (query, key, value))
    out = varlen_attn(
        flat_query,
        flat_key,
        flat_value,
        boundaries,
        boundaries,
        longest,
        longest,
        scale=scaling,
        window_size=(-1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(out, torch.Tensor)
    return out.unsqueeze(0)


def register() -> str:
    """Make `document_attention` known to transformers (no mask is built for it); returns its name."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, document_attention)
    return NAME


def serves(config: Any) -> bool:
    """Whether a model of this configuration can train with `document_attention`: plain causal attention throughout."""
    text = config.get_text_config()
    windowed = getattr(text, "sliding_window", None) is not None and getattr(text, "use_sliding_window", True)
    kinds = set(getattr(text, "layer_types", None) or ["full_attention"])
    capped = getattr(text, "attn_logit_softcapping", None) is not None
    sinks = text.model_type.startswith("gpt_oss")
    return not (windowed or capped or sinks) and kinds == {"full_attention"}
