"""IQA against the official questions: all load, every kitchen is true to its answer, every expert is right and sure."""

import hashlib
import re

import pytest

from agentbank.envs import make
from agentbank.envs.embodied.iqa.questions import ANYWHERE, NOUNS

COUNTS = {"train": (10240, 10240, 10240), "val_seen": (800, 800, 800), "test": (625, 625, 625)}


@pytest.fixture(scope="module")
def worlds(shared):
    return {split: make("iqa", split=split, data=str(shared / "iqa")) for split in COUNTS}


@pytest.mark.parametrize("split", COUNTS)
def test_every_question_loads(worlds, split):
    tasks = worlds[split].tasks()
    kinds = [sum(f"/{kind}/" in each for each in tasks.ids) for kind in ("existence", "counting", "contains")]
    assert tuple(kinds) == COUNTS[split]
    assert len({task.digest for task in tasks}) == len(tasks)


def test_test_scenes_are_unseen(worlds):
    scenes = {split: {task.data.scene for task in world.tasks()} for split, world in worlds.items()}
    assert scenes == {"train": set(range(6, 31)), "val_seen": set(range(6, 31)), "test": set(range(1, 6))}


@pytest.mark.parametrize("split", COUNTS)
def test_our_words_are_in_the_questions(worlds, split):
    """The class numbers mean what the question texts say."""
    places = {17: "garbage can", 18: "microwave", 19: "fridge", 20: "cabinet"}
    for task in worlds[split].tasks():
        question = task.data
        noun = NOUNS[question.object]
        bare = noun.one.split(" ", 1)[1]
        assert re.search(rf"\b({bare}|{noun.many})\b", question.text), question.text
        assert question.container == ANYWHERE or places[question.container] in question.text


@pytest.mark.parametrize(("split", "step"), [("train", 5), ("val_seen", 1), ("test", 1)])
def test_contents_are_true_to_the_answer(worlds, split, step):
    world = worlds[split]
    tasks = world.tasks()
    for task in tasks[::step]:
        question = task.data
        kitchen = world._split().kitchen(question.scene)
        found = sum(
            content.get(question.object, 0)
            for each, content in zip(kitchen.receptacles, kitchen.place(question), strict=True)
            if question.container in (ANYWHERE, each.kind)
        )
        assert (found if question.type == 1 else int(found > 0)) == question.answer, task.id


@pytest.mark.parametrize(("split", "step"), [("train", 41), ("val_seen", 3), ("test", 1)])
def test_the_expert_is_right_and_has_seen_why(worlds, split, step):
    world = worlds[split]
    for task in world.tasks()[::step]:
        world.reset(seed=0, options={"task": task.id})
        for action in world.expert(task):
            _, reward, over, cut, info = world.step(action)
            assert info["valid"], (task.id, action)
        assert over and not cut and reward == 1 and info["grounded"], task.id


def test_guessing_is_about_chance_and_never_grounded(worlds):
    world = worlds["test"]
    right = {"existence": 0, "counting": 0, "contains": 0}
    for task in world.tasks():
        world.reset(seed=0, options={"task": task.id})
        _, _, _, _, info = world.step("answer[1]" if task.data.type == 1 else "answer[yes]")
        right[info["question_type"]] += info["success"]
        assert not info["grounded"]
    assert right == {"existence": 313, "counting": 155, "contains": 309}


def test_the_panel_is_what_it_was(worlds):
    whole = hashlib.sha256("".join(task.id + task.digest for task in worlds["test"].tasks()).encode())
    assert whole.hexdigest()[:12] == "7e94fe09e5ef"
