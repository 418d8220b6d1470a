"""Every reference solution of the real slices scores 1 in our judge, and no problem's gold is another's."""

import pytest

from agentbank.envs import make
from agentbank.envs.sandboxes import why_none

pytestmark = pytest.mark.skipif(why_none() != "", reason=f"no sandbox: {why_none()}")
SLICES = [
    ("humaneval", "test", 140),
    ("mbpp", "prompt", 10),
    ("mbpp", "dev", 90),
    ("mbpp", "train", 374),
    ("mbpp", "test", 460),
    ("apps", "train", 4),
]


def wrong(world, split, shared, sample=None) -> tuple[list[str], int]:
    """The ids whose gold does not score 1, and how many were tried."""
    env = make(world, split=split, data=str(shared / world))
    tasks = env.tasks()[::sample] if sample else env.tasks()
    missed = []
    for task in tasks:
        env.reset(seed=0, options={"task": task.id})
        program = env.gold(task)
        if program is None or not env.grade(program).success:
            missed.append(task.id)
    env.close()
    return missed, len(tasks)


@pytest.mark.slow
@pytest.mark.parametrize(("world", "split", "count"), SLICES)
def test_all_gold_scores_one(world, split, count, shared):
    assert wrong(world, split, shared) == ([], count)


@pytest.mark.parametrize(
    ("world", "split", "every"), [("humaneval", "test", 20), ("mbpp", "dev", 18), ("apps", "train", 1)]
)
def test_some_gold_scores_one(world, split, every, shared):
    missed, count = wrong(world, split, shared, every)
    assert missed == [] and count >= 4
