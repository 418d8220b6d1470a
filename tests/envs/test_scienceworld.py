"""ScienceWorld: the engine's words and scores, one JVM an instance, and none left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from agentbank.envs import make, missing, specs
from agentbank.envs.embodied.scienceworld_tasks import VARIATIONS, variations
from agentbank.trajectories import Fault, MissingPart, UnknownName, UsageError

LACKS = missing(specs()["scienceworld"])
pytestmark = pytest.mark.skipif(bool(LACKS), reason=f"scienceworld needs {' and '.join(LACKS)}")
FIND = "scienceworld/test/find-animal/230"


@pytest.fixture(scope="module")
def env():
    world = make("scienceworld")
    yield world
    world.close()


def begin(env, task=FIND):
    return env.reset(seed=0, options={"task": task})


def test_the_table_is_the_engines_own(env):
    """Counts and splits of all 30 tasks: ours are a table, so that no JVM is started for a list of tasks."""
    begin(env)
    engine = env._engine._world
    assert sorted(engine.getTaskNames()) == sorted(VARIATIONS)
    for name, count in VARIATIONS.items():
        assert engine.getTaskMaxVariations(name) == count
        getattr(engine, "taskStr_$eq")(name)  # the splits are of the task that is named here; it need not be loaded
        ours = variations(count)
        for split, theirs in (
            ("train", engine.getVariationsTrain()),
            ("dev", engine.getVariationsDev()),
            ("test", engine.getVariationsTest()),
        ):
            assert list(theirs) == list(ours[split]), (name, split)


@pytest.mark.parametrize(("split", "count"), [("train", 3592), ("dev", 1796), ("test", 1819)])
def test_splits(split, count):
    assert len(make("scienceworld", split=split).tasks()) == count


def test_the_first_observation_is_the_task_and_a_look(env):
    observation, info = begin(env)
    task, _, look = observation.partition("\n\n")
    assert task.startswith("Your task is to find a(n) animal.")
    assert look.startswith("This room is called the kitchen. In it, you see:")
    assert "A door to the hallway (that is open)" in look
    assert (info["fidelity"], info["score"]) == ("engine", 0.0)


def test_what_the_start_gives_is_not_the_agents(env):
    """The engine gives 8 points here for standing where everybody stands at the beginning."""
    begin(env)
    _, reward, done, _, info = env.step("look around")
    assert (info["engine_score"], info["score"], reward, done) == (8, 0.0, 0.0, False)


def test_the_expert_gets_all_points_and_each_once(env):
    begin(env)
    seen = [env.step(action) for action in env.expert(env.task)]
    rewards = [reward for _, reward, *_ in seen]
    assert min(rewards) >= 0 and sum(rewards) == pytest.approx(1.0)
    assert seen[-1][2] and seen[-1][4]["success"] and seen[-1][4]["engine_score"] == 100
    assert [each[2] for each in seen[:-1]] == [False] * (len(seen) - 1)


def test_a_gold_path_that_does_not_win_is_not_called_one():
    """Upstream's own path for this variation (the 20th of freezing) ends at 82 points."""
    with contextlib.closing(make("scienceworld", split="dev")) as world:
        begin(world, "scienceworld/dev/freeze/19")
        assert world.expert(world.task) is None


def test_a_wrong_focus_ends_at_zero(env):
    begin(env)
    gold = env.expert(env.task)
    for action in gold[: gold.index("go to outside") + 1]:
        env.step(action)
    _, reward, done, _, info = env.step("focus on fire pit")
    assert (info["engine_score"], info["failed_task"]) == (-100, True)
    assert (info["score"], info["success"], reward, done) == (0.0, False, 0.0, True)


@pytest.mark.parametrize("action", ["", "fly", "look around\nlook around", "日本", "\x00", "focus on", "x" * 2000])
def test_what_is_not_understood_costs_a_step(env, action):
    before = begin(env)[0]
    observation, reward, done, _, info = env.step(action)
    assert observation and (reward, done, info["valid"]) == (0.0, False, False)
    assert before.endswith(env.step("look around")[0])


def test_an_ambiguous_action_is_asked_back(env):
    begin(env, "scienceworld/test/mendelian-genetics-known-plant/119")
    for action in ("teleport to greenhouse", "pick up seed jar"):
        env.step(action)
    observation, _, _, _, info = env.step("move pea seed in seed jar to flower pot 5")
    assert observation.startswith("Ambiguous request") and info["valid"]
    assert "0" in env.actions()
    assert env.step("0")[4]["valid"]
    env.step("move pea seed in seed jar to flower pot 5")
    assert env.step("pink")[4]["valid"] is False


def test_asking_what_is_possible_changes_nothing(env):
    """Upstream draws random numbers for its list of valid actions; here the generator is put back."""
    begin(env, "scienceworld/test/mendelian-genetics-known-plant/119")
    env.step("teleport to greenhouse")
    before = env._engine._random_state()
    listed = env.actions()
    assert len(listed) > 100 and listed == sorted(listed) and "go to hallway" in listed
    assert env._engine._random_state() == before
    env._engine._world.getValidActionObjectCombinations()
    assert env._engine._random_state() != before, "the trap is gone: the guard in valid_actions() may go too"


def test_asking_the_expert_leaves_the_episode_where_it_stands(env):
    begin(env)
    env.step("go to outside")
    alone = env.step("look around")
    begin(env)
    env.step("go to outside")
    env.expert(env.task)
    assert env.step("look around") == alone


def test_the_past_of_a_jvm_does_not_show(env):
    begin(env, "scienceworld/test/boil/29")
    for action in [action for action in env.actions() if "focus" not in action][:40:4]:
        env.step(action)
    used = [begin(env)[0], *(env.step(action)[0] for action in ("go to outside", "look around", "inventory"))]
    with contextlib.closing(make("scienceworld")) as new:
        fresh = [begin(new)[0], *(new.step(action)[0] for action in ("go to outside", "look around", "inventory"))]
    assert used == fresh


# --- options ----------------------------------------------------------------------------------------------------------


def test_no_simplifications(env):
    with contextlib.closing(make("scienceworld", simplifications="")) as hard:
        assert "(that is closed)" in begin(hard)[0]
        assert hard.step("teleport to kitchen")[4]["valid"] is False
        assert "teleport" not in hard.manual and "connect OBJ to OBJ" in hard.manual
    assert "teleport to LOC" in env.manual
    assert begin(env) and env.step("teleport to kitchen")[4]["valid"]


def test_without_electrical_actions_there_are_no_circuits():
    names = {task.data[0] for task in make("scienceworld", simplifications="noElectricalAction,openDoors").tasks()}
    assert len(names) == 26 and not any("conductivity" in name or "power" in name for name in names)


def test_wrong_options_are_told():
    with pytest.raises(UnknownName, match="did you mean 'openDoors'"):
        make("scienceworld", simplifications="openDoor")
    with pytest.raises(UsageError, match="at least 64"):
        make("scienceworld", memory=3)
    with pytest.raises(UnknownName, match="scienceworld/test/boil/29"):
        begin(make("scienceworld"), "scienceworld/test/boil/0")


# --- the JVM ----------------------------------------------------------------------------------------------------------


def test_a_dead_jvm_is_a_fault_and_the_next_reset_mends_it():
    with contextlib.closing(make("scienceworld")) as world:
        first = begin(world)
        psutil.Process(world._engine.process.pid).kill()
        world._engine.process.wait()
        with pytest.raises(Fault, match=r"is dead \(exit code -9\)") as caught:
            world.step("look around")
        assert caught.value.boundary == "env"
        with pytest.raises(Fault):
            world.step("look around")
        assert begin(world) == first


def test_close_ends_the_jvm_and_may_come_twice():
    world = make("scienceworld")
    begin(world)
    process = world._engine.process
    world.close()
    assert process.returncode is not None
    world.close()


def test_a_forgotten_world_takes_its_jvm_along():
    world = make("scienceworld")
    begin(world)
    process = world._engine.process
    del world
    assert process.wait(20) is not None


CHILD = """
import sys, time
from agentbank.envs import make
world = make("scienceworld")
world.reset(seed=0)
print(world._engine.process.pid, flush=True)
{end}
"""


@pytest.mark.parametrize(
    ("end", "kill"),
    [
        ("time.sleep(600)", signal.SIGKILL),
        ("time.sleep(600)", signal.SIGTERM),
        ("time.sleep(600)", signal.SIGINT),
        ("raise RuntimeError('mine')", None),
        ("", None),
    ],
)
def test_no_jvm_outlives_its_python(end, kill):
    with subprocess.Popen(
        [sys.executable, "-c", CHILD.format(end=end)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as child:
        try:
            java = psutil.Process(int(child.stdout.readline()))
            assert java.name() == "java"
            if kill is not None:
                os.kill(child.pid, kill)
            child.wait(30)
        finally:
            child.kill()
    deadline = time.monotonic() + 20
    while java.is_running() and java.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the JVM lives on"
        time.sleep(0.05)


def test_ctrl_c_for_the_whole_group_does_not_reach_the_jvm():
    """The harness may finish the episode under way."""
    with contextlib.closing(make("scienceworld")) as world:
        begin(world)
        assert os.getpgid(world._engine.process.pid) != os.getpgid(0)


def test_what_java_says_of_its_options_is_no_answer(monkeypatch):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dnothing=1")
    with contextlib.closing(make("scienceworld")) as world:
        assert begin(world)[0].startswith("Your task")


def test_a_jvm_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:+NoSuchFlagAtAll")
    with pytest.raises(MissingPart, match="NoSuchFlagAtAll"):
        begin(make("scienceworld"))


def test_no_java_is_told_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPart, match="java"):
        make("scienceworld")


# --- every kind of task -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_the_expert_solves_every_kind_of_task(split):
    """The first variation of each of the 30 tasks in each split; docs/worlds/scienceworld.md tells of more."""
    with contextlib.closing(make("scienceworld", split=split)) as world:
        for name, count in VARIATIONS.items():
            begin(world, f"scienceworld/{split}/{name}/{variations(count)[split][0]}")
            gold = world.expert(world.task)
            assert len(gold) <= world.max_steps, name
            for action in gold:
                _, _, done, truncated, info = world.step(action)
                if done or truncated:
                    break
            assert info["success"] and info["score"] == 1.0, (name, info)
