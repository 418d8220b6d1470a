"""transformers' Trainer, given whole optimiser steps: ours are rows, loss and the checkpoint's move, the rest is theirs."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from ..trajectories.errors import UsageError
from . import attention
from .checkpoints import Checkpoints
from .config import SFTConfig
from .packing import MicroBatch
from .schedule import Schedule, StepBatch


def arguments(config: SFTConfig, out: Path, steps: int, steps_per_epoch: int, bf16: bool) -> TrainingArguments:
    """`config` in the Trainer's words. A batch of the Trainer is one whole step of ours, so it accumulates nothing."""
    shard: dict[str, Any] = {}
    if config.fsdp:
        wrap = {"version": 2, "auto_wrap_policy": "TRANSFORMER_BASED_WRAP", "state_dict_type": "SHARDED_STATE_DICT"}
        shard = {"fsdp": True, "fsdp_config": wrap}
    return TrainingArguments(
        output_dir=str(out),
        num_train_epochs=1,
        max_steps=steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=1,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule,
        warmup_steps=math.ceil(config.warmup * steps),
        weight_decay=config.weight_decay,
        adam_beta1=config.beta1,
        adam_beta2=config.beta2,
        max_grad_norm=config.clip,
        optim="adamw_torch_fused",
        bf16=bf16,
        torch_compile=config.compile,
        use_liger_kernel=config.liger,
        # the loss is ours and touches trained positions only, so Liger's fused loss would be bypassed
        liger_kernel_config={"fused_linear_cross_entropy": False, "cross_entropy": False} if config.liger else None,
        seed=config.seed,
        use_cpu=config.device == "cpu",
        save_strategy="steps",
        save_steps=min(config.save_every or steps_per_epoch, steps),
        logging_steps=config.log_every,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
        **shard,
    )


class StepTrainer(Trainer):
    """Runs a `Schedule`: each item is one optimiser step, its loss normalised over the step's true token count."""

    def __init__(
        self,
        *,
        schedule: Schedule,
        checkpoints: Checkpoints,
        report: Callable[[dict[str, float]], None] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(train_dataset=schedule, **kwargs)
        self.schedule, self.checkpoints = schedule, checkpoints
        self.tokens = 0
        self._parent: Path | None = None
        bare: Any = self.model
        base = bare.get_base_model() if hasattr(bare, "get_base_model") else bare
        self.size: int = sum(weight.numel() for weight in bare.parameters())
        self._narrow = "logits_to_keep" in inspect.signature(base.forward).parameters
        self._documents = base.config._attn_implementation == attention.NAME
        self.remove_callback(PrinterCallback)
        self.add_callback(_Report(report))

    def create_accelerator_and_postprocess(self) -> None:
        """Make FSDP2 hold on CPUs too: accelerate shards on accelerators only and otherwise goes on as DDP without a word."""
        super().create_accelerator_and_postprocess()
        if not self.args.fsdp or self.is_fsdp_enabled:
            return
        state = self.accelerator.state
        state.fsdp_plugin = FullyShardedDataParallelPlugin(**self.args.fsdp_plugin_args)
        if state.mixed_precision != "no":
            state.fsdp_plugin.set_mixed_precision(state.mixed_precision)
        state.distributed_type = DistributedType.FSDP
        self.is_fsdp_enabled = True

    def get_train_dataloader(self) -> DataLoader[StepBatch]:
        """The steps in order; each process makes its own share, so nothing is left for accelerate to divide."""
        return DataLoader(self.schedule, batch_size=1, shuffle=False, collate_fn=itemgetter(0))

    def training_step(  # type: ignore[override]
        self, model: torch.nn.Module, inputs: StepBatch, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        """Forward and backward over every micro-batch of one optimiser step; returns the step's loss.

        Raises:
            UsageError: the loss is not finite; nothing of this step has reached the weights.
        """
        model.train()
        total = torch.zeros((), device=self.args.device)
        for index, micro in enumerate(inputs.micro):
            last = index == len(inputs.micro) - 1
            # DDP sums gradients locally until the last pass; FSDP reduces each pass, for whole gradients would not fit
            wait = self.accelerator.no_sync(model) if not (last or self.is_fsdp_enabled) else contextlib.nullcontext()
            with wait:
                loss = self._loss(model, micro.to(self.args.device), inputs.loss_tokens)
                self.accelerator.backward(loss)
            total += loss.detach()
            self.tokens += micro.tokens
        whole: torch.Tensor = self.accelerator.reduce(total, reduction="mean")
        if not torch.isfinite(whole):
            raise UsageError(
                f"the loss is {whole.item()} at step {self.state.global_step + 1} (rows {_first(inputs.rows)}): stopped before "
                "the weights were touched; lower learning_rate, raise warmup, or look at these rows, then resume"
            )
        return whole

    def _loss(self, model: torch.nn.Module, micro: MicroBatch, loss_tokens: int) -> torch.Tensor:
        """Summed cross entropy at the trained positions over the step's loss tokens, times the processes that average it.

        Logits are made at trained positions only: the rest of the vocabulary-wide product is never computed.
        """
        inputs: dict[str, Any] = {"input_ids": micro.input_ids, "position_ids": micro.position_ids, "use_cache": False}
        packed = micro.boundaries is not None
        if micro.attention_mask is not None:
            inputs["attention_mask"] = micro.attention_mask
        if packed and self._documents:
            assert micro.boundaries is not None
            inputs |= {"boundaries": micro.boundaries}
            inputs |= {"longest": micro.longest} if micro.input_ids.is_cuda else {"sizes": micro.sizes}
        if packed and self._narrow:
            logits = model(**inputs, logits_to_keep=micro.where).logits[0]
        else:
            logits = model(**inputs).logits.flatten(0, 1)[micro.where]
        summed: torch.Tensor = cross_entropy(logits.float(), micro.targets, reduction="sum")
        return summed * (float(self.accelerator.num_processes) / loss_tokens)

    def _get_num_items_in_batch(self, batch_samples: list[StepBatch], device: torch.device) -> None:
        """Nothing: each step carries its own count."""

    def floating_point_ops(self, inputs: StepBatch) -> int:  # type: ignore[override]
        """6 x parameters x tokens of this process's share (forward and backward, attention left out)."""
        tokens: int = sum(each.tokens for each in inputs.micro)
        return 6 * self.size * tokens

    def _get_grad_norm(self, model: torch.nn.Module, grad_norm: Any = None) -> Any:
        """The gradient's norm before clipping; like the loss, it must be a number before the weights are touched."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[no-untyped-call]
        if not math.isfinite(float(norm)):
            raise UsageError(
                f"the gradient is {float(norm)} at step {self.state.global_step + 1}, though the loss is a number: stopped "
                "before the weights were touched; lower learning_rate or raise warmup, then resume"
            )
        return norm

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._parent) if self._parent else super()._get_output_dir(trial)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        first, barrier = self.accelerator.is_main_process, self.accelerator.wait_for_everyone
        with self.checkpoints.writing(self.state.global_step, first=first, barrier=barrier) as self._parent:
            super()._save_checkpoint(model, trial)
        self._parent = None


class _Report(TrainerCallback):
    """Hands each point of the loss curve to whoever shows it."""

    def __init__(self, report: Callable[[dict[str, float]], None] | None) -> None:
        self.report = report

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Pass on points that have a loss (the closing summary has none)."""
        if self.report and logs and "loss" in logs and state.is_world_process_zero:
            self.report({"step": state.global_step, "steps": state.max_steps, **logs})


def _first(rows: tuple[int, ...]) -> str:
    return ", ".join(map(str, rows[:8])) + (f" and {len(rows) - 8} more" if len(rows) > 8 else "")
