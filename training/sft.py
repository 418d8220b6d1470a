"""Supervised fine-tuning: masked rows in, a checkpoint that transformers and vLLM serve out."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..trajectories.errors import Fault, UsageError
from .checkpoints import Checkpoints, model_digest
from .config import SFTConfig
from .release import RECORD, release
from .rows import Masked, check, fingerprint
from .schedule import Schedule
from .start import check_tokenizer, half, load, ready

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a run left: the folder, and its record (the same as `training.json` in it)."""

    out: Path
    record: Mapping[str, Any]

    @property
    def losses(self) -> list[float]:
        """The loss curve, a value per logged step."""
        return [point["loss"] for point in self.record["loss"]]


def train(
    config: SFTConfig,
    rows: Sequence[Masked],
    out: str | Path,
    *,
    model: PreTrainedModel | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    resume: bool = False,
    template: Mapping[str, Any] | None = None,
    mixture: Mapping[str, Any] | None = None,
    preset: str | None = None,
    stop_ids: tuple[int, ...] = (),
    report: Callable[[dict[str, float]], None] | None = None,
) -> Trained:
    """Fine-tune on rows; in `out` afterwards: the model, its tokenizer, card and record, and checkpoints to resume from.

    Under `accelerate launch` or `torchrun` every process calls this with the same arguments. The model is changed in place.

    Args:
        config: What to learn and how.
        rows: Masked conversations, in an order that is the same on every process and at every resumption.
        out: A folder, new or (with `resume`) of the same run.
        model: Start from this model instead of `config.model`.
        tokenizer: With its template; needed when `model` is given.
        resume: Continue from the newest complete checkpoint; from the start where there is none.
        template: What rendered the rows: `name`, `digest` (into the record).
        mixture: The mixture's report (into the record).
        preset: The preset's name; its values' sources go into the record.
        stop_ids: Tokens that end a turn, beside EOS.
        report: Is given each point of the loss curve: step, steps, loss, learning_rate, grad_norm.

    Raises:
        UsageError: rows, model, tokenizer, folder or settings cannot be used; the loss is not finite; the disk is full.
    """
    out = Path(out)
    if model is None or tokenizer is None:
        if model is not None or tokenizer is not None:
            raise UsageError("give model and tokenizer together, or neither")
        model, tokenizer = load(config)
    pad = check_tokenizer(tokenizer)
    embeddings: Any = model.get_input_embeddings()
    check(rows, config.max_length, embeddings.num_embeddings)
    own_attention, own_cache = model.config._attn_implementation, model.config.use_cache
    print_of = fingerprint(rows)
    identity = {"data": print_of, "model": model_digest(model), "settings": config.learns()}
    checkpoints = Checkpoints(out / "checkpoints", identity, config.keep_checkpoints)
    start = _where_to_start(out, checkpoints, resume)

    from transformers import set_seed

    from .trainer import StepTrainer, arguments

    set_seed(config.seed)
    trained, batching = ready(model, config)
    steps = Schedule(
        rows, batch_size=config.batch_size, epochs=config.epochs, max_steps=config.max_steps, micro_tokens=1
    )
    args = arguments(config, out / "checkpoints", len(steps), steps.steps_per_epoch, half(config))
    if args.n_gpu > 1:
        raise UsageError(
            f"{args.n_gpu} GPUs are visible to one process; start one process a GPU (accelerate launch -m agentbank ...), or "
            "show one only: CUDA_VISIBLE_DEVICES=0"
        )
    schedule = Schedule(
        rows,
        batch_size=config.batch_size,
        epochs=config.epochs,
        max_steps=config.max_steps,
        seed=config.seed,
        micro_tokens=config.bin_tokens,
        batching="packed" if batching == "packed" else "grouped",
        rank=args.process_index,
        processes=args.world_size,
        pad=pad,
        fixed=config.compile,
    )
    trainer = StepTrainer(
        model=trained, args=args, schedule=schedule, checkpoints=checkpoints, processing_class=tokenizer, report=report
    )
    began = time.monotonic()
    trainer.train(resume_from_checkpoint=str(start) if start else None)
    seconds = time.monotonic() - began

    record = {
        "schema": 1,
        "base": config.model or None,
        "config": dataclasses.asdict(config),
        "preset": _preset(preset, config),
        "data": {
            "fingerprint": print_of,
            "rows": len(rows),
            "tokens": sum(schedule.lengths),
            "loss_tokens": sum(schedule.trained),
        },
        "mixture": mixture,
        "template": dict(template) if template else {"name": config.template, "digest": None},
        "model": identity["model"],
        "steps": len(schedule),
        "batching": batching,
        "processes": args.world_size,
        "resumed_from": start.name if start else None,
        "seconds": round(seconds, 3),
        "tokens_per_second": round(trainer.tokens / seconds, 1) if seconds else None,
        "loss": [point for point in trainer.state.log_history if "loss" in point],
        "versions": versions(),
    }
    _finish(trainer, out, tokenizer, record, stop_ids, own_attention, own_cache)
    return Trained(out, record)


def _where_to_start(out: Path, checkpoints: Checkpoints, resume: bool) -> Path | None:
    """The checkpoint to go on from, or None for the beginning; refuses to overwrite a run."""
    if resume:
        return checkpoints.latest()
    if (out / RECORD).exists() or checkpoints.complete():
        raise UsageError(f"{out} already holds a run; resume it (--resume), or choose another --out")
    return None


def _finish(
    trainer: Any,
    out: Path,
    tokenizer: PreTrainedTokenizerBase,
    record: Mapping[str, Any],
    stop_ids: tuple[int, ...],
    own_attention: str,
    own_cache: bool,
) -> None:
    """Gather and merge the weights, give the model its own attention back, and write the release from one process."""
    accelerator = trainer.accelerator
    weights = _gather(trainer.model, accelerator.is_main_process) if trainer.is_fsdp_enabled else None
    if accelerator.is_main_process:
        model = trainer.model if weights is None else _unsharded(trainer.model, weights)
        if hasattr(model, "merge_and_unload"):
            model.save_pretrained(out / "adapter")
            model = model.merge_and_unload()
        model.set_attn_implementation(own_attention)
        model.config.use_cache = own_cache
        release(out, model, tokenizer, record, stop_ids=stop_ids)
    accelerator.wait_for_everyone()


def _gather(model: Any, keep: bool) -> dict[str, Any]:
    """Every weight in one piece, one at a time, on the process that keeps them (all processes must take part)."""
    whole = {}
    for name, weight in model.state_dict().items():
        full = weight.full_tensor() if hasattr(weight, "full_tensor") else weight
        if keep:
            whole[name] = full.cpu()
    return whole


def _unsharded(model: Any, weights: Mapping[str, Any]) -> Any:
    """The same model in one piece, holding the gathered weights themselves (no second copy is made)."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        plain = AutoModelForCausalLM.from_config(model.config)
        if hasattr(model, "peft_config"):
            from peft import get_peft_model

            plain = get_peft_model(plain, model.peft_config["default"])
    plain.load_state_dict(weights, assign=True, strict=False)
    plain.tie_weights()
    still_empty = [name for name, weight in plain.named_parameters() if weight.is_meta]
    if still_empty:
        raise Fault(
            "model", f"the sharded weights came back without {still_empty[:3]}; resume from the last checkpoint"
        )
    return plain


def _preset(name: str | None, config: SFTConfig) -> dict[str, Any] | None:
    if name is None:
        return None
    from .presets import named

    found = named(name)
    sources = found.sources(dataclasses.asdict(config))
    return {"name": found.name, "paper": found.paper, "values": {key: list(pair) for key, pair in sources.items()}}


def versions() -> dict[str, str]:
    """The versions that a repeat would need."""
    names = ("agentbank", "torch", "transformers", "accelerate", "peft", "tokenizers")
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
