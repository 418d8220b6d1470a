"""The promises of the design, each a test over every registered world."""

import gc
import json
import math
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import gymnasium
import numpy as np
import psutil
import pytest
from gymnasium.utils.env_checker import check_env

from agentbank.envs import digest, make, panel, specs

from .walks import ODD, expert, mark, stroll

HEAVY = [name for name, spec in specs().items() if spec.lives == "process"]


def budget(world, light, heavy):
    """How much of a check to run: worlds with an engine per process get the smaller part."""
    return heavy if world in HEAVY else light


# --- splits -----------------------------------------------------------------------------------------------------------


def test_splits_are_fixed_and_disjoint(world, fresh):
    panels, ids, digests = [], [], []
    for split in specs()[world].splits:
        env, again = fresh(split=split), fresh(split=split)
        tasks = env.tasks()
        assert len(tasks) >= 20, f"{split}: the bundled sample holds {len(tasks)} tasks"
        assert [task.id for task in tasks] == [task.id for task in again.tasks()]
        assert panel(tasks) == panel(again.tasks())
        names = {task.id for task in tasks}
        assert len(names) == len(tasks)
        assert all(task.split == split or split == "test" for task in tasks)
        if panel(tasks) in panels:
            continue  # two names of one split ("test" and upstream's own name for it)
        panels.append(panel(tasks))
        ids.append(names)
        digests.append({task.digest for task in tasks})
    for i, left in enumerate(ids):
        for right in ids[i + 1 :]:
            assert not left & right
    for i, left in enumerate(digests):
        for right in digests[i + 1 :]:
            assert not left & right, "the same content stands in two splits"


def test_task_does_not_show_its_data(world, fresh):
    task = fresh().tasks()[0]
    assert "data" not in repr(task)


# --- 1. same seed, same bytes -----------------------------------------------------------------------------------------


def walks(world, seeds, steps):
    env = make(world, data="sample")
    try:
        return [mark(stroll(env, seed, steps)) for seed in seeds]
    finally:
        env.close()


def test_same_seed_same_bytes_in_a_new_process(world, fresh):
    fresh()
    seeds, steps = budget(world, [0, 1, 2], [0]), 8
    code = (
        f"import json, sys; sys.path.insert(0, {str(__file__).rsplit('/', 1)[0]!r}); from walks import mark, stroll;"
        f"from agentbank.envs import make; env = make({world!r}, data='sample');"
        f"print(json.dumps([mark(stroll(env, seed, {steps})) for seed in {seeds}])); env.close()"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert other.returncode == 0, other.stderr
    assert json.loads(other.stdout) == walks(world, seeds, steps)


def test_interleaved_instances_do_not_meet(world, fresh):
    a, b = fresh(), fresh()
    alone = [mark(stroll(a, seed, 6)) for seed in (3, 4)]
    first, second = [a.reset(seed=3)[0]], [b.reset(seed=4)[0]]
    rng_a, rng_b = np.random.default_rng(3), np.random.default_rng(4)
    over_a = over_b = False
    seen_a, seen_b = [], []
    for _ in range(6):
        for env, rng, seen, over in ((a, rng_a, seen_a, over_a), (b, rng_b, seen_b, over_b)):
            if over:
                continue
            possible = env.actions() or ["look", "search[red]", "help", "1", "submit"]
            seen.append(env.step(str(possible[int(rng.integers(len(possible)))])))
        over_a = bool(seen_a) and (seen_a[-1][2] or seen_a[-1][3])
        over_b = bool(seen_b) and (seen_b[-1][2] or seen_b[-1][3])
    for seed, env, seen, head, whole in ((3, a, seen_a, first, alone[0]), (4, b, seen_b, second, alone[1])):
        check = fresh()
        observation, info = check.reset(seed=seed)
        assert observation == head[0]
        assert mark([(observation, 0.0, False, False, info), *seen]) == whole, env


def test_threads_do_not_change_a_word(world, fresh):
    spec = specs()[world]
    if spec.lives == "process":
        pytest.skip("lives in a process of its own; the harness never steps it from two threads")
    fresh()
    with ThreadPoolExecutor(4) as threads:
        marks = list(threads.map(lambda seed: walks(world, [seed], 6), [0, 1, 2, 3]))
    assert [each[0] for each in marks] == walks(world, [0, 1, 2, 3], 6)


def test_global_random_state_is_left_alone(world, fresh):
    import random

    random.seed(5)
    np.random.seed(5)
    before = (random.getstate(), np.random.get_state()[1].tobytes())
    stroll(fresh(), 0, 5)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == before


# --- 2. gold 1, nothing 0 ---------------------------------------------------------------------------------------------


def test_expert_scores_one_and_noop_zero(world, fresh):
    spec = specs()[world]
    for split in spec.splits:
        env = fresh(split=split)
        tasks = env.tasks()
        count = budget(world, 60, 3)
        chosen = tasks if len(tasks) <= count else [tasks[i * len(tasks) // count] for i in range(count)]
        for number, task in enumerate(chosen):
            info = expert(env, task)
            if info is not None:
                assert info["score"] == 1.0 and info["success"], f"{task.id}: the expert ends at {info}"
            if number < budget(world, 10, 1):
                _, info = env.reset(seed=0, options={"task": task.id})
                for _ in range(min(env.max_steps, 5)):
                    _, reward, terminated, truncated, info = env.step("")
                    assert reward == 0.0 and not terminated
                    if truncated:
                        break
                assert info["score"] == 0.0 and not info["success"]


def test_echoing_the_question_scores_nothing(world, fresh):
    env = fresh()
    for task in env.tasks()[: budget(world, 10, 1)]:
        observation, _ = env.reset(seed=0, options={"task": task.id})
        text = observation[-1500:]
        info = {"score": 0.0}
        for action in (text, f"finish[{text}]", f"answer[{text}]", "submit", f"click[{text}]"):
            _, _, terminated, truncated, info = env.step(action)
            if terminated or truncated:
                break
        assert info["score"] < 1.0 and not info["success"]


# --- 3. a bad action costs a step, never a crash ----------------------------------------------------------------------


def test_odd_actions_are_answered(world, fresh):
    env = fresh(max_steps=len(ODD) + 2)
    env.reset(seed=0)
    for action in [*ODD, None, 7]:
        observation, reward, terminated, truncated, info = env.step(action)
        assert isinstance(observation, str) and observation
        assert isinstance(reward, float) and math.isfinite(reward) and 0.0 <= reward <= 1.0
        assert type(terminated) is bool and type(truncated) is bool
        assert 0.0 <= info["score"] <= 1.0 and isinstance(info["success"], bool) and isinstance(info["valid"], bool)
        json.dumps(info)
        if terminated:
            env.reset(seed=0)
    assert env.reset(seed=0)


def test_nonsense_is_marked_invalid(world, fresh):
    env = fresh()
    env.reset(seed=0)
    for action in ("", "полка 架子 رف 🧺", "a" * 1_000_000):
        assert env.step(action)[4]["valid"] is False


def test_the_step_limit_truncates(world, fresh):
    env = fresh(max_steps=3)
    env.reset(seed=0)
    flags = [env.step("")[2:4] for _ in range(3)]
    assert flags == [(False, False), (False, False), (False, True)]


# --- 4. close means close ---------------------------------------------------------------------------------------------


def leftovers():
    gc.collect()
    me = psutil.Process()
    return {child.pid for child in me.children(recursive=True)}, {each.ident for each in threading.enumerate()}


def test_close_leaves_nothing(world, fresh):
    warm = fresh()
    stroll(warm, 0, 3)
    warm.close()
    before = leftovers()
    files = psutil.Process().num_fds()
    for seed in range(budget(world, 5, 2)):
        env = fresh()
        stroll(env, seed, 4)
        env.close()
        env.close()
    processes, threads = leftovers()
    assert processes <= before[0], "processes were left behind"
    assert threads <= before[1], "threads were left behind"
    assert psutil.Process().num_fds() <= files + 2, "file descriptors were left open"


@pytest.mark.slow
def test_300_resets_do_not_grow(world, fresh):
    env = fresh()

    def memory():
        gc.collect()
        me = psutil.Process()
        return sum(each.memory_info().rss for each in [me, *me.children(recursive=True)])

    for seed in range(100):
        stroll(env, seed, 2)
    before = memory()
    for seed in range(300):
        stroll(env, seed, 2)
    grown = (memory() - before) / 2**20
    assert grown < budget(world, 24, 120), f"grew by {grown:.0f} MiB over 300 resets"


# --- 5. each instance is its own --------------------------------------------------------------------------------------


def test_fork_is_the_same_and_apart(world, fresh):
    env = fresh()
    stroll(env, 1, 2)
    if env._over:
        env.reset(seed=2)
    twin = env.fork()
    try:
        possible = env.actions() or ["look"]
        action = str(possible[0])
        assert json.dumps(env.step(action), default=str) == json.dumps(twin.step(action), default=str)
    finally:
        twin.close()
    if not env._over:
        env.step("")


# --- Gymnasium --------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_gymnasium_check_env(world, fresh):
    check_env(fresh().unwrapped, skip_render_check=True)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_gymnasium_make_and_wrappers_compose(world, fresh):
    fresh()
    env = gymnasium.make(f"agentbank/{world}-v0", data="sample")
    try:
        wrapped = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.wrappers.TimeLimit(env, 2))
        wrapped.reset(seed=0)
        wrapped.step("")
        _, _, terminated, truncated, info = wrapped.step("")
        assert truncated and not terminated and info["episode"]["l"] == 2
    finally:
        env.close()


def test_make_is_quick_and_starts_nothing(world, fresh):
    children = len(psutil.Process().children(recursive=True))
    env = fresh()
    assert len(psutil.Process().children(recursive=True)) == children, "make() started a process"
    assert env.manual.strip(), "no manual"
    assert env.about == specs()[world]


def test_specs_tell_the_truth(world):
    spec = specs()[world]
    assert spec.metric and spec.max_steps > 0 and spec.paper
    assert "test" in spec.splits and spec.id == world
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
