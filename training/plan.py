"""What a run would do, before it does it: steps, tokens, padding, memory, and one row with what is trained in colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..trajectories.errors import UsageError
from .config import SFTConfig
from .rows import Masked, check
from .schedule import Schedule
from .start import half

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True)
class Memory:
    """Estimated bytes a process, at the peak of a step; the formulas are in docs/training.md."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.logits


@dataclass(frozen=True)
class Plan:
    """The run in numbers. `padding` is the share of computed tokens that are none; `forwards` are per process."""

    rows: int
    tokens: int
    loss_tokens: int
    longest: int
    steps: int
    steps_per_epoch: int
    forwards: int
    padding: float
    batching: str
    parameters: int
    trainable: int
    processes: int
    memory: Memory


@dataclass(frozen=True)
class Shape:
    """What of a model the estimate needs."""

    parameters: int
    trainable: int
    layers: int
    width: int
    inner: int
    vocabulary: int
    packs: bool


def shape(config: SFTConfig) -> Shape:
    """The model's shape from its configuration alone; no weight is loaded.

    Raises:
        UsageError: there is no such model, or its configuration does not say its width and depth.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from .start import packs

    try:
        found = AutoConfig.from_pretrained(config.model)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(found)
    except (OSError, ValueError) as error:
        raise UsageError(f"no model could be read from {config.model!r}: {error}") from error
    return shape_of(model, config, packs(model))


def shape_of(model: Any, config: SFTConfig, packs: bool = True) -> Shape:
    """The shape of a model at hand; with LoRA, `trainable` counts the adapters it would get on all linear layers."""
    import torch

    text = model.config.get_text_config()
    parameters = sum(weight.numel() for weight in model.parameters())
    trainable = parameters
    if config.lora_rank:
        head = model.get_output_embeddings()
        linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]
        trainable = sum(config.lora_rank * (m.in_features + m.out_features) for m in linear)
    inner = getattr(text, "intermediate_size", None) or 4 * text.hidden_size
    vocabulary = model.get_input_embeddings().num_embeddings
    return Shape(parameters, trainable, text.num_hidden_layers, text.hidden_size, inner, vocabulary, packs)


def plan(config: SFTConfig, rows: Sequence[Masked], *, model: Shape | None = None, processes: int = 1) -> Plan:
    """Count what `train(config, rows, ...)` would do on so many processes.

    Raises:
        UsageError: the rows could not be trained on, or the model's configuration cannot be read.
    """
    model = model or shape(config)
    check(rows, config.max_length, model.vocabulary)
    packed = config.batching == "packed" or (config.batching == "auto" and model.packs)
    schedule = Schedule(
        rows,
        batch_size=config.batch_size,
        epochs=config.epochs,
        max_steps=config.max_steps,
        seed=config.seed,
        micro_tokens=config.bin_tokens,
        batching="packed" if packed else "grouped",
        processes=processes,
    )
    forwards = computed = real = widest = most_loss = 0
    for step in range(min(len(schedule), schedule.steps_per_epoch)):
        for share in schedule.layout(step):
            for block in share:
                lengths = [schedule.lengths[each] for each in block] or [2]
                size = sum(lengths) if packed else len(lengths) * max(lengths)
                size = config.bin_tokens if packed and config.compile else size
                forwards, computed, real = forwards + 1, computed + size, real + sum(lengths)
                widest, most_loss = max(widest, size), max(most_loss, sum(schedule.trained[each] for each in block))
    epochs = len(schedule) / min(len(schedule), schedule.steps_per_epoch)
    return Plan(
        rows=len(rows),
        tokens=sum(schedule.lengths),
        loss_tokens=sum(schedule.trained),
        longest=max(schedule.lengths),
        steps=len(schedule),
        steps_per_epoch=schedule.steps_per_epoch,
        forwards=round(forwards * epochs / processes),
        padding=1 - real / computed,
        batching="packed" if packed else "grouped",
        parameters=model.parameters,
        trainable=model.trainable,
        processes=processes,
        memory=memory(config, model, widest, most_loss, processes),
    )


def memory(config: SFTConfig, model: Shape, tokens: int, loss_tokens: int, processes: int = 1) -> Memory:
    """Bytes at the peak of a step whose largest forward pass has so many tokens and loss tokens."""
    in_half = half(config)
    wide = 2 if in_half else 4
    shards = processes if config.fsdp else 1
    frozen_half = config.lora_rank > 0 and in_half and not config.fsdp
    frozen = (model.parameters if config.lora_rank else 0) * (2 if frozen_half else 4)
    weights = (frozen + 4 * model.trainable) // shards
    if in_half and not frozen_half:
        weights += 2 * model.parameters // (1 if shards == 1 else model.layers)  # autocast's copies; a layer under FSDP
    layer = tokens * (wide * (8 * model.width + 4 * model.inner) + 4 * 4 * model.width)
    kept = model.layers * tokens * model.width * wide + layer if config.gradient_checkpointing else model.layers * layer
    return Memory(
        weights=weights,
        gradients=4 * model.trainable // shards,
        optimizer=8 * model.trainable // shards,
        activations=kept,
        logits=loss_tokens * model.vocabulary * (8 + (wide if in_half else 0)),
    )


def describe(found: Plan) -> str:
    """The plan as lines of text."""
    size = found.memory
    parts = ", ".join(f"{name} {gib(getattr(size, name))}" for name in Memory.__dataclass_fields__)
    return "\n".join(
        [
            f"rows          {found.rows:,}: {found.tokens:,} tokens, {found.loss_tokens:,} of them trained "
            f"({found.loss_tokens / found.tokens:.1%}), longest {found.longest:,}",
            f"steps         {found.steps:,} ({found.steps_per_epoch:,} an epoch) on {found.processes} process(es), "
            f"{found.forwards:,} forward passes each, {found.batching}, {found.padding:.1%} padding",
            f"parameters    {found.parameters:,}, trained {found.trainable:,}",
            f"memory        about {gib(size.total)} a process: {parts}",
        ]
    )


def gib(size: int) -> str:
    """Bytes as MiB or GiB."""
    return f"{size / 2**20:.0f} MiB" if size < 2**30 else f"{size / 2**30:.1f} GiB"


def coloured(row: Masked, tokenizer: Any, most: int = 4000) -> Text:
    """One row as text, trained tokens green, others dim; at most `most` characters of it."""
    from rich.text import Text

    out = Text()
    start = 0
    for stop in range(1, len(row.labels) + 1):
        if stop == len(row.labels) or (row.labels[stop] >= 0) != (row.labels[start] >= 0):
            piece = tokenizer.decode(list(row.input_ids[start:stop]), skip_special_tokens=False)
            out.append(piece, style="bold green" if row.labels[start] >= 0 else "dim")
            start = stop
        if len(out) > most:
            out.truncate(most)
            out.append(" ...", style="dim")
            return out
    return out
