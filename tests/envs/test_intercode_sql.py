import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbank.envs import make
from agentbank.envs.coding.intercode_reward import kendall_tau_b, reward
from agentbank.envs.coding.intercode_sql import statement_of
from agentbank.trajectories import DataError, UnknownName


@pytest.fixture
def env():
    made = make("intercode_sql", data="sample")
    made.reset(seed=0, options={"task": "intercode_sql/test/0"})
    yield made
    made.close()


def sign(a, b):
    return (a > b) - (a < b)


def slow_tau(left, right):
    pairs = [(i, j) for i in range(len(left)) for j in range(i)]
    scores = [(sign(left[i], left[j]), sign(right[i], right[j])) for i, j in pairs]
    below = math.sqrt(sum(a != 0 for a, _ in scores) * sum(b != 0 for _, b in scores))
    return sum(a * b for a, b in scores) / below if below else math.nan


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), max_size=12))
def test_tau_is_the_definition(pairs):
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    ours, theirs = kendall_tau_b(left, right), slow_tau(left, right)
    assert math.isnan(ours) == math.isnan(theirs)
    assert math.isnan(ours) or ours == pytest.approx(theirs)


def test_tau_is_scipys():
    scipy = pytest.importorskip("scipy.stats")
    rng = random.Random(1)
    for size in (2, 5, 40, 300):
        left, right = rng.choices("abcdefgh", k=size), rng.choices("abcdefgh", k=size)
        assert kendall_tau_b(left, right) == pytest.approx(scipy.kendalltau(left, right).statistic, nan_ok=True)


@pytest.mark.parametrize(
    ("rows", "gold", "expected"),
    [
        ("Error executing query: no", [(1,)], 0.0),
        (None, [], 0.0),
        ([], [], 1.0),
        ([], [(1,)], 0.0),
        ([(1,)], [(1,)], 1.0),
        ([(1,), (2,)], [(1,)], 0.5),
        ([(1,), (1,)], [(1,)], 0.5),
        ([(1,), (2,), (3,)], [(1,), (2,), (3,)], 1.0),
        ([(3,), (2,), (1,)], [(1,), (2,), (3,)], -1.0),
        ([(2,), (1,), (3,)], [(1,), (2,), (3,)], 0.33),
    ],
)
def test_the_reward(rows, gold, expected):
    assert reward(rows, gold) == expected


def test_without_order_only_the_overlap_counts():
    assert reward([(3,), (2,), (1,)], [(1,), (2,), (3,), (4,)], ordered=False) == 0.75


def test_statement_of():
    assert statement_of(" SELECT 1 ") == "SELECT 1"
    assert statement_of("I look.\n```sql\nSELECT 1;\n```\nthen ```SELECT 2```") == "SELECT 1;"


def test_an_episode(env):
    observation, _, _, _, info = env.step("SHOW TABLES")
    assert observation == "[('keeper',), ('lighthouse',), ('watch',)]" and info["score"] == 0.0
    observation, _, _, _, info = env.step("SELECT nope FROM lighthouse")
    assert observation == "Error executing query: Unknown column 'nope' in 'field list'" and not info["valid"]
    observation, step_reward, over, _, info = env.step("```sql\nSELECT COUNT(*) FROM lighthouse\n```")
    assert (observation, step_reward, over, info["score"]) == ("[(8,)]", 0.0, False, 1.0)
    assert env.step("submit")[1:3] == (1.0, True)


def test_writes_stay_in_the_episode_and_do_not_change_what_is_right(env):
    assert env.step("DELETE FROM lighthouse")[0] == "None"
    assert env.step("SELECT COUNT(*) FROM lighthouse")[4]["score"] == 0.0
    other = make("intercode_sql", data="sample")
    other.reset(seed=0, options={"task": "intercode_sql/test/0"})
    assert other.step("SELECT COUNT(*) FROM lighthouse")[0] == "[(8,)]"
    other.close()
    env.reset(seed=0, options={"task": "intercode_sql/test/0"})
    assert env.step("SELECT COUNT(*) FROM lighthouse")[4]["score"] == 1.0


def test_long_output_is_cut_and_counted():
    env = make("intercode_sql", data="sample", observation_limit=100)
    env.reset(seed=0, options={"task": "intercode_sql/test/0"})
    observation = env.step("SELECT REPEAT('x', 5000)")[0]
    assert observation.endswith("... [4907 more characters]")
    assert env.step("SELECT CHAR(0), 1")[0]
    env.close()


def test_every_gold_of_the_sample_runs():
    for split in ("train", "test"):
        env = make("intercode_sql", data="sample", split=split)
        for task in env.tasks():
            env.reset(seed=0, options={"task": task.id})
            assert env.expert(task), task.data.gold
        env.close()


def test_bad_data_is_named(tmp_path):
    with pytest.raises(DataError, match=r"ic_spider_dev\.json"):
        make("intercode_sql", data=str(tmp_path)).tasks()
    (tmp_path / "ic_spider_dev.json").write_text('[{"query": "q", "db": "none"}]')
    (tmp_path / "ic_spider_dbs.sql").write_text("USE `a`;\n")
    with pytest.raises(DataError, match="'gold'"):
        make("intercode_sql", data=str(tmp_path)).tasks()
    (tmp_path / "ic_spider_dev.json").write_text('[{"query": "q", "db": "none", "gold": "SELECT 1"}]')
    with pytest.raises(DataError, match="no database 'none'"):
        make("intercode_sql", data=str(tmp_path)).tasks()


def test_no_such_server():
    with pytest.raises(UnknownName, match="sqlite"):
        make("intercode_sql", data="sample", server="postgres")
