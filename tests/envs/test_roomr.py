"""RoomR: both phases, the challenge's metrics, the snapping hand, and what its records may not be."""

import gzip
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbank.envs import make
from agentbank.envs.embodied.roomr import sample
from agentbank.envs.embodied.roomr.records import parse, unpickle
from agentbank.envs.embodied.roomr.room import Room, Scene, numbered, words
from agentbank.envs.embodied.roomr.state import energies, in_order, metrics, shuffled
from agentbank.trajectories.errors import DataError, UnknownName, UsageError


def play(env, *actions):
    return [env.step(action) for action in actions][-1]


@pytest.fixture
def env():
    made = make("roomr", split="train", data="sample")
    yield made
    made.close()


@pytest.fixture
def moved(env):
    """A room in which one thing and nothing else has been moved; what, from where, to where."""
    env.reset(seed=0, options={"task": "roomr/train/Bakery/0"})
    room = env.room
    i = next(i for i, (a, b) in enumerate(zip(room.start_spots, room.goal_spots, strict=True)) if a != b)
    return room.things[i], room.start_spots[i], room.goal_spots[i]


def test_a_thing_put_back_is_the_whole_task(env, moved):
    thing, start, goal = moved
    seen = play(env, f"go to {goal[0]}")[0]
    assert f"{thing} at spot {goal[1]}" in seen
    assert "shuffled" in play(env, "done")[0]
    assert f"{thing} at spot {start[1]}" in play(env, f"go to {start[0]}")[0]
    carrying = play(env, f"take {thing}")
    assert carrying[4]["score"] == 0 and carrying[4]["prop_misplaced"] == 1
    back = play(env, f"go to {goal[0]}", f"put {thing} in/on {goal[0]} at spot {goal[1]}")
    assert back[4]["score"] == 1 and back[1] == 0 and not back[2]
    assert play(env, "done")[1:3] == (1.0, True)


def test_nothing_moves_in_the_walkthrough(env, moved):
    thing, _, goal = moved
    _, _, _, _, info = play(env, f"go to {goal[0]}", f"take {thing}")
    assert not info["valid"] and info["phase"] == "walkthrough"
    assert env.state.held is None


def test_a_thing_at_another_spot_is_not_restored(env, moved):
    thing, start, goal = moved
    play(env, "done", f"go to {start[0]}", f"take {thing}", f"go to {goal[0]}")
    other = 1 if goal[1] != 1 else 2
    assert play(env, f"put {thing} on {goal[0]} at spot {other}")[4]["score"] == 0
    assert play(env, f"take {thing}", f"put {thing} on {goal[0]} at spot {goal[1]}")[4]["score"] == 1


def test_spoiling_what_was_right_costs_everything_strictly(env, moved):
    thing, start, goal = moved
    play(env, "done", f"go to {start[0]}", f"take {thing}", f"go to {goal[0]}")
    play(env, f"put {thing} on {goal[0]} at spot {goal[1]}")
    other = next(i for i, each in enumerate(env.room.things) if each != thing)
    _, _, _, _, info = play(env, f"go to {env.room.start_spots[other][0]}", f"take {env.room.things[other]}")
    assert info["prop_fixed"] == 1 and info["prop_fixed_strict"] == info["score"] == 0
    assert info["num_newly_misplaced"] == 1 and not info["success"]


@pytest.mark.parametrize("snap", [True, False])
def test_the_snapping_hand_finds_the_goal_spot_and_the_plain_one_the_first_free(snap):
    env = make("roomr", split="train", data="sample", snap=snap)
    env.reset(seed=0, options={"task": "roomr/train/Lighthouse/0"})
    room = env.room
    i = next(i for i, (a, b) in enumerate(zip(room.start_spots, room.goal_spots, strict=True)) if a != b)
    thing, start, goal = room.things[i], room.start_spots[i], room.goal_spots[i]
    play(env, "done", f"go to {start[0]}", f"take {thing}", f"go to {goal[0]}")
    taken = {spot[1] for spot in env.state.at if spot and spot[0] == goal[0]}
    free = min(set(range(1, len(room.spots[goal[0]]) + 1)) - taken)
    seen, _, _, _, info = play(env, f"put {thing} on {goal[0]}")
    assert seen.endswith(f"at spot {goal[1] if snap else free}.")
    assert info["success"] == (snap or free == goal[1])


def test_openness_counts_as_restored_within_a_fifth(env):
    task = next(task for task in env.tasks() if energies_of_hinges(env, task))
    env.reset(seed=0, options={"task": task.id})
    i = next(i for i, each in enumerate(energies_of_hinges(env, task)) if each)
    name, share = env.room.hinges[i], round(env.room.hinge_goals[i] * 100)
    before = play(env, "done", f"go to {name}")[4]["num_misplaced"]
    assert play(env, f"open {name} to {share - 19}%")[4]["num_misplaced"] == before - 1
    assert play(env, f"open {name} to {share - 22}%")[4]["num_misplaced"] == before
    assert "closed" in play(env, f"close {name}")[0]
    assert "100% open" in play(env, f"open {name}")[0]
    assert play(env, f"open {name} to 101%")[4]["valid"] is False


def energies_of_hinges(env, task):
    env.reset(seed=0, options={"task": task.id})
    found = energies(env.room, shuffled(env.room))[len(env.room.things) :]
    return found if any(found) else []


def test_metrics_are_the_challenges():
    found = metrics([1.0, 0.75, 0.0, 1.0], [0.0, 0.5, 0.0, 1.0])
    assert found["prop_fixed"] == found["prop_fixed_strict"] == pytest.approx(1 / 3)
    assert found["energy_remaining"] == pytest.approx(1.5 / 2.75)
    assert found["prop_misplaced"] == pytest.approx(2 / 3)
    assert metrics([1.0, 0.0], [0.0, 0.5])["prop_fixed_strict"] == 0


def test_fork_goes_its_own_way(env, moved):
    thing, start, _ = moved
    play(env, "done", f"go to {start[0]}")
    twin = env.fork()
    play(twin, f"take {thing}")
    assert twin.state.held is not None and env.state.held is None
    assert thing in play(env, "look")[0] and f"You carry {thing}" in play(twin, "look")[0]
    assert env.history == ["done", f"go to {start[0]}", "look"]


def test_every_task_of_every_split_has_an_expert_that_restores_it():
    for split in ("train", "val", "test"):
        env = make("roomr", split=split, data="sample")
        assert len(env.tasks()) >= 20
        for task in env.tasks():
            env.reset(seed=0, options={"task": task.id})
            assert play(env, *env.expert(task))[1] == 1.0, task.id


def test_listed_actions_are_understood(env):
    for seed in range(6):
        env.reset(seed=seed)
        for _ in range(40):
            possible = env.actions()
            action = possible[(7 * len(env.history) + seed) % len(possible)]
            _, _, over, cut, info = env.step(action)
            assert info["valid"], action
            if over or cut:
                break


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=60), st.sampled_from(["done", "look", "put", "take a", "open x to 5%"]))))
def test_any_text_is_answered(texts):
    env = make("roomr", split="val", data="sample")
    env.reset(seed=1)
    for text in texts:
        observation, reward, over, cut, info = env.step(text)
        assert observation and 0 <= reward <= 1 and 0 <= info["score"] <= 1
        if over or cut:
            break


def test_names_are_words_and_numbers():
    assert words("ButterKnife_81a4be1a") == "butter knife"
    assert words("TVStand|+00.10|+00.20|+00.30") == "tv stand"
    assert words("CD_1") == "cd"
    assert numbered(["mug", "bowl", "mug"]) == ["mug 1", "bowl 1", "mug 2"]


def test_a_room_shows_more_free_spots_than_moved_things(env):
    """An empty spot must not betray that something belongs there."""
    env.reset(seed=0, options={"task": "roomr/train/Workshop/0"})
    spots = sum(map(len, env.room.spots.values()))
    assert spots - len(env.room.things) > 3 * env.room.record.moved


def test_in_order_has_no_energy(env):
    env.reset(seed=0)
    assert not any(energies(env.room, in_order(env.room)))


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_sample_written_in_the_official_layout_plays_the_same(tmp_path):
    sample.write(tmp_path)
    for split in ("train", "val", "test"):
        ours, theirs = make("roomr", split=split, data="sample"), make("roomr", split=split, data=str(tmp_path))
        assert [(task.id, task.digest) for task in ours.tasks()] == [(task.id, task.digest) for task in theirs.tasks()]
        assert ours.reset(seed=3)[0] == theirs.reset(seed=3)[0]
        assert (ours.fidelity, theirs.fidelity) == ("sample", "reimplementation")


class Loot:
    def __reduce__(self):
        return (exec, ("open('looted', 'w').close()",))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_run_code_is_refused(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "val.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps({"Bakery": [Loot()]}, protocol)))
    with pytest.raises(DataError, match="only plain data"):
        unpickle(path)
    with pytest.raises(DataError, match="exec"):
        make("roomr", split="val", data=str(tmp_path)).tasks()
    assert not (tmp_path / "looted").exists()


@pytest.mark.parametrize("value", [{1, 2}, complex(1, 2), bytearray(b"x"), object, make])
def test_a_pickle_of_anything_but_plain_data_is_refused(tmp_path, value):
    path = tmp_path / "val.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps({"Bakery": [value]}, 2)))
    with pytest.raises(DataError, match=r"val\.pkl\.gz.*only plain data"):
        unpickle(path)


def test_torn_files_are_named(tmp_path):
    whole = gzip.compress(pickle.dumps(sample.split("val")))
    for name, content in {"cut": whole[:2000], "text": b"hello", "torn": gzip.compress(b"\x80\x04K")}.items():
        path = tmp_path / f"{name}.pkl.gz"
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}\.pkl\.gz"):
            unpickle(path)


def test_a_missing_split_says_what_is_there(tmp_path):
    sample.write(tmp_path)
    (tmp_path / "data/2023/test.pkl.gz").unlink()
    with pytest.raises(DataError, match=r"test\.pkl\.gz.*data/2023/train\.pkl\.gz"):
        make("roomr", split="test", data=str(tmp_path)).tasks()


def spoil(record, where, value):
    twin = json.loads(json.dumps(record))
    *path, last = where
    inner = twin
    for step in path:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return twin


@pytest.mark.parametrize(
    ("where", "value", "names"),
    [
        (["target_poses"], None, "target_poses"),
        (["openable_data", 0, "target_openness"], 1.5, "openness is a share"),
        (["openable_data", 0, "objectId"], 4, "objectId"),
        (["starting_poses", 2, "position", "y"], "high", "'y'"),
        (["starting_poses", 2, "position", "y"], float("nan"), "finite"),
        (["starting_poses", 2, "name"], "Stranger_1", "not the same things"),
        (["pose_diff_energy"], [], "pose_diff_energy"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, where, value, names):
    record = next(each for each in sample.split("val")["Attic"] if each["openable_data"])
    with pytest.raises(DataError, match=names) as error:
        parse(spoil(record, where, value), tmp_path / "val.pkl.gz", "Attic/3")
    assert "record Attic/3" in str(error.value)


def test_a_thing_that_fell_out_of_the_world_is_left_out(tmp_path):
    record = sample.split("val")["Attic"][0]
    name = record["target_poses"][0]["name"]
    fallen = parse(spoil(record, ["target_poses", 0, "position", "y"], -414.0), tmp_path, "Attic/0")
    assert fallen.fallen == (name,)
    assert name not in {thing.name for thing in fallen.things}
    assert len(Room(Scene([fallen]), fallen).things) == len(record["target_poses"]) - 1


def test_a_record_with_nothing_to_do_is_refused(tmp_path):
    record = sample.split("val")["Attic"][0]
    record["starting_poses"] = record["target_poses"]
    (tmp_path / "val.json").write_text(json.dumps({"Attic": [record]}))
    env = make("roomr", split="val", data=str(tmp_path))
    with pytest.raises(DataError, match="nothing in this record is misplaced"):
        env.reset(seed=0)


def test_layouts_name_the_furniture(tmp_path):
    plain = make("roomr", split="val", data="sample")
    plain.reset(seed=0, options={"task": "roomr/val/Attic/0"})
    x, y, z = next(each.middle for each in plain.room.scene.places if not each.name.startswith("floor"))
    (tmp_path / "Attic-openable.json").write_text(json.dumps({f"SideTable|{x:+06.2f}|{y:+06.2f}|{z:+06.2f}": []}))
    named = make("roomr", split="val", data="sample", layouts=str(tmp_path))
    seen, _ = named.reset(seed=0, options={"task": "roomr/val/Attic/0"})
    assert "side table 1" in seen
    assert named.task.digest != plain.task.digest
    with pytest.raises(DataError, match="no such folder of layout files"):
        make("roomr", data="sample", layouts=str(tmp_path / "none"))


def test_unknown_names_are_refused():
    with pytest.raises(UnknownName, match="edition"):
        make("roomr", data="sample", edition="1999")
    with pytest.raises(UnknownName, match="did you mean"):
        make("roomr", split="val", data="sample").reset(options={"task": "roomr/val/Atic/0"})
    with pytest.raises(UsageError, match="fork"):
        make("roomr", data="sample").fork()
