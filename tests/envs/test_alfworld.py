"""ALFWorld: generated households, the official layout, bad files, forks, and the words for what is not possible."""

import contextlib
import json
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbank.envs import make
from agentbank.envs.embodied.alfworld.generator import content, generate, household, write_games
from agentbank.envs.embodied.alfworld.planner import plan
from agentbank.trajectories.errors import DataError, Fault, MissingPart, UnknownName, UsageError


def play(env, commands):
    info = {}
    for command in commands:
        observation, reward, terminated, truncated, info = env.step(command)
        info |= {"reward": reward, "terminated": terminated, "observation": observation}
        if terminated or truncated:
            break
    return info


@pytest.fixture
def small():
    env = make("alfworld", data="sample", split="train", size="small")
    yield env
    env.close()


@pytest.fixture
def written(tmp_path):
    write_games(tmp_path, "train", 8, size="small")
    write_games(tmp_path, "valid_unseen", 3, size="small")
    return tmp_path


# --- generated games --------------------------------------------------------------------------------------------------


def test_a_thousand_generated_games_are_won_by_the_expert():
    env = make("alfworld", data="sample", split="train", games=1_000)
    shortest, types = 99, set()
    for task in env.tasks():
        env.reset(seed=0, options={"task": task.id})
        commands = env.expert(task)
        info = play(env, commands)
        assert info["score"] == 1.0 and info["success"] and info["progress"] == 1.0 and info["terminated"], task.id
        shortest = min(shortest, len(commands))
        types.add(household("train", task.data[1]).task.type)
    assert shortest >= 3 and len(types) == 6
    env.close()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["train", "valid_seen", "test"]), st.integers(0, 10**9), st.sampled_from(["small", "full"]))
def test_any_number_is_a_solvable_game(split, number, size):
    game = generate(split, number, size)
    assert not game.won(game.start)
    assert plan(game)
    assert content(split, number, size) == content(split, number, size)


def test_test_rooms_are_never_training_rooms():
    layouts = {
        split: {household(split, number, size).layout for size in ("small", "full") for number in range(400)}
        for split in ("train", "valid_seen", "test")
    }
    assert not layouts["test"] & (layouts["train"] | layouts["valid_seen"])
    seen = [household("valid_seen", number) for number in range(30)]
    assert all(home.layout == household("train", number).layout for number, home in enumerate(seen))
    assert all(home.things != household("train", number).things for number, home in enumerate(seen))


def test_sizes_of_the_splits_and_ids():
    env = make("alfworld", data="sample", split="train", games=7)
    assert [task.id for task in env.tasks()][:2] == ["alfworld/train/gen-000000", "alfworld/train/gen-000001"]
    assert len(env.tasks()) == 7
    assert len(make("alfworld", data="sample", split="valid_seen").tasks()) == 140
    test, unseen = (make("alfworld", data="sample", split=split) for split in ("test", "valid_unseen"))
    assert len(test.tasks()) == 134 and [a.id for a in test.tasks()] == [b.id for b in unseen.tasks()]


@pytest.mark.parametrize(
    ("options", "error"),
    [({"engine": "unity"}, UnknownName), ({"size": "huge"}, UnknownName), ({"games": 0}, UsageError)],
)
def test_wrong_options_are_named(options, error):
    with pytest.raises(error):
        make("alfworld", **options)


# --- playing ----------------------------------------------------------------------------------------------------------


def test_a_whole_episode_in_words(small):
    task = small.tasks()[0]
    observation, info = small.reset(seed=1, options={"task": task.id})
    assert observation.startswith("-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room.")
    assert "Your task is to: " in observation and info["score"] == 0.0
    commands = small.expert(task)
    assert all(command in small.actions() for command in commands[:1])
    info = play(small, commands)
    assert info["reward"] == 1.0 and info["success"] and info["observation"].startswith("You put the ")


NEAR_MISSES = [
    "Go to {place}", "goto {place}", "go {place}", "go to  {place}", "go to {place}.", "walk to {place}", "GO TO {place}",
    "go to", "go to loc 1", "take", "open", "", " ", "help", "examine", "look around", "go to {place} 9", "пойти",
]  # fmt: skip


@pytest.mark.parametrize("form", NEAR_MISSES)
def test_near_misses_change_nothing(small, form):
    small.reset(seed=0, options={"task": small.tasks()[3].id})
    place = next(each for each in small.actions() if each.startswith("go to ")).removeprefix("go to ")
    before = list(small.actions())
    observation, reward, terminated, _, info = small.step(form.format(place=place))
    assert (observation, reward, terminated, info["valid"]) == ("Nothing happens.", 0.0, False, False)
    assert small.actions() == before


def test_white_space_around_a_command_does_not_matter(small):
    small.reset(seed=0)
    command = next(each for each in small.actions() if each.startswith("go to "))
    observation, *_, info = small.step(f" \t{command}\n")
    assert info["valid"] and observation.startswith("You arrive at ")
    assert small.step(command)[0] == "Nothing happens.", "one is there already"


def test_a_fork_goes_its_own_way(small):
    task = small.tasks()[2]
    small.reset(seed=0, options={"task": task.id})
    commands = small.expert(task)
    play(small, commands[:2])
    twin = small.fork()
    assert twin.actions() == small.actions() and twin.history == small.history
    assert play(twin, commands[2:])["success"]
    assert not small.step("inventory")[4]["success"]
    assert play(small, commands[2:])["success"] and len(small.history) == len(commands) + 1
    assert small.rng is not twin.rng and small.rng.random() == twin.rng.random()


def test_progress_rises_to_one(small):
    task = next(each for each in small.tasks() if each.data[1] % 6 == 5)
    small.reset(seed=0, options={"task": task.id})
    shares = [small.step(command)[4]["progress"] for command in small.expert(task)]
    assert shares[-1] == 1.0 and 0.5 in shares and shares[0] == 0.0


def test_many_threads_share_games_without_a_mistake():
    env = make("alfworld", data="sample", split="train", size="small")
    tasks, scores = env.tasks()[:4], []

    def run(number):
        own = make("alfworld", data="sample", split="train", size="small")
        task = tasks[number % len(tasks)]
        own.reset(seed=0, options={"task": task.id})
        scores.append(play(own, own.expert(task))["score"])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert scores == [1.0] * 16


def test_without_textworld_the_mend_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "textworld", None)
    env = make("alfworld", data="sample", engine="textworld")
    with pytest.raises(MissingPart, match=r"agentbank\[alfworld\].*engine='native'"):
        env.reset(seed=0)


# --- official files ---------------------------------------------------------------------------------------------------


def test_written_games_load_in_the_official_layout(written):
    for data in (written, written / "json_2.1.1"):
        env = make("alfworld", data=str(data), split="train")
        assert len(env.tasks()) == 8 and env.skipped == ()
        for task in env.tasks():
            env.reset(seed=0, options={"task": task.id})
            assert play(env, env.expert(task))["success"]
        assert len(make("alfworld", data=str(data), split="test").tasks()) == 3


def spoil(path, how):
    game = json.loads(path.read_text())
    if how == "truncated":
        path.write_text(path.read_text()[:-200])
    elif how == "no trajectory":
        (path.parent / "traj_data.json").unlink()
    elif how == "no game":
        path.unlink()
    elif how == "unsolvable":
        path.write_text(json.dumps(game | {"solvable": False}))
    elif how == "unchecked":
        path.write_text(json.dumps({name: text for name, text in game.items() if name != "solvable"}))
    elif how == "unknown predicate":
        path.write_text(json.dumps(game | {"pddl_problem": game["pddl_problem"].replace("(openable", "(lockable")}))
    elif how == "cut problem":
        path.write_text(json.dumps(game | {"pddl_problem": game["pddl_problem"][:-40]}))
    elif how == "another type":
        (path.parent / "traj_data.json").write_text('{"task_type": "pick_and_place_with_movable_recep"}')


@pytest.mark.parametrize(
    ("how", "words", "broken"),
    [
        ("truncated", "not the JSON of a game", True),
        ("no trajectory", "traj_data.json: missing", True),
        ("no game", "game.tw-pddl: missing", True),
        ("unsolvable", "found no solution", False),
        ("unchecked", "'solvable': missing", True),
        ("unknown predicate", "unknown predicate 'lockable'", True),
        ("cut problem", "cut off", True),
        ("another type", "none of the six", False),
    ],
)
def test_games_that_cannot_be_played_are_skipped_and_named(written, how, words, broken):
    before = make("alfworld", data=str(written / "json_2.1.1"), split="train")
    victim = next(
        each for each in before.tasks() if "(openable" in json.loads(Path(each.data).read_text())["pddl_problem"]
    )
    copy = written / "copy"
    shutil.copytree(written / "json_2.1.1", copy)
    spoil(copy / "train" / victim.id.removeprefix("alfworld/train/") / "game.tw-pddl", how)
    env = make("alfworld", data=str(copy), split="train")
    assert len(env.tasks()) == 7 and len(env.skipped) == 1
    (skipped,) = env.skipped
    assert words in skipped.reason and skipped.broken is broken and victim.id.endswith(skipped.name)
    with pytest.raises(DataError, match="not played"):
        env.reset(seed=0, options={"task": victim.id})
    with pytest.raises(UnknownName):
        env.reset(seed=0, options={"task": victim.id + "x"})


def test_a_missing_split_is_named(tmp_path):
    with pytest.raises(DataError, match=r"valid_unseen.*json_2"):
        make("alfworld", data=str(tmp_path), split="test").tasks()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_game_is_refused_or_played_never_a_crash(tmp_path_factory, data):
    made = content("train", 3, "small")
    part = data.draw(st.sampled_from(["pddl_domain", "pddl_problem", "grammar"]))
    text = made[part]
    at = data.draw(st.integers(0, len(text) - 1))
    end = min(len(text), at + data.draw(st.integers(0, 40)))
    junk = data.draw(st.sampled_from(["", "(", ")", "?x", '"', " - ", "#", "{", "]", "(not", "\x00"]))
    folder = tmp_path_factory.mktemp("games") / "json_2.1.1" / "train" / "pick-Mug" / "trial_1"
    folder.mkdir(parents=True)
    (folder / "game.tw-pddl").write_text(json.dumps(made | {part: text[:at] + junk + text[end:]}))
    (folder / "traj_data.json").write_text('{"task_type": "pick_heat_then_place_in_recep"}')
    env = make("alfworld", data=str(folder.parents[3]), split="train")
    if not env.tasks():
        assert env.skipped[0].broken
        return
    try:
        env.reset(seed=0)
    except (DataError, Fault) as error:
        assert str(error)
        return
    for action in ("look", "inventory", "nonsense"):
        with contextlib.suppress(Fault):
            assert env.step(action)[0] is not None


def test_real_splits_are_listed_as_upstream_lists_them(shared):
    data = str(shared / "alfworld")
    for split, count in (("train", 30), ("valid_seen", 15), ("test", 28)):
        env = make("alfworld", data=data, split=split)
        assert len(env.tasks()) == count and env.skipped == ()
        assert all(task.digest for task in env.tasks())


def test_expert_wins_every_real_game(shared):
    for split in ("train", "valid_seen", "test"):
        env = make("alfworld", data=str(shared / "alfworld"), split=split)
        for task in env.tasks():
            env.reset(seed=0, options={"task": task.id})
            assert play(env, env.expert(task))["success"], task.id


def test_recorded_walkthroughs_replay_word_for_word(shared):
    """`gt_traj.json` of the train games: commands and answers that upstream's engine once gave."""
    env = make("alfworld", data=str(shared / "alfworld"), split="train", max_steps=300)
    for task in env.tasks():
        turns = json.loads(Path(task.data).with_name("gt_traj.json").read_text())
        observation, _ = env.reset(seed=0, options={"task": task.id})
        assert observation == turns[0]["value"]
        won = False
        for said, answered in zip(turns[1::2], turns[2::2], strict=False):
            observation, _, won, _, _ = env.step(said["value"])
            # That copy of the records leaves out the name of the location that one arrives at.
            assert observation.split(". ", 1)[-1] == answered["value"].split(". ", 1)[-1]
        if not won:
            *_, info = env.step(turns[-1]["value"])
            assert info["success"], task.id
