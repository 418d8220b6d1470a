"""A world small enough to know by heart: say the numbers from 1 to n, in order."""

import os
import time

from agentbank.envs import Outcome, Task, TextEnv, register

SPLITS = {"train": range(3, 9), "test": range(9, 12)}


class Count(TextEnv):
    manual = "Say the next number. Start with 1."

    def __init__(self, *, trouble="", **standard):
        super().__init__(**standard)
        self.trouble = trouble
        self.list = [Task(f"{self.about.id}/{self.split}/{n}", self.split, {"n": n}) for n in SPLITS[self.split]]

    def tasks(self):
        return self.list

    def start(self, task):
        self.n, self.at = task.data["n"], 0
        return f"Count to {self.n}."

    def respond(self, action):
        if self.trouble and action == "2":
            {"die": lambda: os._exit(7), "raise": lambda: 1 / 0, "sleep": lambda: time.sleep(0.2)}[self.trouble]()
        if action.strip() != str(self.at + 1):
            return Outcome(self.hint(), info={"valid": action.strip().isdigit()})
        self.at += 1
        done = self.at == self.n
        return Outcome(f"{self.at}!", 1.0 if done else 0.0, done, {"score": self.at / self.n, "success": done})

    def expert(self, task):
        return [str(i) for i in range(1, task.data["n"] + 1)]

    def actions(self):
        return [str(i) for i in range(1, 13)]


def add(name="count", **fields):
    settings = {
        "skill": "maths",
        "group": "held-out",
        "max_steps": 20,
        "metric": "share counted",
        "action_kind": "discrete",
        "fidelity": "reimplementation",
    }
    return register(name, f"{__name__}:Count", **(settings | fields))
