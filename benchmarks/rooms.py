"""RoomR and IQA: steps, resets and forks a second, and what listing a split costs.

python benchmarks/rooms.py                          # the bundled samples
python benchmarks/rooms.py --data ../shared/data    # <data>/roomr and <data>/iqa, the official records
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

from agentbank.envs import make


def measure(world, split, data, episodes):
    began = time.perf_counter()
    env = make(world, split=split, data=data)
    made = time.perf_counter()
    tasks = env.tasks()
    listed = time.perf_counter()
    digests = len({task.digest for task in tasks})
    digested = time.perf_counter()
    # Every n-th task, so that all scenes of the split are met.
    chosen = [tasks.ids[i * len(tasks) // episodes] for i in range(episodes)]
    golds = []
    for task in chosen:
        env.reset(seed=0, options={"task": task})
        golds.append(env.expert(env.task))
        # Once unmeasured: scenes are read, and IQA's walking distances reckoned, when they are first needed.
        for action in golds[-1]:
            env.step(action)
    warm = time.perf_counter()
    for task in chosen:
        env.reset(seed=0, options={"task": task})
    resets = episodes / (time.perf_counter() - warm)
    spent, steps = 0.0, 0
    for task, gold in zip(chosen, golds, strict=True):
        env.reset(seed=0, options={"task": task})
        start = time.perf_counter()
        for action in gold:
            env.step(action)
        spent, steps = spent + time.perf_counter() - start, steps + len(gold)
    env.reset(seed=0)
    start = time.perf_counter()
    for _ in range(1000):
        env.fork()
    forks = 1000 / (time.perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{world:6} {split:9} {len(tasks):6} tasks ({digests} digests)  make {1e3 * (made - began):6.1f} ms  "
        f"list {1e3 * (listed - made):6.1f} ms  digest all {1e3 * (digested - listed):6.1f} ms  "
        f"{1e6 * spent / steps:5.1f} us a step  {1e6 / resets:6.1f} us a reset  {1e6 / forks:5.1f} us a fork  "
        f"peak {memory:.0f} MB"
    )
    env.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder that holds roomr/ and iqa/ in their official layouts")
    parser.add_argument("--episodes", type=int, default=40)
    options = parser.parse_args()
    for world, splits in (("roomr", ("val", "train")), ("iqa", ("test", "val_seen", "train"))):
        for split in splits:
            measure(world, split, str(options.data / world) if options.data else "sample", options.episodes)


if __name__ == "__main__":
    main()
