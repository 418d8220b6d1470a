"""A Llama-2-7B shape on random weights, on one GPU: tokens per second, MFU and peak memory of full and LoRA fine-tuning.

    python benchmarks/sft_gpu.py --mode full            # and --mode lora, --compile, --liger, --no-checkpointing
    python benchmarks/sft_gpu.py --shape tiny --device cpu   # the same code on a toy, to see that it runs

MFU is 6 x parameters + 6 x layers x width x (mean attended length) FLOP a trained token (LoRA: 4 x, since frozen weights have no
gradient of their own) over the card's dense bf16 peak; recomputation is not counted as useful.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from dataclasses import asdict
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from agentbank.training.config import SFTConfig
from agentbank.training.from_scratch import make_tokenizer
from agentbank.training.plan import plan, shape_of
from agentbank.training.rows import IGNORED, Masked
from agentbank.training.sft import train

SHAPES = {
    "7b": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32},
    "1b": {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32},
    "tiny": {"hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 2},
}
PEAK = {"H200": 989e12, "H100": 989e12, "A100": 312e12}


def rows(count: int, longest: int, vocabulary: int) -> list[Masked]:
    """Episodes of 200 to `longest` tokens, in turns of observation (not trained) and action (trained), a third trained."""
    draw = random.Random(0)
    made = []
    for _ in range(count):
        ids = [draw.randrange(10, vocabulary) for _ in range(draw.randint(min(200, longest // 2), longest))]
        made.append(Masked(ids, [each if index % 90 >= 60 else IGNORED for index, each in enumerate(ids)]))
    return made


def main() -> None:
    """Measure and print one JSON line."""
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--shape", choices=list(SHAPES), default="7b")
    parse.add_argument("--mode", choices=["full", "lora"], default="full")
    parse.add_argument("--steps", type=int, default=6)
    parse.add_argument("--batch-size", type=int, default=32)
    parse.add_argument("--max-length", type=int, default=4096)
    parse.add_argument("--device", choices=["auto", "cpu"], default="auto")
    parse.add_argument("--compile", action="store_true")
    parse.add_argument("--liger", action="store_true")
    parse.add_argument("--checkpointing", action=argparse.BooleanOptionalAction, default=True)
    parse.add_argument("--peak", type=float, help="Dense bf16 FLOP/s of the card, where it is not known.")
    asked = parse.parse_args()

    on_gpu = asked.device == "auto" and torch.cuda.is_available()
    config = SFTConfig(
        max_length=asked.max_length,
        batch_size=asked.batch_size,
        epochs=1,
        learning_rate=1e-5,
        gradient_checkpointing=asked.checkpointing,
        lora_rank=16 if asked.mode == "lora" else 0,
        compile=asked.compile,
        liger=asked.liger,
        device=asked.device,
        precision="bf16" if on_gpu else "fp32",
        save_every=10**6,
    )
    tokenizer = make_tokenizer(["a"], kind="bpe", vocabulary=300)
    settings = LlamaConfig(vocab_size=32000, max_position_embeddings=asked.max_length, **SHAPES[asked.shape])
    with torch.device("cuda" if on_gpu else "cpu"):
        dtype = torch.bfloat16 if asked.mode == "lora" and on_gpu else torch.float32
        model = LlamaForCausalLM._from_config(settings, dtype=dtype)
    data = rows(asked.batch_size * asked.steps, asked.max_length, 32000)
    estimate = plan(config, data, model=shape_of(model, config))
    size = sum(weight.numel() for weight in model.parameters())
    marks: list[float] = []

    def report(point: dict[str, float]) -> None:
        if on_gpu:
            torch.cuda.synchronize()
        marks.append(time.perf_counter())
        if point["step"] == point["steps"]:
            raise KeyboardInterrupt  # 27 GB of random weights need not be saved

    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as out:
        try:
            train(config, data, out, model=model, tokenizer=tokenizer, report=report)
        except KeyboardInterrupt:
            print(f"{len(marks)} steps")
    from agentbank.training.schedule import Schedule

    run = Schedule(data, batch_size=config.batch_size, epochs=1, micro_tokens=config.bin_tokens, seed=config.seed)
    lengths = [run.lengths[each] for step in range(1, len(marks)) for each in run.members(step)]
    seconds = marks[-1] - marks[0]  # the first step warms up (and compiles)
    attended = sum(length * length for length in lengths) / sum(lengths) / 2
    text = SHAPES[asked.shape]
    factor = 4 if asked.mode == "lora" else 6
    flop = factor * size + 2 * factor * text["num_hidden_layers"] * text["hidden_size"] * attended
    name = torch.cuda.get_device_name() if on_gpu else "cpu"
    peak = asked.peak or next((value for key, value in PEAK.items() if key in name), None)
    rate = sum(lengths) / seconds
    result: dict[str, Any] = {
        "device": name,
        "shape": asked.shape,
        "mode": asked.mode,
        "parameters": size,
        "tokens_per_second": round(rate, 1),
        "mfu": round(rate * flop / peak, 4) if peak else None,
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if on_gpu else None,
        "estimated_gib": round(estimate.memory.total / 2**30, 2),
        "padding": estimate.padding,
        "config": asdict(config),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
