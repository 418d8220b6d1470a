"""WebShop at the size of its small and its full set: building once, starting, searching, stepping, memory.

    python benchmarks/webshop.py                          # 1,000 products
    python benchmarks/webshop.py --products 1000 1200000  # and 1.2 million, about 6 GB of disk while it runs

The products are invented (the bundled sample's generator, lengthened with words of Zipf's frequencies to the length
of real ones) and written in the official layout.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

WORDS = 400_000
LENGTH = 70
"""Filler words in a description; with the rest, some 70 distinct terms a product, as in the real small set."""

GOALS = 12_000
PATTERNS = 5_000
SMALL = 1_000
"""Up to so many products the file has the name of upstream's small set, and every product has a goal."""


def filler(seed: int) -> Iterator[str]:
    """Texts of invented words, frequent ones frequent."""
    generator = np.random.default_rng(seed)
    weights = 1 / np.arange(20, WORDS + 20)
    bounds = np.cumsum(weights) / weights.sum()
    names = [word(number) for number in range(WORDS)]
    while True:
        for row in np.minimum(np.searchsorted(bounds, generator.random((1000, LENGTH))), WORDS - 1).tolist():
            yield " ".join([names[each] for each in row])


def word(number: int) -> str:
    """An invented word, one for each number."""
    letters, made = "bcdfghjklmnprstvwz", ""
    while number or not made:
        number, syllable = divmod(number, 90)
        made += letters[syllable % 18] + "aeiou"[syllable // 18]
    return made + "k"


def write(folder: Path, count: int) -> None:
    """An invented catalogue of `count` products in the official layout: a few thousand, each lengthened anew."""
    from agentbank.envs.web.webshop.sample import raw

    rng, more = random.Random(11), filler(11)
    patterns = []
    for number in range(min(count, PATTERNS)):
        record, note, asks = raw(rng, number)
        record["asin"] = "@asin"
        record["full_description"] += " @filler"
        patterns.append((json.dumps(record), note, asks[0]))
    notes: dict[str, Any] = {}
    human: dict[str, Any] = {}
    name = "items_shuffle_1000" if count <= SMALL else "items_shuffle"
    (folder / "data").mkdir(parents=True)
    with (folder / "data" / f"{name}.json").open("w") as file:
        for number in range(count):
            text, note, asked = patterns[number % len(patterns)]
            asin = f"S{number:08d}"
            file.write(("[" if number == 0 else ", ") + text.replace("@asin", asin).replace("@filler", next(more)))
            notes[asin] = note if count <= SMALL else {"attributes": note["attributes"]}
            if count <= SMALL or number * GOALS // count != (number + 1) * GOALS // count:
                human[asin] = [{"asin": asin, **asked}]
        file.write("]")
    (folder / "data" / f"{name.replace('shuffle', 'ins_v2')}.json").write_text(json.dumps(notes))
    (folder / "data" / "items_human_ins.json").write_text(json.dumps(human))


def measure(folder: Path, episodes: int) -> dict[str, float]:
    """Start a world on the folder and shop in it; run in a process of its own, so that memory is its own."""
    from agentbank.envs import make

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    env = make("webshop", data=str(folder), goals="human")
    env.reset(seed=0)
    start = time.perf_counter() - begun
    times: dict[str, list[float]] = {"reset": [], "search": [], "click": []}

    def timed(kind: str, call: Any, *arguments: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        result = call(*arguments, **named)
        times[kind].append((time.perf_counter() - begun) * 1e3)
        return result

    for seed in range(episodes):
        shown, _ = timed("reset", env.reset, seed=seed)
        words = shown.split(" [SEP] ")[2].replace("[", " ").replace("]", " ")
        timed("search", env.step, f"search[{words}]")
        timed("click", env.step, next(each for each in env.actions() or () if each.startswith("click[s0")))
    every = [each for values in times.values() for each in values]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "start_s": start,
        **{f"{kind}_p50_ms": statistics.median(values) for kind, values in times.items()},
        "search_p95_ms": float(np.percentile(times["search"], 95)),
        "step_mean_ms": statistics.mean(every),
        "memory_mb": peak / 1024,
        "memory_import_mb": before / 1024,
    }


def apart(folder: Path, episodes: int, cache: Path) -> dict[str, float]:
    """`measure` in a fresh process."""
    command = [sys.executable, __file__, "--measure", str(folder), "--episodes", str(episodes)]
    place = {**os.environ, "AGENTBANK_CACHE": str(cache)}
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=place)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, nargs="+", default=[SMALL])
    parser.add_argument("--episodes", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, help="where catalogues are written and kept; else a temporary folder")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.measure, chosen.episodes)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as work:
        root = chosen.folder or Path(work)
        for count in chosen.products:
            folder = root / str(count)
            if not folder.is_dir():
                write(folder, count)
            first = apart(folder, 1, root / "cache")
            again = apart(folder, chosen.episodes, root / "cache")
            size = sum(each.stat().st_size for each in (folder / "data").iterdir())
            row = {"products": count, "files_mb": size / 1e6, "first_start_s": first["start_s"]}
            rows.append(row | {"first_memory_mb": first["memory_mb"]} | again)
    if chosen.json:
        print(json.dumps(rows))
        return
    for name in rows[0]:
        print(f"{name:18}" + "".join(f"{row[name]:>16,.2f}" for row in rows))


if __name__ == "__main__":
    main()
