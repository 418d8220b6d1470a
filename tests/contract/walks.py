"""Walks through a world: the expert's, a seeded stroll over what is possible, and odd actions."""

import hashlib
import json

import numpy as np

ODD = [
    "",
    " ",
    "\n\n\n",
    "\x00\x01\xff",
    "полка 架子 رف 🧺",
    "a" * 1_000_000,
    "[" * 500,
    "search[",
    "click[]",
    "finish[",
    "answer[[[",
    "Thought: hm\nAction: go\nAction: look",
    "'; DROP TABLE tasks; --",
    "{{7*7}} ${HOME} $(id) `id`",
    "../../etc/passwd",
    "\ud800 half a pair",
]


def stroll(env, seed, steps, task=None):
    """Play seeded actions (possible ones where the world knows them) and return all that was seen."""
    rng = np.random.default_rng(seed)
    observation, info = env.reset(seed=seed, options={"task": task} if task else None)
    seen = [(observation, 0.0, False, False, info)]
    for _ in range(steps):
        possible = env.actions() or ["look", "search[red]", "help", "1", "submit"]
        action = str(possible[int(rng.integers(len(possible)))])
        seen.append(env.step(action))
        if seen[-1][2] or seen[-1][3]:
            break
    return seen


def mark(seen):
    """A digest of everything a walk saw: observations, rewards, flags, info."""
    return hashlib.sha256(json.dumps(seen, sort_keys=True, default=str).encode()).hexdigest()


def expert(env, task, seed=0):
    """Play the gold actions of a task; the last info, or None where the world knows none."""
    env.reset(seed=seed, options={"task": task.id})
    gold = env.expert(task)
    if gold is None:
        return None
    info = {"score": 0.0, "success": False}
    for action in gold:
        _, _, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            break
    return info
