"""AgentBench's DB against its own digests: after the gold statement our tables have the MD5 that MySQL gave them."""

import pytest

from agentbank.envs import make

WRONG = {"db/test/200"}
"""The record's digest is not that of its own gold statement, on MariaDB neither."""


@pytest.mark.parametrize("split", ["test", "dev"])
def test_the_expert_is_right_on_every_record(shared, split):
    env = make("db", data=str(shared / "agentbench_db"), split=split)
    wrong, changes = set(), 0
    for task in env.tasks():
        env.reset(seed=0, options={"task": task.id})
        for action in env.expert(task):
            _, reward, over, _, _ = env.step(action)
        assert over
        changes += task.data.writes
        if reward != 1.0:
            wrong.add(task.id)
    assert wrong == (WRONG if split == "test" else set())
    assert changes == {"test": 171, "dev": 40}[split]


def test_no_change_is_not_the_change(shared):
    env = make("db", data=str(shared / "agentbench_db"))
    for task in env.tasks():
        if task.data.writes:
            env.reset(seed=0, options={"task": task.id})
            assert env.step("answer[done]")[1] == 0.0, task.id
