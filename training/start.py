"""The model and tokenizer that a run starts from: loaded, adapted, set to the attention that packed rows need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from ..trajectories.errors import MissingPart, UsageError
from . import attention
from .config import SFTConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def accelerated(config: SFTConfig) -> bool:
    """Whether this run computes on an accelerator."""
    return config.device == "auto" and torch.accelerator.is_available()


def half(config: SFTConfig) -> bool:
    """Whether this run computes in bf16 (autocast over fp32 weights)."""
    if config.precision == "auto":
        return accelerated(config) and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return config.precision == "bf16"


def load(config: SFTConfig) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model and tokenizer by name or folder: fp32 weights, except a frozen base under LoRA in bf16.

    Raises:
        UsageError: no model is named, or none can be loaded from there; the library's own reason is kept.
    """
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(config)
    frozen_half = config.lora_rank > 0 and half(config) and not config.fsdp
    dtype = torch.bfloat16 if frozen_half else torch.float32
    return _found(config, lambda: AutoModelForCausalLM.from_pretrained(config.model, dtype=dtype)), tokenizer


def load_tokenizer(config: SFTConfig) -> PreTrainedTokenizerBase:
    """The model's tokenizer alone.

    Raises:
        UsageError: as `load`.
    """
    from transformers import AutoTokenizer

    if not config.model:
        raise UsageError("no model to start from; name one with --model (a Hugging Face name or a folder)")
    found: PreTrainedTokenizerBase = _found(config, lambda: AutoTokenizer.from_pretrained(config.model))
    return found


def _found(config: SFTConfig, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except (OSError, ValueError) as error:
        raise UsageError(f"no model could be loaded from {config.model!r}: {error}") from error


def check_tokenizer(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id that fills padding, after refusing a tokenizer that cannot end a turn.

    Labels are never made from the padding id, so a tokenizer without one borrows `unk`, else EOS, and loses nothing.

    Raises:
        UsageError: the tokenizer has no EOS token.
    """
    if tokenizer.eos_token_id is None:
        raise UsageError("this tokenizer has no EOS token, so no turn could ever end; set tokenizer.eos_token first")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    assert isinstance(tokenizer.pad_token_id, int)
    return tokenizer.pad_token_id


def ready(model: PreTrainedModel, config: SFTConfig) -> tuple[Any, str]:
    """The model as it trains (with adapters where asked for), and the batching that it takes.

    Raises:
        UsageError: packed rows, compile or Liger asked for where they cannot be had; the message names the way out.
        MissingPart: LoRA without peft, Liger without liger-kernel.
    """
    batching = config.batching
    documents = attention.serves(model.config) and packs(model)
    chosen = config.attention
    if chosen == "auto":
        chosen = "documents" if documents and batching != "grouped" else "sdpa"
    if chosen == "documents" and batching == "grouped":
        raise UsageError("attention='documents' serves packed rows only; use attention='sdpa' with batching='grouped'")
    if chosen == "documents" and not documents:
        raise UsageError(
            f"{type(model).__name__} has windows, soft caps or sinks in its attention, or is outside transformers' "
            "attention interface; use attention='sdpa' (batching='grouped' if it is no plain decoder)"
        )
    if batching == "auto":
        batching = "packed" if packs(model) else "grouped"
    for name in ("compile", "liger"):
        if getattr(config, name) and not accelerated(config):
            raise UsageError(f"{name} is for accelerators; this run is on the CPU: drop --{name}")
    if config.liger:
        _need("liger_kernel", "liger-kernel", "Liger's kernels")
    model.set_attn_implementation(attention.register() if chosen == "documents" else chosen)
    if config.gradient_checkpointing:
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    if not config.lora_rank:
        return model, batching
    _need("peft", "peft", "LoRA")
    from peft import LoraConfig, get_peft_model

    targets: Any = config.lora_targets[0] if len(config.lora_targets) == 1 else list(config.lora_targets)
    try:
        adapted = get_peft_model(
            model,
            LoraConfig(
                r=config.lora_rank,
                lora_alpha=config.lora_alpha,  # type: ignore[arg-type]  # peft takes any number
                lora_dropout=config.lora_dropout,
                target_modules=targets if targets == "all-linear" else list(config.lora_targets),
                task_type="CAUSAL_LM",
            ),
        )
    except ValueError as error:
        raise UsageError(f"LoRA found no layers {targets!r} in {type(model).__name__}: {error}") from error
    if config.gradient_checkpointing:
        adapted.enable_input_require_grads()
    return adapted, batching


def packs(model: PreTrainedModel) -> bool:
    """Whether packed rows can be kept apart in this model: its attention goes through transformers' interface."""
    return bool(getattr(model, "_supports_attention_backend", False) and getattr(model, "_supports_sdpa", False))


def _need(module: str, package: str, what: str) -> None:
    import importlib.util

    if importlib.util.find_spec(module) is None:
        raise MissingPart(f"{what} need the package {package}: pip install {package}")
