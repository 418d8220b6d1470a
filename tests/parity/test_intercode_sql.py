"""InterCode-SQL against the GPT-4 episodes that upstream published: the same words and the same rewards."""

import collections
import json

import pytest

from agentbank.envs import make
from agentbank.envs.coding.sql.daemon import program
from agentbank.trajectories import MissingPart

POLICY = "Format your SQL command"
ALTERED = "votes_received", "teacher_id", "shop_id", "conductor_id", "owner_id"
"""Columns that recorded episodes added to tables; upstream's server kept them for all later episodes."""


@pytest.fixture(scope="module")
def recorded(shared):
    return json.loads((shared / "intercode_sql/runs/ic_sql_multiturn_gpt-4_10_turns.json").read_text())


@pytest.fixture
def mariadb():
    try:
        program("mariadbd", "mysqld")
    except MissingPart as missing:
        pytest.skip(str(missing))


def replay(shared, recorded, every, **options):
    counts, classes = collections.Counter(), collections.Counter()
    env = make("intercode_sql", data=str(shared / "intercode_sql"), max_steps=100, ordered=False, **options)
    try:
        tasks = {task.data.query: task.id for task in env.tasks()}
        for episode in list(recorded.values())[::every]:
            env.reset(seed=0, options={"task": tasks[episode["query"]]})
            turns = episode["turn_history"]
            for action, theirs, reward in zip(turns["actions"], turns["observations"], turns["rewards"], strict=False):
                if theirs.startswith(POLICY):
                    counts["policy"] += 1
                    continue
                ours, _, _, _, info = env.step(action)
                same = abs(info["score"] - reward) < 1e-9
                counts["steps"] += 1
                counts["observations"] += ours == theirs
                counts["rewards"] += same
                if ours != theirs or not same:
                    classes[kind(action, theirs, ours)] += 1
    finally:
        env.close()
    return counts, classes


def kind(action, theirs, ours):
    """Which of the page's classes a difference belongs to."""
    errors = theirs.startswith("Error"), ours.startswith("Error")
    if any(f"'{name}'" in theirs.lower() or f"{name}'" in ours.lower() for name in ALTERED):
        return "altered by an earlier episode"
    if any(errors):
        return "error text" if all(errors) else "error on one side"
    if sorted(theirs) == sorted(ours):
        return "order of rows"
    if "LIMIT" in action.upper():
        return "ties before LIMIT"
    return "values"


def test_a_sample_of_the_episodes(shared, recorded):
    counts, _ = replay(shared, recorded, 12)
    assert counts["steps"] > 400
    assert counts["observations"] / counts["steps"] > 0.96
    assert counts["rewards"] / counts["steps"] > 0.995


@pytest.mark.slow
def test_all_episodes_on_sqlite(shared, recorded):
    counts, classes = replay(shared, recorded, 1)
    assert counts["steps"] == 5527 and counts["policy"] == 33
    assert counts["observations"] >= 5395, classes
    assert counts["rewards"] >= 5523, classes


@pytest.mark.slow
def test_episodes_on_mariadb(shared, recorded, mariadb):
    counts, classes = replay(shared, recorded, 4, server="mysql")
    assert counts["observations"] / counts["steps"] > 0.9, classes
    assert counts["rewards"] / counts["steps"] > 0.99, classes


@pytest.mark.slow
def test_every_gold_statement_scores_one_or_is_refused_by_mysql(shared):
    env = make("intercode_sql", data=str(shared / "intercode_sql"))
    refused = []
    for task in env.tasks():
        env.reset(seed=0, options={"task": task.id})
        gold = env.expert(task)
        if gold is None:
            refused.append(task.id)
            continue
        for action in gold:
            _, reward, over, _, _ = env.step(action)
        assert over and reward == 1.0, task.id
    assert len(refused) == 13
