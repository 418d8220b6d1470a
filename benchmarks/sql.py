"""intercode_sql and db: steps and resets a second on each server, and the replay of upstream's recorded episodes.

python benchmarks/sql.py                                     # the bundled samples, on SQLite
python benchmarks/sql.py --data ../shared/data               # <data>/intercode_sql and its runs/, <data>/agentbench_db
python benchmarks/sql.py --data ../shared/data --server mysql --every 1
"""

from __future__ import annotations

import argparse
import collections
import json
import resource
import time
from pathlib import Path

from agentbank.envs import make

POLICY = "Format your SQL command"
"""So begins what upstream's prompt, not its server, answered to a text without code."""


def replay(env, recorded, every=1):
    """Play recorded episodes; yields (episode, action, their observation, ours, their reward, ours) for each step."""
    tasks = {task.data.query: task.id for task in env.tasks()}
    for episode in list(recorded.values())[::every]:
        env.reset(seed=0, options={"task": tasks[episode["query"]]})
        turns = episode["turn_history"]
        for action, observation, reward in zip(turns["actions"], turns["observations"], turns["rewards"], strict=False):
            if not observation.startswith(POLICY):
                ours, _, _, _, info = env.step(action)
                yield episode["task_id"], action, observation, ours, reward, info["score"]


def replayed(env, data, every):
    recorded = json.loads((data / "intercode_sql/runs/ic_sql_multiturn_gpt-4_10_turns.json").read_text())
    env.reset(seed=0)  # the server is started outside the measure
    began, cpu = time.perf_counter(), time.process_time()
    counts = collections.Counter()
    for _, _, theirs, ours, reward, score in replay(env, recorded, every):
        counts["steps"] += 1
        counts["observations"] += theirs == ours
        counts["rewards"] += abs(reward - score) < 1e-9
        counts["both"] += theirs == ours and abs(reward - score) < 1e-9
    spent, cpu = time.perf_counter() - began, time.process_time() - cpu
    shares = {name: f"{100 * counts[name] / counts['steps']:.2f} %" for name in ("observations", "rewards", "both")}
    print(
        f"replay of every {every}. episode: {counts['steps']} steps in {spent:.1f} s ({cpu:.1f} s CPU here)  {shares}"
    )


def measure(name, env, episodes):
    env.reset(seed=0)
    tasks = env.tasks()
    chosen = [tasks[i * len(tasks) // episodes].id for i in range(episodes)]
    reset = step = 0.0
    steps = 0
    for task in chosen:
        began = time.perf_counter()
        env.reset(seed=0, options={"task": task})
        reset += time.perf_counter() - began
        gold = env.expert(env.task) or []
        began = time.perf_counter()
        for action in gold:
            env.step(action)
        step, steps = step + time.perf_counter() - began, steps + len(gold)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:14} {env.server:6}  {1e3 * reset / episodes:7.2f} ms a reset  "
        f"{1e3 * step / steps:6.2f} ms a step ({steps / step:.0f} a second)  peak {memory:.0f} MB"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder that holds intercode_sql/ and agentbench_db/")
    parser.add_argument("--server", default="sqlite", choices=["sqlite", "mysql"])
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--every", type=int, default=1, help="replay every n-th recorded episode")
    options = parser.parse_args()
    for world, folder in (("intercode_sql", "intercode_sql"), ("db", "agentbench_db")):
        data = str(options.data / folder) if options.data else "sample"
        began = time.perf_counter()
        env = make(world, data=data, server=options.server, max_steps=100)
        print(f"{world:14} made in {1e3 * (time.perf_counter() - began):.1f} ms")
        try:
            measure(world, env, options.episodes)
        finally:
            env.close()
    if options.data:
        # Without the order's correlation: so the published episodes were scored.
        env = make(
            "intercode_sql",
            data=str(options.data / "intercode_sql"),
            server=options.server,
            ordered=False,
            max_steps=100,
        )
        try:
            replayed(env, options.data, options.every)
        finally:
            env.close()


if __name__ == "__main__":
    main()
