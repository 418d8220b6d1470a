import json

import pytest

from agentbank.envs import make
from agentbank.envs.coding.db import read_action
from agentbank.envs.coding.db_judge import judge, judge_2023, table_digest
from agentbank.trajectories import DataError


@pytest.mark.parametrize(
    ("action", "read"),
    [
        ("I count.\nAction: Operation\n```sql\nSELECT 1;\n```", ("sql", "SELECT 1;")),
        ("SELECT 1", ("sql", "SELECT 1")),
        ("```\nSHOW TABLES\n```", ("sql", "SHOW TABLES")),
        ('Action: Answer\nFinal Answer: ["a", "b"]', ("answer", '["a", "b"]')),
        ("final answer: 5", ("answer", "5")),
        ("answer[5]", ("answer", "[5]")),
        ("answer(5)", ("answer", "5")),
        ("Action: Operation\n```sql\nSELECT 1\n```\nFinal Answer: [2]", ("sql", "SELECT 1")),
        ("Action: Answer\n```sql\nSELECT 1\n```\nFinal Answer: [2]", ("answer", "[2]")),
        ("look", ("", "")),
        ("", ("", "")),
    ],
)
def test_what_an_action_is(action, read):
    assert read_action(action) == read


@pytest.mark.parametrize(
    ("answer", "label", "right", "exact"),
    [
        ("[28]", ["28"], True, True),
        ("[(28,)]", ["28"], True, False),
        ("[28.004]", ["28.0"], True, False),
        ("[28.5]", ["28"], False, False),
        ('["b", "a"]', ["a", "b"], True, True),
        ('["a"]', ["a", "b"], False, False),
        ("[45%]", ["45"], True, False),
        ('["1,234"]', ["1234"], True, False),
        ("none", ["0"], True, False),
        ("0", ["none"], True, False),
        ("[Men's, x]", ["y"], False, False),
        ("[]", ["none"], False, False),
        ("[" * 900, ["x"], False, False),
        ("[1, 1]", ["1", "2"], False, False),
    ],
)
def test_answers_are_judged_as_upstream(answer, label, right, exact):
    assert judge(answer, label) is right and judge_2023(answer, label) is exact


def test_the_digest_is_mysqls():
    # select md5(group_concat(substring(md5(concat_ws(',', a, b)), 1, 5) order by 1)) over ('1','x'), (NULL,'y')
    assert table_digest([("1", "x"), (None, "y")]) == table_digest([(None, "y"), ("1", "x")])
    assert table_digest([("1", "x")]) != table_digest([("1", "y")])
    assert table_digest([]) == "None"


@pytest.fixture
def env():
    made = make("db", data="sample")
    yield made
    made.close()


def start(env, kind):
    task = next(task for task in env.tasks() if task.data.kind == kind)
    return task, env.reset(seed=0, options={"task": task.id})[0]


def test_a_change_is_judged_by_the_table(env):
    task, shown = start(env, "INSERT")
    assert "Dabchick" in shown and "headers of this table" in shown
    assert env.step(task.data.gold)[0] == "[]"
    assert env.step("Final Answer: anything")[1:3] == (1.0, True)
    start(env, "INSERT")
    env.step(task.data.gold)
    env.step("DELETE FROM `Canal Boats` WHERE Name = 'Tern'")
    assert env.step("answer[done]")[1:3] == (0.0, True)
    start(env, "INSERT")
    env.step("DROP TABLE `Canal Boats`")
    assert env.step("answer[done]")[1:3] == (0.0, True)


def test_raw_responses(env):
    start(env, "counting")
    assert env.step("SELECT COUNT(*) FROM `Canal Boats`")[0] == "[(6,)]"
    observation, _, _, _, info = env.step("SELECT x FROM `Canal Boats`")
    assert observation == "1054 (42S22): Unknown column 'x' in 'field list'" and not info["valid"]
    assert env.step("SELECT REPEAT('y', 2000)")[0].endswith("y[TRUNCATED]")
    assert env.step("what now?")[4]["valid"] is False


def test_a_record_without_digest_is_judged_by_its_gold_statement(tmp_path, env):
    task = next(task for task in env.tasks() if task.data.kind == "UPDATE")
    index = int(task.id.rpartition("/")[2])
    from agentbank.envs.coding.db_records import SAMPLE

    record = json.loads((SAMPLE / "standard.jsonl").read_text().splitlines()[index]) | {"answer_md5": ""}
    (tmp_path / "standard.jsonl").write_text(json.dumps(record) + "\n")
    other = make("db", data=str(tmp_path))
    other.reset(seed=0, options={"task": "db/test/0"})
    other.step(task.data.gold)
    assert other.step("answer[done]")[1] == 1.0
    other.close()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"table": 5}, "'table'"),
        ({"type": []}, "'type'"),
        ({"label": "x"}, "'label'"),
        ({"description": None}, "'description'"),
    ],
)
def test_bad_records_are_named(tmp_path, change, named):
    record = {
        "description": "d",
        "label": ["1"],
        "type": ["other"],
        "table": {"table_name": "t", "table_info": {"columns": [], "rows": []}},
    }
    (tmp_path / "standard.jsonl").write_text(json.dumps(record | change) + "\n")
    with pytest.raises(DataError, match=named):
        make("db", data=str(tmp_path)).tasks()
