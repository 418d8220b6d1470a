"""The finished checkpoint: weights, tokenizer with its template, generation config, model card and training record."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..trajectories.errors import UsageError
from .checkpoints import disk_full, settle

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

RECORD = "training.json"
"""The training record's file; moved in last, so a folder that has it is whole."""


def release(
    out: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    record: Mapping[str, Any],
    *,
    stop_ids: tuple[int, ...] = (),
) -> Path:
    """Write everything that transformers and vLLM need to serve the model, and what a reader needs to trust it.

    Args:
        out: The folder; other files in it (checkpoints) stay.
        model: The model, adapters merged.
        tokenizer: With the chat template that the rows were rendered with.
        record: The training record, saved as it is.
        stop_ids: Tokens that end a turn, beside EOS.

    Raises:
        UsageError: the disk is full; checkpoints to resume from are untouched.
    """
    partial = out / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    model.generation_config = greedy(model, tokenizer, stop_ids)
    try:
        partial.mkdir(parents=True)
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(card(out.name, record), encoding="utf-8")
        (partial / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
        settle(partial)
    except Exception as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not disk_full(error):
            raise
        raise UsageError(f"no room to write the model to {out} ({error}); free space and resume") from error
    for path in sorted(partial.iterdir(), key=lambda each: each.name == RECORD):
        path.replace(out / path.name)
    partial.rmdir()
    return out


def greedy(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, stop_ids: tuple[int, ...] = ()) -> Any:
    """A generation config that answers one turn, greedily, and stops where training taught it to stop."""
    from transformers import GenerationConfig

    ends = list(dict.fromkeys([tokenizer.eos_token_id, *stop_ids]))
    return GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends[0] if len(ends) == 1 else ends,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
    )


def card(name: str, record: Mapping[str, Any]) -> str:
    """The model card, made from the record alone, so that it cannot say what did not happen."""
    config, data, curve = record["config"], record["data"], record["loss"]
    head = ["---", "library_name: transformers", "pipeline_tag: text-generation", "tags: [agent, agentbank]"]
    if record.get("base"):
        head.append(f"base_model: {json.dumps(record['base'])}")
    how = f"LoRA, rank {config['lora_rank']}, merged" if config["lora_rank"] else "every weight"
    loss = f"{curve[0]['loss']:.4f} at step {curve[0]['step']}, {curve[-1]['loss']:.4f} at step {curve[-1]['step']}"
    lines = [
        *head,
        "---",
        "",
        f"# {name}",
        "",
        f"A language agent, fine-tuned by AgentBank {record['versions']['agentbank']} from {record.get('base') or 'scratch'}.",
        "",
        "| | |",
        "|---|---|",
        f"| rows / tokens / loss tokens | {data['rows']:,} / {data['tokens']:,} / {data['loss_tokens']:,} |",
        f"| data fingerprint | `{data['fingerprint']}` |",
        f"| template | {record['template']['name'] or 'of the tokenizer'}, digest `{record['template']['digest']}` |",
        f"| trained | {how} |",
        f"| steps, batch | {record['steps']}, {config['batch_size']} conversations |",
        f"| optimiser | AdamW, {config['learning_rate']:g}, {config['schedule']}, warm-up {config['warmup']:g}, "
        f"decay {config['weight_decay']:g} |",
        f"| loss | {loss} |",
        "",
    ]
    if record.get("mixture"):
        lines += ["## Mixture", "", "```json", json.dumps(record["mixture"], indent=1, ensure_ascii=False), "```", ""]
    if record.get("preset"):
        lines += [
            "## Settings and their sources",
            "",
            f"Preset `{record['preset']['name']}`, {record['preset']['paper']}.",
            "",
        ]
        lines += [f"- {key}: {value} ({source})" for key, (value, source) in record["preset"]["values"].items()] + [""]
    lines += [
        "## Use",
        "",
        f"Serve with `vllm serve {name}` or load with transformers; prompts must be rendered with the chat template that is",
        f"stored in the tokenizer. Everything else about the run is in `{RECORD}`.",
        "",
    ]
    return "\n".join(lines)
