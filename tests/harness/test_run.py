import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentbank.harness import Config, collect, evaluate, report_folder, run
from agentbank.trajectories import UsageError, read_episodes


def lines(path):
    return path.read_text().splitlines()


def strip(report):
    """A report without what differs from run to run: times."""
    return {name: {key: value for key, value in row.items() if key != "seconds"} for name, row in report.worlds.items()}


@pytest.mark.parametrize("lives", ["inline", "thread", "process"])
def test_every_kind_of_pool_plays_the_same(count, tmp_path, lives):
    count("count2", lives=lives)
    report = evaluate(tmp_path / "run", "count2", agent="expert", n=12, workers=2)
    row = report.worlds["count2"]
    assert (row["n"], row["valid"], row["failed"], row["coverage"], row["score"]) == (12, 12, 0, 1.0, 1.0)
    assert row["fidelity"] == "sample" and row["interval"][0] < 1.0 == row["interval"][1]
    episodes = list(read_episodes(tmp_path / "run"))
    assert len({episode.id for episode in episodes}) == 12
    # Three tasks, twelve episodes: four laps, each with a seed of its own.
    assert sorted({episode.task.seed for episode in episodes}) == [0, 1, 2, 3]


def test_noop_scores_zero(count, tmp_path):
    row = evaluate(tmp_path / "run", "count", agent="noop", n=3).worlds["count"]
    assert (
        row["score"] == 0.0 == row["success"]
        and row["invalid_action_rate"] == 1.0
        and row["endings"] == {"max_steps": 3}
    )


def test_collect_defaults_to_the_expert_in_train(count, tmp_path):
    collect(tmp_path / "run", "count", n=4)
    assert {episode.task.split for episode in read_episodes(tmp_path / "run")} == {"train"}


def test_a_finished_run_is_not_run_again(count, tmp_path):
    first = evaluate(tmp_path / "run", "count", agent="expert", n=6)
    before = (tmp_path / "run/episodes.jsonl").read_bytes()
    again = evaluate(tmp_path / "run", "count", agent="expert", n=6)
    assert (tmp_path / "run/episodes.jsonl").read_bytes() == before and strip(first) == strip(again)


def test_another_configuration_is_refused_by_name(count, tmp_path):
    evaluate(tmp_path / "run", "count", agent="expert", n=6)
    with pytest.raises(UsageError, match=r"seed: 0 there, 1 here"):
        evaluate(tmp_path / "run", "count", agent="expert", n=6, seed=1)
    with pytest.raises(UsageError, match="agent: 'expert' there, 'noop' here"):
        evaluate(tmp_path / "run", "count", agent="noop", n=6)


def test_a_torn_line_is_repaired_and_its_episode_played_again(count, tmp_path):
    whole = evaluate(tmp_path / "a", "count", agent="expert", n=6)
    evaluate(tmp_path / "b", "count", agent="expert", n=6)
    store = tmp_path / "b/episodes.jsonl"
    data = store.read_bytes()
    store.write_bytes(data[: len(data) - 40])
    torn = evaluate(tmp_path / "b", "count", agent="expert", n=6)
    assert strip(torn) == strip(whole) and len(lines(store)) == 6
    assert len({episode.id for episode in read_episodes(store)}) == 6
    assert (tmp_path / "b/episodes.jsonl.torn").exists()


def test_a_failed_episode_is_no_zero_and_is_tried_again(count, tmp_path):
    broken = evaluate(tmp_path / "run", "count", agent="expert", n=3, world_options={"count": {"trouble": "raise"}})
    row = broken.worlds["count"]
    assert (row["valid"], row["failed"], row["score"], row["pessimistic_score"]) == (0, 3, None, 0.0)
    assert row["failures"] == {"env": 3} and row["coverage"] == 0.0
    assert len(lines(tmp_path / "run/failures.jsonl")) == 3 and not (tmp_path / "run/episodes.jsonl").read_bytes()
    for _ in range(4):
        evaluate(tmp_path / "run", "count", agent="expert", n=3, world_options={"count": {"trouble": "raise"}})
    assert len(lines(tmp_path / "run/failures.jsonl")) == 9, "three attempts each, then no more"


def test_a_dead_worker_fails_its_episode_and_the_run_goes_on(count, tmp_path):
    count("mortal", lives="process")
    report = evaluate(
        tmp_path / "run", "mortal,count", agent="expert", n=2, workers=1, world_options={"mortal": {"trouble": "die"}}
    )
    assert report.worlds["mortal"]["failed"] == 2 and report.worlds["count"]["score"] == 1.0
    messages = [episode.error.message for episode in read_episodes(tmp_path / "run/failures.jsonl")]
    assert all("exit code 7" in message for message in messages)


def test_trials_give_pass_at_k(count, tmp_path):
    row = evaluate(tmp_path / "run", "count", agent="random", n=3, trials=4, max_steps=400).worlds["count"]
    assert row["n"] == 12 and set(row["pass_at"]) == {"1", "2", "4"}
    assert row["pass_at"]["1"] == pytest.approx(row["success"]) and row["pass_at"]["4"] >= row["pass_at"]["1"]


def test_a_panel_is_run_by_id_and_refused_where_it_changed(count, tmp_path):
    panel = tmp_path / "panel.json"
    evaluate(tmp_path / "a", "count", agent="expert", n=2)
    head = json.loads((tmp_path / "a/run.json").read_text())
    tasks = head["panels"]["count/test"]["tasks"]
    panel.write_text(json.dumps({"tasks": tasks}))
    report = evaluate(tmp_path / "b", "count", agent="expert", panel=panel)
    assert report.worlds["count"]["panel"] == head["panels"]["count/test"]["panel"] and report.worlds["count"]["n"] == 2
    tasks[0]["digest"] = "0" * 16
    panel.write_text("\n".join(json.dumps(task) for task in tasks))
    with pytest.raises(UsageError, match="not the same task"):
        evaluate(tmp_path / "c", "count", agent="expert", panel=panel)
    panel.write_text(f"{tasks[1]['id']} {tasks[1]['digest']}\n")
    assert evaluate(tmp_path / "d", "count", agent="expert", panel=panel).worlds["count"]["n"] == 1


def test_a_smaller_n_is_a_prefix_of_a_larger(count, tmp_path):
    evaluate(tmp_path / "a", "count", agent="expert", split="train", n=2)
    evaluate(tmp_path / "b", "count", agent="expert", split="train", n=5)
    small, large = ({e.task.id for e in read_episodes(tmp_path / name)} for name in "ab")
    assert small < large


def test_cancelling_keeps_what_is_finished(count, tmp_path):
    count("slow", lives="thread")
    config = Config(("slow",), agent="expert", n=60, concurrency=3, world_options={"slow": {"trouble": "sleep"}})

    async def go():
        task = asyncio.create_task(run(config, tmp_path / "run"))
        await asyncio.sleep(1.2)
        task.cancel()
        return await task

    done = asyncio.run(go())
    row = done.report.worlds["slow"]
    assert done.interrupted and 0 < row["valid"] < 60 and row["pending"] == 60 - row["valid"] and row["failed"] == 0


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import toy
toy.add("slow", lives="thread")
from agentbank.harness import evaluate
evaluate(sys.argv[2], "slow", agent="expert", n=40, concurrency=4, world_options={"slow": {"trouble": "sleep"}})
"""


def test_sigkill_in_the_middle_then_resume(count, tmp_path):
    tests = str(Path(__file__).resolve().parents[1])
    command = [sys.executable, "-c", SCRIPT, tests, str(tmp_path / "run")]
    victim = subprocess.Popen(command)
    store = tmp_path / "run/episodes.jsonl"
    deadline = time.monotonic() + 30
    while not (store.exists() and len(lines(store)) >= 5):
        assert time.monotonic() < deadline and victim.poll() is None
        time.sleep(0.02)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    kept = lines(store)
    assert 5 <= len(kept) < 40
    subprocess.run(command, check=True, timeout=60)
    assert lines(store)[: len(kept) - 1] == kept[: len(kept) - 1]
    assert len({episode.id for episode in read_episodes(store)}) == 40 == len(lines(store))
    assert report_folder(tmp_path / "run").worlds["slow"]["score"] == 1.0


def test_a_full_disk_stops_the_run_and_keeps_what_was_written(count, tmp_path):
    from agentbank.trajectories import Fault, Store

    device = tmp_path / "full.jsonl"
    store = Store(device)
    evaluate(tmp_path / "run", "count", agent="expert", n=1)
    episode = next(read_episodes(tmp_path / "run"))
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        store.append(episode)
        size = device.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
        with pytest.raises(Fault, match="cannot be written"):
            store.append(episode)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert device.stat().st_size == size
    store.append(episode)
    store.close()
    assert len(list(read_episodes(device))) == 2


def test_two_runs_cannot_write_one_folder(count, tmp_path):
    from agentbank.trajectories import Store

    with Store(tmp_path / "x.jsonl"), pytest.raises(UsageError, match="another process"):
        Store(tmp_path / "x.jsonl")


def test_a_split_known_by_two_names_is_reported(tmp_path):
    """Alfworld's "test" is valid_unseen: the tasks say so, the run was asked for "test"."""
    row = evaluate(
        tmp_path / "run", "alfworld", agent="noop", n=2, max_steps=1, world_options={"alfworld": {"data": "sample"}}
    )
    assert row.worlds["alfworld"]["valid"] == 2
