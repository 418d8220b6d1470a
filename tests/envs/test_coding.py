"""HumanEval, MBPP, APPS: what an action is, gold scores 1, nothing 0, and no cheat gets past the judge."""

import json
import math

import pytest

from agentbank.envs import make
from agentbank.envs.coding.apps_match import same_answer, same_output
from agentbank.envs.coding.passk import pass_at_k
from agentbank.envs.coding.programs import fenced, read_action
from agentbank.envs.sandboxes import why_none
from agentbank.trajectories.errors import DataError, UsageError

pytestmark = pytest.mark.skipif(why_none() != "", reason=f"no sandbox: {why_none()}")
WORLDS = ("humaneval", "mbpp", "apps")


def submit(env, program: str):
    return env.step(f"submit\n{fenced(program)}")


@pytest.fixture
def humaneval():
    env = make("humaneval", data="sample", cpu_s=2)
    yield env
    env.close()


@pytest.fixture
def mbpp():
    env = make("mbpp", data="sample", cpu_s=2)
    yield env
    env.close()


@pytest.mark.parametrize("world", WORLDS)
def test_gold_scores_one_and_shows_no_key(world):
    env = make(world, data="sample")
    for task in env.tasks()[:3]:
        env.reset(seed=1, options={"task": task.id})
        gold, last = env.expert(task)
        for action in (gold, last):
            _, reward, done, _, info = env.step(action)
        assert (reward, done, info["score"], info["success"], info["passed"]) == (1.0, True, 1.0, True, info["tests"])
    env.close()


@pytest.mark.parametrize("world", WORLDS)
def test_hidden_tests_stay_hidden(world):
    env = make(world, data="sample")
    for task in env.tasks():
        observation, info = env.reset(options={"task": task.id})
        text = observation + json.dumps(info)
        if world == "humaneval":
            hidden = task.data["test"].split("assert ")[1:]
        elif world == "mbpp":
            hidden = task.data["test_list"][1:]
        else:
            hidden = [json.dumps(each) for each in task.data["input_output"]["inputs"] if len(str(each)) > 8]
        assert not [each for each in hidden if each.strip() in text]
    env.close()


def test_a_run_shows_output_and_examples(mbpp):
    mbpp.reset(options={"task": mbpp.tasks()[0].id})
    observation, reward, done, _, info = mbpp.step("```python\nprint(input())\n```\n```stdin\nhello\n```")
    assert observation.startswith("hello\n[exit status 0]\n[example 1 of 1: ended while loading: status 1, EOFError")
    assert (reward, done, info["valid"], info["score"]) == (0.0, False, True, 0.0)
    observation, *_ = mbpp.step("```\nprint('\\0')\n```")
    name = mbpp.task.data["test_list"][0].split("(")[0].removeprefix("assert ")
    assert observation == f"\u2400\n[exit status 0]\n[example 1 of 1: raised NameError: name {name!r} is not defined]"
    observation, *_ = mbpp.step("```\nwhile True: pass\n```")
    assert "more than 2 CPU seconds" in observation


def test_what_an_action_is():
    assert read_action("submit").submit and read_action(" SUBMIT \n").program is None
    assert read_action("submit[print(1)]").program == "print(1)"
    assert read_action("I think:\n```python\nx = 1\n```").program == "x = 1"
    assert read_action("[BEGIN]\nx = 2\n[DONE]").program == "x = 2"
    assert read_action("````python\n'''```'''\n````").program == "'''```'''"
    for each in ("", "hello", "```bash\nls\n```", "submit please", "\0\x01", "提交"):
        assert read_action(each) is None


@pytest.mark.parametrize("world", WORLDS)
def test_bad_actions_cost_a_step(world):
    env = make(world, data="sample")
    env.reset(seed=3)
    for action in ("", "hello", "submit", "\ud800", "x" * 1_000_000, "submit now", "\0"):
        observation, reward, done, _, info = env.step(action)
        assert not info["valid"] and "submit" in observation and (reward, done) == (0.0, False)
    env.close()


CHEATS = {
    "leaving early": "import sys; sys.exit(0)",
    "leaving hard": "import os; os._exit(0)",
    "leaving in the call": "import os\ndef NAME(*a): os._exit(0)",
    "raising the exit": "def NAME(*a): raise SystemExit(0)",
    "raising an interrupt": "def NAME(*a): raise KeyboardInterrupt",
    "equal to everything": """
class All:
    def __eq__(self, other): return True
    __hash__ = None
def NAME(*a): return All()
""",
    "a list equal to everything": """
class All(list):
    def __eq__(self, other): return True
def NAME(*a): return All()
""",
    "a number equal to everything": """
class All(int):
    def __eq__(self, other): return True
def NAME(*a): return All(1)
""",
    "other builtins": """
import builtins
builtins.AssertionError = ValueError
builtins.abs = builtins.set = builtins.sorted = lambda *a: 0
def NAME(*a): return 0
""",
    "names that the tests use": """
set = sorted = list = tuple = lambda *a, **k: 0
def NAME(*a): return 0
""",
    "printed markers": """
print("passed")
def NAME(*a): print("vpass")
""",
    "every descriptor": """
import os
def NAME(*a):
    for fd in range(3, 64):
        for forged in (b"\\0\\0\\0\\5vpass", b"\\0\\0\\0\\4pass"):
            try: os.write(fd, forged)
            except OSError: pass
""",
    "the wire's own words": """
import __main__, os
def NAME(*a):
    __main__.say(b"vpass")
    os._exit(0)
""",
    "looking for the tests": """
import sys
def NAME(*a):
    frame = sys._getframe()
    while frame:
        for value in [*frame.f_locals.values(), *frame.f_code.co_consts]:
            if isinstance(value, list) and value and value != list(a): return value
        frame = frame.f_back
""",
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_cheats_score_zero(cheat, humaneval, mbpp):
    for env in (humaneval, mbpp):
        task = env.tasks()[9]
        name = task.data["entry_point"] if env is humaneval else "groups_of_4"
        env.reset(options={"task": task.id})
        _, reward, done, _, info = submit(env, CHEATS[cheat].replace("NAME", name))
        assert (reward, done, info["score"], info["success"]) == (0.0, True, 0.0, False)


def test_a_daemon_of_a_run_cannot_help_the_submission(mbpp):
    task = mbpp.tasks()[9]
    mbpp.reset(options={"task": task.id})
    leaves = """
import os, time
open("/tmp/note", "w").write("x")
if os.fork() == 0:
    os.setsid(); time.sleep(60)
"""
    looks = """
import os
seen = [each for each in os.listdir("/proc") if each.isdigit()]
def groups_of_4(values):
    assert len(seen) <= 2 and not os.path.exists("/tmp/note")
    return [values[at : at + 4] for at in range(0, len(values), 4)]
"""
    mbpp.step(fenced(leaves))
    assert submit(mbpp, looks)[1] == 1.0


def test_a_body_alone_completes_the_prompt(humaneval):
    task = humaneval.tasks()[0]
    humaneval.reset(options={"task": task.id})
    assert submit(humaneval, task.data["canonical_solution"])[1] == 1.0


def test_apps_scores_shares():
    env = make("apps", data="sample", cpu_s=1)
    called, read = env.tasks()[0], env.tasks()[1]
    env.reset(options={"task": called.id})
    name = called.data["input_output"]["fn_name"]
    first, *_ = called.data["input_output"]["outputs"]
    _, reward, _, _, info = submit(env, f"class Solution:\n    def {name}(self, values): return {first!r}")
    assert 0 < reward < 1 and not info["success"] and info["passed"] == reward * info["tests"]
    env.reset(options={"task": read.id})
    _, reward, _, _, info = submit(env, "while True: pass")
    assert (reward, info["passed"]) == (0.0, 0)
    env.close()


def test_apps_comparisons():
    assert (
        same_output("1 2 \n\n3\n", "1 2\n3")
        and same_output("0.3333333\n", "0.33333331")
        and same_output("2 1\n3", "3\n1 2")
    )
    assert not same_output("1 2", "1 3") and not same_output("", "0") and not same_output("a", "b")
    assert (
        same_answer((1, (2,)), [1, [2]])
        and same_answer(3, [3])
        and not same_answer([3], [4])
        and not same_answer(None, [])
    )


@pytest.mark.parametrize("n", (1, 5, 20))
def test_pass_at_k_is_the_share_of_draws(n):
    for c in range(n + 1):
        for k in range(1, n + 1):
            exact = 1 - math.comb(n - c, k) / math.comb(n, k)
            assert pass_at_k(n, c, k) == pytest.approx(exact)
    with pytest.raises(UsageError, match="pass@k needs"):
        pass_at_k(n, n + 1, 1)


def test_wrong_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"mbpp\.jsonl.*cannot be read"):
        make("mbpp", data=str(tmp_path)).tasks()
    row = {"text": "t", "code": "c", "task_id": 11, "test_setup_code": ""}
    (tmp_path / "mbpp.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataError, match="record 1, field 'test_list': missing"):
        make("mbpp", data=str(tmp_path)).tasks()
    (tmp_path / "HumanEval.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match="expected gzipped JSON lines"):
        make("humaneval", data=str(tmp_path)).tasks()
    with pytest.raises(DataError, match="APPS/test"):
        make("apps", data=str(tmp_path)).tasks()
