"""ALFWorld's native engine against TextWorld: the same games, the same commands, one run.

    python benchmarks/alfworld_speed.py --data DIR [--games 12] [--resets 500] [--skip-textworld-memory]

Times are CPU seconds of this process. A step includes the list of admissible commands, which TextWorld makes at each
step and ours on request. TextWorld is as installed; nothing of it is patched.
"""

import argparse
import functools
import gc
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil

from agentbank.envs import make
from agentbank.envs.embodied.alfworld.engine_native import NativeEngine
from agentbank.envs.embodied.alfworld.engine_textworld import TextWorldEngine
from agentbank.envs.embodied.alfworld.game import read_content, read_game
from agentbank.envs.embodied.alfworld.layout import listing


def cpu(job, *given):
    """CPU seconds that a job takes, and what it returns."""
    gc.collect()
    start = time.process_time()
    result = job(*given)
    return time.process_time() - start, result


def commands_for(path, count):
    """A seeded walk of possible and impossible commands that never wins."""
    engine, rng, chosen = NativeEngine(read_game(path)), random.Random(0), []
    engine.start()
    while len(chosen) < count:
        command = rng.choice(engine.commands()) if rng.random() < 0.8 else "go to nowhere 1"
        twin = engine.copy()
        if not twin.step(command).won:
            engine.step(command)
            chosen.append(command)
    return chosen


def play(engine, commands):
    for command in commands:
        engine.step(command)
        engine.commands()


def often(job, times):
    for _ in range(times):
        job()


def speed(paths, count):
    """Steps and resets a second in both engines, and the ratios."""
    ours, theirs = [0.0] * 3, [0.0] * 3
    for path in paths:
        commands = commands_for(path, count)
        compiling, game = cpu(read_game, path)
        native, reference = NativeEngine(game), TextWorldEngine(read_content(path), game)
        ours[0] += compiling + cpu(native.start)[0]
        ours[1] += cpu(often, native.start, 50)[0] / 50
        ours[2] += cpu(play, native, commands)[0]
        theirs[0] += cpu(reference.start)[0]
        theirs[1] += cpu(reference._env.reset)[0]
        theirs[2] += cpu(play, reference, commands)[0]
        reference.close()
    n = len(paths)
    print(f"{n} games, {count} commands each\n")
    print("| | native | TextWorld | ratio |\n|---|---|---|---|")
    labels = (("first reset of a game", n), ("reset of a game in memory", n), ("step", n * count))
    for (label, units), left, right in zip(labels, ours, theirs, strict=True):
        print(
            f"| {label} | {left / units * 1e3:.3f} ms | {right / units * 1e3:.1f} ms | {right / left:,.0f}x |",
            flush=True,
        )


def megabytes():
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def grow(data, engine, resets):
    """Memory before, with one game, and after `resets` resets over the split's games; printed as JSON."""
    env = make("alfworld", data=data, split="test", engine=engine)
    tasks = env.tasks()
    before = megabytes()
    env.reset(seed=0, options={"task": tasks[0].id})
    one = megabytes()
    marks = []
    for number in range(resets):
        env.reset(seed=0, options={"task": tasks[number % len(tasks)].id})
        env.step("look")
        if number + 1 in (len(tasks), resets // 2, resets):
            marks.append((number + 1, round(megabytes())))
    env.close()
    print(json.dumps({"engine": engine, "before": round(before), "one": round(one), "after": marks}))


def crowd(data):
    """A thousand instances alive at once, each some steps into its own episode."""
    sample = make("alfworld", data="sample", split="train")
    ids = [task.id for task in sample.tasks()]
    before, envs = megabytes(), []
    for number in range(1_000):
        env = make("alfworld", data="sample", split="train")
        env.reset(seed=number, options={"task": ids[number]})
        env.step(env.actions()[0])
        envs.append(env)
    own = megabytes() - before
    print(f"1,000 instances on 1,000 generated games: {own:,.0f} MB, {own:,.0f} KB each, compiled game included")
    real = make("alfworld", data=data, split="test")
    real_ids, before, crowd_ = [task.id for task in real.tasks()], megabytes(), []
    for number in range(1_000):
        env = make("alfworld", data=data, split="test")
        env.reset(seed=number, options={"task": real_ids[number % len(real_ids)]})
        env.step(env.actions()[0])
        crowd_.append(env)
    own = megabytes() - before
    print(f"another 1,000 on {len(real_ids)} official games: {own:,.0f} MB, {own:,.0f} KB each")
    seconds, _ = cpu(lambda: [env.fork() for env in crowd_])
    print(f"fork: {seconds * 1e3:.0f} µs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--games", type=int, default=12)
    parser.add_argument("--commands", type=int, default=40)
    parser.add_argument("--resets", type=int, default=500)
    parser.add_argument("--skip-textworld-memory", action="store_true")
    parser.add_argument("--grow", choices=("native", "textworld"), help="measure the memory of one engine only")
    given = parser.parse_args()
    if given.grow:
        grow(given.data, given.grow, given.resets)
        return
    seconds, env = cpu(functools.partial(make, "alfworld", data=given.data, split="test"))
    print(f"make: {seconds * 1e3:.1f} ms")
    seconds, tasks = cpu(env.tasks)
    print(f"listing the test split ({len(tasks)} games): {seconds * 1e3:.0f} ms")
    games = [Path(task.data) for task in tasks]
    seconds, _ = cpu(lambda: [read_game(path) for path in games])
    print(f"compiling all of them: {seconds * 1e3:.0f} ms\n")
    every = [game.path for split in ("train", "valid_seen", "test") for game in listing(Path(given.data), split).games]
    speed(every[:: max(1, len(every) // given.games)][: given.games], given.commands)
    print()
    crowd(given.data)
    for engine in ("native", "textworld"):
        if engine == "native" or not given.skip_textworld_memory:
            command = [sys.executable, __file__, "--data", given.data, "--grow", engine, "--resets", str(given.resets)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
