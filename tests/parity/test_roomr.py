"""RoomR against the official records: all load, our judge counts as upstream counted, every room can be restored."""

import hashlib

import pytest

from agentbank.envs import make
from agentbank.envs.embodied.roomr.records import parse, read_split, split_file
from agentbank.envs.embodied.roomr.state import energies, shuffled

FILES = {("2023", "train"): 4000, ("2023", "val"): 1000, ("2021", "val"): 1000}


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "roomr"


@pytest.mark.parametrize(("edition", "split"), FILES)
def test_every_record_loads(folder, edition, split):
    path = split_file(folder, edition, split)
    scenes = read_split(path)
    records = [parse(raw, path, f"{scene}/{i}") for scene, rows in scenes.items() for i, raw in enumerate(rows)]
    assert len(records) == FILES[edition, split]
    fallen = sum(len(record.fallen) for record in records)
    assert fallen == (5 if (edition, split) == ("2023", "train") else 0)


def test_the_json_of_first_records_plays_like_the_pickle(folder, tmp_path):
    (tmp_path / "val.json").write_bytes((folder / "val_2023_first_per_scene.json").read_bytes())
    few, all_ = make("roomr", split="val", data=str(tmp_path)), make("roomr", split="val", data=str(folder))
    assert len(few.tasks()) == 20
    for task in few.tasks():
        assert task.id in all_.tasks().ids
        few.reset(seed=0, options={"task": task.id})
        all_.reset(seed=0, options={"task": task.id})
        assert few.room.record == all_.room.record


def test_scenes_of_training_and_validation_are_disjoint(folder):
    train, val = (set(read_split(split_file(folder, "2023", each))) for each in ("train", "val"))
    assert len(train) == 80 and len(val) == 20 and not train & val


def rooms(folder, edition, split, step=1):
    env = make("roomr", split=split, data=str(folder), edition=edition)
    for task in env.tasks()[::step]:
        env.reset(seed=0, options={"task": task.id})
        yield env, task


@pytest.mark.parametrize(("edition", "split", "step"), [("2023", "val", 1), ("2021", "val", 1), ("2023", "train", 4)])
def test_our_judge_counts_as_upstream_counted(folder, edition, split, step):
    same = total = 0
    gaps = []
    for env, _ in rooms(folder, edition, split, step):
        start = energies(env.room, shuffled(env.room))
        things = len(env.room.things)
        record = env.room.record
        same += (sum(each > 0 for each in start[:things]), sum(each > 0 for each in start[things:])) == (
            record.moved,
            record.turned,
        )
        gaps.append(abs(sum(start) - record.energy))
        total += 1
    gaps.sort()
    assert same >= 0.99 * total, f"{same} of {total} records have upstream's counts"
    assert gaps[total // 2] < 0.1, f"median gap of energy {gaps[total // 2]:.3f}"


@pytest.mark.parametrize(("edition", "split", "step"), [("2023", "val", 1), ("2021", "val", 3), ("2023", "train", 10)])
def test_the_expert_restores_every_room(folder, edition, split, step):
    for env, task in rooms(folder, edition, split, step):
        for action in env.expert(task):
            _, reward, over, cut, info = env.step(action)
            assert info["valid"], (task.id, action)
        assert over and not cut and reward == info["score"] == 1.0 and info["energy_remaining"] == 0, task.id


def test_saying_done_twice_restores_nothing(folder):
    for env, task in rooms(folder, "2023", "val", 5):
        env.step("done")
        _, reward, over, _, info = env.step("done")
        assert over and reward == info["score"] == 0 and info["prop_misplaced"] == 1, task.id


def test_digests_are_distinct_and_the_panel_is_what_it_was(folder):
    tasks = list(make("roomr", split="val", data=str(folder)).tasks())
    assert len({task.digest for task in tasks}) == 1000
    whole = hashlib.sha256("".join(task.id + task.digest for task in tasks).encode()).hexdigest()[:12]
    assert whole == "2bbf4f8c034e"
