"""One frozen configuration of a fine-tuning run: from defaults, a preset, a TOML file and flags, in that order."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..trajectories.errors import DataError, UnknownName, UsageError


@dataclass(frozen=True)
class SFTConfig:
    """Everything that decides what a run learns, and how it is carried out."""

    model: str = ""
    """The model to start from: a Hugging Face name or a folder."""

    template: str | None = None
    """The chat template's name (llama2, llama3, chatml, plain); None is the tokenizer's own."""

    max_length: int = 4096
    """Tokens of the longest row; a longer one is refused (the renderer cuts whole exchanges before)."""

    epochs: int = 3
    """Passes over the rows, each in its own order."""

    max_steps: int = 0
    """Stop after this many optimiser steps; 0 is all of them. The schedule is drawn for the steps really run."""

    batch_size: int = 128
    """Conversations an optimiser step, over all processes together. Packing does not change it."""

    learning_rate: float = 2e-5
    """The peak of the schedule."""

    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    """How the learning rate goes from its peak to 0 (or stays)."""

    warmup: float = 0.03
    """The share of all steps in which the learning rate rises from 0, in 0..1."""

    weight_decay: float = 0.0
    """AdamW's decoupled decay; biases and norms are spared."""

    beta1: float = 0.9
    """AdamW's decay of the mean."""

    beta2: float = 0.999
    """AdamW's decay of the variance."""

    clip: float = 1.0
    """The largest norm of the gradient; 0 is no clipping."""

    seed: int = 0
    """Of the order of the rows, LoRA's first weights and dropout."""

    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """bf16 is autocast over fp32 weights; auto is bf16 where an accelerator has it, else fp32."""

    batching: Literal["auto", "packed", "grouped"] = "auto"
    """packed: documents end to end, no padding. grouped: rows of like length, padded. auto: packed wherever the model
    takes packed rows."""

    micro_tokens: int = 0
    """Tokens of one forward pass (a bin, or a padded block); 0 is max_length."""

    attention: Literal["auto", "documents", "sdpa", "eager"] = "auto"
    """documents: each document is its own causal attention. sdpa, eager: transformers' own under a block-diagonal
    mask. auto: documents where the model's attention allows it."""

    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: about a third more time, far less memory."""

    lora_rank: int = 0
    """Rank of LoRA's adapters; 0 trains every weight."""

    lora_alpha: float = 32.0
    """LoRA's scale: the adapter's output is multiplied by alpha / rank."""

    lora_dropout: float = 0.0
    """Dropout before the adapters, in 0..1."""

    lora_targets: tuple[str, ...] = ("all-linear",)
    """Which layers get an adapter: names, or all-linear (all but the head)."""

    fsdp: bool = False
    """Shard weights, gradients and optimiser over the processes (FSDP2); start with `accelerate launch` or `torchrun`."""

    compile: bool = False
    """torch.compile the model (accelerators only)."""

    liger: bool = False
    """Liger's fused kernels (accelerators only)."""

    save_every: int = 0
    """Steps between checkpoints to resume from; 0 is one at each epoch's end."""

    keep_checkpoints: int = 2
    """How many of them stay; older ones go when a new one is complete."""

    log_every: int = 1
    """Steps between two points of the loss curve."""

    device: Literal["auto", "cpu"] = "auto"
    """cpu keeps the run off any accelerator."""

    def __post_init__(self) -> None:
        """Check each field's type and range.

        Raises:
            UsageError: a value of another type or outside its range, with the range.
        """
        for name, kind in get_type_hints(SFTConfig).items():
            object.__setattr__(self, name, _checked(name, kind, getattr(self, name)))
        ranges: dict[str, tuple[float, float]] = {
            "max_length": (2, 2**31),
            "epochs": (1, 10**6),
            "max_steps": (0, 10**9),
            "batch_size": (1, 10**7),
            "learning_rate": (0, 10),
            "warmup": (0, 1),
            "weight_decay": (0, 10),
            "beta1": (0, 1),
            "beta2": (0, 1),
            "clip": (0, 1e9),
            "seed": (0, 2**32 - 1),
            "micro_tokens": (0, 2**31),
            "lora_rank": (0, 65536),
            "lora_alpha": (0, 1e6),
            "lora_dropout": (0, 1),
            "save_every": (0, 10**9),
            "keep_checkpoints": (1, 10**6),
            "log_every": (1, 10**9),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be in {low:g}..{high:g}")
        if 0 < self.micro_tokens < self.max_length:
            raise UsageError(f"micro_tokens {self.micro_tokens} is below max_length {self.max_length}: a row must fit")

    @property
    def bin_tokens(self) -> int:
        """Tokens of one forward pass."""
        return self.micro_tokens or self.max_length

    def replace(self, **changes: Any) -> SFTConfig:
        """A copy with these fields changed; an unknown name is refused with the nearest that exist."""
        names = [each.name for each in dataclasses.fields(self)]
        for name in changes:
            if name not in names:
                raise UnknownName("setting", name, names)
        return dataclasses.replace(self, **changes)

    def learns(self) -> dict[str, Any]:
        """The fields that decide what is learned: a resumed run must agree on these.

        Where it runs, how often it saves and logs, and how it is sharded may change between a run and its continuation.
        """
        free = {"save_every", "keep_checkpoints", "log_every", "fsdp", "compile", "liger", "device", "model"}
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in free}


def _checked(name: str, kind: Any, value: Any) -> Any:
    """The value in its field's type; integers may stand for floats, lists for tuples."""
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise UnknownName(f"{name}", str(value), [str(each) for each in get_args(kind)])
        return value
    if get_origin(kind) is tuple:
        if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise UsageError(f"{name} must be a list of names, not {value!r}")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    allowed = kind if isinstance(kind, type) else get_args(kind)
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        wanted = kind.__name__ if isinstance(kind, type) else str(kind)
        raise UsageError(f"{name} must be {wanted}, not {value!r}")
    return value


def read_toml(path: str | Path) -> dict[str, Any]:
    """The settings in a TOML file: `learning_rate = 2e-5`, one a line (a table `[sft]` is read too).

    Raises:
        DataError: the file is missing, is no TOML, or names a setting that does not exist.
    """
    path = Path(path)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(path, "no such file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(path, f"not a TOML file: {error}") from error
    settings = {**{key: value for key, value in found.items() if key != "sft"}, **found.get("sft", {})}
    names = [each.name for each in dataclasses.fields(SFTConfig)]
    for name in settings:
        if name not in names:
            raise DataError(path, str(UnknownName("setting", name, names)), field=name)
    return settings


def configure(
    preset: str | None = None, file: str | Path | None = None, flags: Mapping[str, Any] | None = None
) -> SFTConfig:
    """The configuration from a preset, then a TOML file, then flags; the later wins, None flags say nothing."""
    from .presets import named

    settings: dict[str, Any] = named(preset).settings() if preset else {}
    settings |= read_toml(file) if file else {}
    settings |= {name: value for name, value in (flags or {}).items() if value is not None}
    return SFTConfig().replace(**settings)
