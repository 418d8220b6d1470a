"""What the harness costs a turn, with an instant model and the store on, from 1 to 10,000 episodes in flight.

    python benchmarks/overhead.py [--turns 20] [--json]

CPU time of the whole process (all threads) over the turns played, beside a bare loop that only keeps the chat and calls
the model. Both in one run, so that the ratio holds whatever the machine.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from agentbank.agents import register_model
from agentbank.envs import Outcome, Task, TextEnv, register
from agentbank.harness import Config, run
from agentbank.trajectories import Message, Reply


class Endless(TextEnv):
    """Answers every action until the step limit."""

    manual = "Say anything."

    def tasks(self):
        return TASKS

    def start(self, task):
        return f"This is room {task.data['i']}. " + "You see a table, a lamp and two chairs. " * 4

    def respond(self, action):
        return Outcome("Nothing happens. " + "You see a table, a lamp and two chairs. " * 4)


TASKS = [Task(f"endless/test/{i}", "test", {"i": i}) for i in range(100)]


class Instant:
    """A model that answers at once, but lets the event loop turn, as a server would."""

    name, sampling, template = "instant", {}, None

    @dataclass(frozen=True)
    class Options:
        """None."""

    @classmethod
    def load(cls, name, options):
        return cls()

    reply = Reply("Thought: I should look around a little more.\nAction: look", 100, 12)

    async def complete(self, chat, **limits):
        await asyncio.sleep(0)
        return self.reply

    async def close(self):
        return


async def bare(episodes, turns):
    model = Instant()

    async def one():
        chat = [Message("user", "Say anything.")]
        for _ in range(turns):
            reply = await model.complete(chat)
            chat += [Message("assistant", reply.text), Message("user", "Nothing happens.")]

    await asyncio.gather(*(one() for _ in range(episodes)))


async def harness(episodes, turns, flight, out):
    config = Config(("endless",), agent="react", model="instant:x", n=episodes, max_steps=turns, concurrency=flight)
    done = await run(config, out)
    row = done.report.worlds["endless"]
    assert row["valid"] == episodes, (row, (out / "failures.jsonl").read_text()[:2000])


def cpu(work):
    start, wall = time.process_time(), time.perf_counter()
    asyncio.run(work)
    return time.process_time() - start, time.perf_counter() - wall


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    register(
        "endless",
        f"{__name__}:Endless",
        skill="maths",
        group="held-out",
        max_steps=options.turns,
        metric="none",
        action_kind="discrete",
        fidelity="reimplementation",
    )
    register_model("instant", f"{__name__}:Instant")
    rows = []
    for flight in (1, 100, 1_000, 10_000):
        episodes = max(1_000, flight) if flight > 1 else 500
        turns = episodes * options.turns
        loop, _ = cpu(bare(episodes, options.turns))
        with tempfile.TemporaryDirectory() as folder:
            spent, wall = cpu(harness(episodes, options.turns, flight, Path(folder) / "run"))
        rows.append(
            {
                "in_flight": flight,
                "episodes": episodes,
                "turns": turns,
                "harness_us": 1e6 * spent / turns,
                "bare_us": 1e6 * loop / turns,
                "turns_per_second": turns / wall,
            }
        )
        if not options.json:
            print(
                "{in_flight:>6} in flight: {harness_us:6.1f} us CPU a turn (bare loop {bare_us:.1f} us), "
                "{turns_per_second:,.0f} turns/s".format(**rows[-1]),
                flush=True,
            )
    if options.json:
        json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
