"""IQA: exploring, answering, grounding, placements that are true to the answer, and what its files may not be."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbank.envs import make
from agentbank.envs.embodied.iqa import sample
from agentbank.envs.embodied.iqa.kitchen import OPENS, Kitchen, read_kitchen
from agentbank.envs.embodied.iqa.questions import ANYWHERE, CABINET, COLUMNS, FRIDGE, NOUNS, Question, read_questions
from agentbank.envs.embodied.iqa.world import FOLDERS
from agentbank.trajectories.errors import DataError, UnknownName


def play(env, *actions):
    return [env.step(action) for action in actions][-1]


@pytest.fixture
def env():
    made = make("iqa", data="sample")
    yield made
    made.close()


def begin(env, kind, answer):
    task = next(t for t in env.tasks() if f"/{kind}/" in t.id and t.data.answer == answer)
    env.reset(seed=0, options={"task": task.id})
    return task


def tally(env, question):
    """Pieces of the class asked about, in the receptacles asked about."""
    return sum(
        content.get(question.object, 0)
        for each, content in zip(env.kitchen.receptacles, env.contents, strict=True)
        if question.container in (ANYWHERE, each.kind)
    )


def test_a_closed_fridge_shows_nothing_until_it_is_opened(env):
    begin(env, "existence", 1)
    assert play(env, "go to fridge 1")[0] == "You are at fridge 1. It is closed."
    assert play(env, "look")[0] == "You are at fridge 1. It is closed."
    assert env.seen == set()
    assert "You see:" in play(env, "open fridge 1")[0]
    assert env.seen == {env.kitchen.names["fridge 1"]}
    assert "closed" in play(env, "close fridge 1")[0]
    assert "You see:" in play(env, "go to sink 1")[0]


@pytest.mark.parametrize(
    "action", ["open fridge 1", "open sink 1", "close fridge 1", "open piano 1", "go to piano 1", "take mug 1"]
)
def test_what_cannot_be_done_is_said(env, action):
    begin(env, "existence", 1)
    play(env, "go to sink 1")
    assert play(env, action)[4]["valid"] is False


@pytest.mark.parametrize("kind", ["existence", "contains"])
@pytest.mark.parametrize("truth", [0, 1])
@pytest.mark.parametrize("said", ["yes", "no", "True", " FALSE. "])
def test_yes_and_no(env, kind, truth, said):
    begin(env, kind, truth)
    _, reward, over, _, info = play(env, f"answer[{said}]")
    right = (said in ("yes", "True")) == bool(truth)
    assert (reward, info["score"], info["success"], over) == (right, right, right, True)
    assert info["question_type"] == kind and info["grounded"] is False


@pytest.mark.parametrize("truth", range(4))
@pytest.mark.parametrize("said", ["0", "one", "2", "three", "17"])
def test_counts(env, truth, said):
    begin(env, "counting", truth)
    _, reward, over, _, _ = play(env, f"Answer[{said}]")
    assert over and reward == (said == ["0", "one", "2", "three"][truth])


def test_an_answer_of_the_wrong_kind_is_no_answer(env):
    begin(env, "counting", 2)
    for text in ("answer[yes]", "answer[]", "answer[some]", "answer[2"):
        _, reward, over, _, info = play(env, text)
        assert not over and reward == 0 and info["valid"] is False
    begin(env, "existence", 1)
    assert play(env, "answer[1]")[4]["valid"] is False


def test_always_yes_is_right_half_the_time_and_never_grounded(env):
    right = grounded = total = 0
    for task in env.tasks():
        if task.data.type != 1:
            env.reset(seed=0, options={"task": task.id})
            info = play(env, "answer[yes]")[4]
            right, grounded, total = right + info["success"], grounded + info["grounded"], total + 1
    assert right == total / 2 and grounded == 0


def test_grounded_means_proven_by_what_was_seen(env):
    for task in env.tasks():
        env.reset(seed=0, options={"task": task.id})
        question = task.data
        asked = {i for i, e in enumerate(env.kitchen.receptacles) if question.container in (ANYWHERE, e.kind)}
        found = 0
        for i, each in enumerate(env.kitchen.receptacles):
            info = play(env, f"go to {each.name}", *([f"open {each.name}"] if each.kind in OPENS else []))[4]
            found += env.contents[i].get(question.object, 0) if i in asked else 0
            enough = found >= (3 if question.type == 1 else 1)
            assert info["grounded"] == (enough or asked <= set(range(i + 1))), task.id


def test_every_task_of_every_split_has_a_grounded_expert():
    for split in FOLDERS:
        env = make("iqa", split=split, data="sample")
        assert len(env.tasks()) >= 20
        for task in env.tasks():
            env.reset(seed=0, options={"task": task.id})
            _, reward, over, _, info = play(env, *env.expert(task))
            assert over and reward == 1 and info["grounded"], task.id


def test_contents_are_true_to_the_answer_whatever_the_row():
    rng = np.random.default_rng(0)
    env = make("iqa", data="sample")
    for _ in range(2_000):
        kind = int(rng.integers(3))
        container = int(rng.choice([FRIDGE, CABINET])) if kind == 2 else ANYWHERE
        answer = int(rng.integers(4 if kind == 1 else 2))
        question = Question(kind, 1 + int(rng.integers(12)), int(rng.integers(10**9)), "?", answer, 4, container)
        env.kitchen = sample.kitchen(question.scene)
        env.contents = env.kitchen.place(question)
        assert tally(env, question) == answer if kind == 1 else bool(tally(env, question)) == bool(answer)
        assert env.contents == env.kitchen.place(question)
        totals = [sum(content.get(each, 0) for content in env.contents) for each in NOUNS]
        assert max(totals) <= 3 and sum(totals) > 0


def test_observations_do_not_depend_on_the_reset_seed(env):
    task = env.tasks()[5]
    walks = []
    for seed in (0, 1):
        env.reset(seed=seed, options={"task": task.id})
        walks.append([env.step(f"go to {each.name}")[0] for each in env.kitchen.receptacles])
    assert walks[0] == walks[1]


def test_nothing_tells_the_answer_before_it_is_given(env):
    """Two rows that differ by the answer alone begin with the same words and the same info."""
    kitchen = sample.kitchen(1)
    seen = []
    for answer in (0, 1):
        begin(env, "existence", answer)
        env.question = Question(0, 1, 5, "?", answer, 4, ANYWHERE)
        env.kitchen, env.contents = kitchen, kitchen.place(env.question)
        _, *rest, info = env.step("look")
        seen.append((rest, {k: v for k, v in info.items() if k != "task"}))
    assert seen[0] == seen[1]
    assert "answered" not in seen[0][1]


def test_moves_are_shortest_ways_over_the_free_floor():
    wall = [(x, z) for x in range(5) for z in range(5) if not (x == 2 and z < 4)]
    kitchen = Kitchen(1, wall, (0, 0), [])
    assert kitchen.moves((0, 0), (4, 0)) == 12
    assert kitchen.moves((0, 0), (0, 0)) == 0


def test_fork_goes_its_own_way(env):
    begin(env, "contains", 1)
    play(env, "go to fridge 1")
    twin = env.fork()
    assert "You see" in play(twin, "open fridge 1")[0]
    assert play(env, "look")[0] == "You are at fridge 1. It is closed."
    assert twin.seen and not env.seen


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.text(max_size=60), st.from_regex(r"(answer|go to|open|close) ?\[?.{0,9}\]?", fullmatch=True)))
)
def test_any_text_is_answered(texts):
    env = make("iqa", data="sample")
    env.reset(seed=1)
    for text in texts:
        observation, reward, over, cut, info = env.step(text)
        assert observation and reward in (0, 1) and info["score"] in (0, 1)
        if over or cut:
            break


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    sample.write(tmp_path, FOLDERS)
    return tmp_path


def test_the_sample_written_in_the_official_layout_plays_the_same(written):
    for split in FOLDERS:
        ours, theirs = make("iqa", split=split, data="sample"), make("iqa", split=split, data=str(written))
        assert [(task.id, task.digest) for task in ours.tasks()] == [(task.id, task.digest) for task in theirs.tasks()]
        assert ours.reset(seed=3)[0] == theirs.reset(seed=3)[0]
        assert (ours.fidelity, theirs.fidelity) == ("sample", "reimplementation")


def test_test_kitchens_are_in_no_other_split():
    scenes = {split: {task.data.scene for task in make("iqa", split=split, data="sample").tasks()} for split in FOLDERS}
    assert not scenes["test"] & (scenes["train"] | scenes["val_seen"])


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("0,1,5,Any mug?,Maybe,13,21", "field 'answer'"),
        ("0,1,5,Any mug?,2,13,21", "field 'answer'"),
        ("7,1,5,Any mug?,True,13,21", "field 'question_type'"),
        ("0,1,5,Any mug?,True,14,21", "field 'object_id'"),
        ("0,1,5,Any mug?,True,13,19", "field 'container_id'"),
        ("2,1,5,Any mug?,True,13,21", "field 'container_id'"),
        ("0,one,5,Any mug?,True,13,21", "whole number"),
        ("0,1,5,Any mug?,True", "expected 7 fields"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, row, names):
    path = tmp_path / "combined.csv"
    path.write_text(",".join(COLUMNS) + "\n0,1,4,Any mug?,False,13,21\n" + row + "\n")
    with pytest.raises(DataError, match=re.escape(names)) as error:
        read_questions(path)
    assert "combined.csv, record 3" in str(error.value)


def test_files_of_another_layout_are_named(written):
    path = written / "layouts" / "FloorPlan1-layout.npy"
    np.save(path, np.array([object()]), allow_pickle=True)
    with pytest.raises(DataError, match="FloorPlan1-layout"):
        read_kitchen(written, 1)
    np.save(path, np.zeros((3, 4)))
    with pytest.raises(DataError, match="rows of two finite numbers"):
        read_kitchen(written, 1)
    with pytest.raises(DataError, match="FloorPlan99-layout"):
        read_kitchen(written, 99)
    (written / "questions/val/unseen_scenes/data_counting/combined.csv").unlink()
    with pytest.raises(DataError, match="data_counting"):
        make("iqa", data=str(written)).tasks()


def test_a_file_of_another_question_type_is_named(written):
    folder = written / "questions" / "train"
    (folder / "data_counting" / "combined.csv").write_bytes((folder / "data_existence" / "combined.csv").read_bytes())
    with pytest.raises(DataError, match="existence question among counting"):
        make("iqa", split="train", data=str(written)).tasks()


def test_an_unknown_task_names_the_nearest(env):
    with pytest.raises(UnknownName, match="did you mean"):
        env.reset(options={"task": "iqa/test/existance/0"})
