"""Non-pad tokens per second: ours against TRL's padded default, its length-grouped sampler and its packed path.

One process, the same model, rows and optimiser for all, contenders in turn, round after round, so that a busy machine hurts
them alike. CPU seconds are those of the process (all its threads), which neighbours touch least; wall seconds are given too.
Peak memory is that of a process of its own for each contender: what it holds at most above what it held before training.

    AGENTBANK_SHARED=../shared python benchmarks/sft.py [--rounds 2] [--rows 96] [--threads 1]
"""

from __future__ import annotations

import argparse
import copy
import gc
import json
import logging
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from datasets import Dataset, disable_progress_bars
from transformers import PrinterCallback, TrainerCallback

from agentbank.training import render
from agentbank.training.config import SFTConfig
from agentbank.training.from_scratch import make_model, make_tokenizer
from agentbank.training.rows import Masked, masked
from agentbank.training.sft import train

MAX_LENGTH, BATCH = 2048, 32


def conversations() -> list[list[dict[str, str]]]:
    """Real trajectories where they are (400 ALFWorld walk-throughs, 2,033 of FireAct's), else made-up ones."""
    root = Path(os.environ.get("AGENTBANK_SHARED", "../shared")) / "data" / "trajectories"
    if not root.is_dir():
        draw = random.Random(0)
        words = [f"thing{index}" for index in range(2000)]
        say = lambda most: " ".join(draw.choices(words, k=draw.randint(3, most)))  # noqa: E731
        turns = [draw.randint(1, 20) for _ in range(600)]
        return [[{"role": role, "content": say(60)} for _ in range(n) for role in ("user", "assistant")] for n in turns]
    roles = {"human": "user", "gpt": "assistant"}
    walks = [json.loads(line) for line in (root / "alfworld_gt/alfworld_gt_train_400.jsonl").open()]
    found = [[{"role": roles[t["from"]], "content": t["value"]} for t in row["conversations"]] for row in walks]
    react = (json.loads(line) for line in (root / "fireact/gpt_format/multitask_multimethod.jsonl").open())
    return found + [row["messages"] for row in react]


class Clock(TrainerCallback):
    """CPU and wall seconds from the start of training to the end of each step (TRL's preparation is not counted)."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self.marks.append((time.process_time(), time.perf_counter()))

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.marks.append((time.process_time(), time.perf_counter()))


def theirs(model: Any, tokenizer: Any, rows: list[Masked], **options: Any) -> Clock:
    """TRL's SFTTrainer on the same ids and labels, `options` on top of its defaults."""
    from trl import SFTConfig as Theirs
    from trl import SFTTrainer

    clock = Clock()
    data = Dataset.from_dict({"input_ids": [list(r.input_ids) for r in rows], "labels": [list(r.labels) for r in rows]})
    options = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": BATCH // 8} | options
    with tempfile.TemporaryDirectory() as out:
        config = Theirs(
            output_dir=out,
            num_train_epochs=1,
            max_length=MAX_LENGTH,
            use_cpu=True,
            bf16=False,
            report_to="none",
            gradient_checkpointing=False,
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=1000,
            **options,
        )
        trainer = SFTTrainer(model, config, train_dataset=data, processing_class=tokenizer, callbacks=[clock])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return clock


def ours(model: Any, tokenizer: Any, rows: list[Masked], **options: Any) -> Clock:
    """Our `train`, with the learning rate and schedule that TRL has by default."""
    clock = Clock()
    config = SFTConfig(
        epochs=1,
        batch_size=BATCH,
        max_length=MAX_LENGTH,
        learning_rate=2e-5,
        schedule="linear",
        warmup=0.0,
        device="cpu",
        save_every=10**6,
        precision="fp32",
    ).replace(**options)
    clock.on_train_begin()  # ours counts its preparation and checks
    with tempfile.TemporaryDirectory() as out:
        train(config, rows, out, model=model, tokenizer=tokenizer, report=lambda _: clock.on_step_end())
    return clock


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peaks(names: list[str], rows: int, threads: int) -> dict[str, float]:
    """MiB that each contender holds at most, above what was there before it: a process each, one epoch."""
    found = {}
    for name in names:
        command = [sys.executable, __file__, "--only", name, "--rows", str(rows), "--threads", str(threads)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found[name] = float(told.splitlines()[-1])
    return found


def main() -> None:
    """Measure, print a table and a JSON line."""
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--rounds", type=int, default=2)
    parse.add_argument("--rows", type=int, default=96)
    parse.add_argument("--threads", type=int, default=1)
    parse.add_argument("--only", help="train with this contender alone and print the MiB that it took")
    asked = parse.parse_args()
    torch.set_num_threads(asked.threads)
    warnings.filterwarnings("ignore")
    disable_progress_bars()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.WARNING)

    chats = conversations()
    tokenizer = make_tokenizer((turn["content"] for chat in chats for turn in chat), kind="bpe", vocabulary=8192)
    drawn = random.Random(1).sample(chats, len(chats))
    rows: list[Masked] = []
    for index, chat in enumerate(drawn):
        made = render(chat, tokenizer, "plain")
        if len(made.input_ids) <= MAX_LENGTH:
            rows.append(masked(made, str(index)))
        if len(rows) == asked.rows:
            break
    lengths = [len(row.input_ids) for row in rows]
    trained = sum(row.trained for row in rows)
    model = make_model(tokenizer, width=320, layers=6, heads=5, context=MAX_LENGTH)
    size = sum(weight.numel() for weight in model.parameters())
    print(
        f"{size / 1e6:.1f} M parameters, vocabulary {len(tokenizer)}; {len(rows)} rows, {sum(lengths):,} tokens "
        f"({trained / sum(lengths):.0%} trained), median {statistics.median(lengths):.0f}, longest {max(lengths)}; "
        f"{asked.threads} thread(s), {asked.rounds} rounds",
        flush=True,
    )
    contenders: dict[str, Callable[[Any], Clock]] = {
        "TRL padded (default)": lambda m: theirs(m, tokenizer, rows),
        "TRL length-grouped": lambda m: theirs(m, tokenizer, rows, train_sampling_strategy="group_by_length"),
        "TRL packed": lambda m: theirs(
            m, tokenizer, rows, packing=True, per_device_train_batch_size=1, gradient_accumulation_steps=4
        ),
        "ours grouped": lambda m: ours(m, tokenizer, rows, batching="grouped", attention="sdpa"),
        "ours packed, sdpa mask": lambda m: ours(m, tokenizer, rows, batching="packed", attention="sdpa"),
        "ours packed (auto)": lambda m: ours(m, tokenizer, rows),
    }
    if asked.only:
        held = resident()
        contenders[asked.only](model)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - held) / 2**20)
        return
    seconds: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(asked.rounds):
        for name, run in contenders.items():
            clock = run(copy.deepcopy(model))
            first, last = clock.marks[0], clock.marks[-1]
            seconds[name].append((last[0] - first[0], last[1] - first[1]))
            print(f"  {name}: {seconds[name][-1][0]:.1f} s CPU, {seconds[name][-1][1]:.1f} s wall", flush=True)
            gc.collect()
    rate = {name: sum(lengths) / min(cpu for cpu, _ in pairs) for name, pairs in seconds.items()}
    wall = {name: sum(lengths) / min(w for _, w in pairs) for name, pairs in seconds.items()}
    best = rate["ours packed (auto)"]
    memory = peaks([*contenders], asked.rows, asked.threads)
    print(f"{'':26}{'tokens/CPU-s':>14}{'tokens/s wall':>15}{'ours / it':>11}{'peak MiB':>10}")
    for name in contenders:
        print(f"{name:26}{rate[name]:>14,.0f}{wall[name]:>15,.0f}{best / rate[name]:>11.2f}{memory[name]:>10,.0f}")
    told = {"tokens_per_cpu_second": rate, "tokens_per_second": wall, "peak_mib": memory}
    print(json.dumps(told | {"rows": len(rows), "parameters": size}))


if __name__ == "__main__":
    main()
