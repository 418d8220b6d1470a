"""Experts that know only what they have read: they succeed, and name nothing that was not seen before."""

import re

import pytest

from agentbank.envs import make
from agentbank.envs.embodied.alfworld.wording import Wish, asked
from agentbank.trajectories.errors import UsageError

NAMES = re.compile(r"[a-z]+ \d+")


def walk(env, task):
    seen, info = env.reset(seed=0, options={"task": task.id})
    for action in env.expert(task) or ():
        yield seen, action, info
        observation, _, _, _, info = env.step(action)
        seen += "\n" + observation
    yield seen, "", info


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_explorer_wins_and_names_only_what_it_has_read(split):
    env = make("alfworld", split=split, size="small", gold="explore", data="sample")
    tasks = env.tasks()[:120]
    for task in tasks:
        for seen, action, info in walk(env, task):  # noqa: B007 (the last one is judged)
            unread = [name for name in NAMES.findall(action) if name not in seen]
            assert not unread, (task.id, action)
        assert info["success"], task.id


def test_the_explorer_searches_where_the_planner_knows():
    explorer = make("alfworld", split="train", size="small", gold="explore", data="sample")
    planner = make("alfworld", split="train", size="small", data="sample")
    lengths = []
    for env in (explorer, planner):
        lengths.append(0)
        for task in env.tasks()[:60]:
            env.reset(seed=0, options={"task": task.id})
            lengths[-1] += len(env.expert(task))
    assert lengths[0] > lengths[1]


def test_sentences_of_ours_are_read_and_others_are_not():
    assert asked("bring a cold apple to the table") == Wish("pick_cool_then_place_in_recep", "apple", "table")
    assert asked("put two mug together in/on one shelf") == Wish("pick_two_obj_and_place", "mug", "shelf")
    assert asked("juggle three plates") is None


def test_the_shopper_clicks_only_what_the_page_shows():
    env = make("webshop", split="train", goals="synthetic", gold="read", data="sample")
    scores = []
    for task in env.tasks()[::5]:
        for seen, action, info in walk(env, task):
            page = seen.rpartition("\n")[2]
            clicked = re.fullmatch(r"click\[(.+)\]", action)
            assert clicked is None or clicked[1] in page.split(" [SEP] "), (task.id, action)
            assert info["valid"]
        scores.append(info["score"])
    assert sum(scores) / len(scores) > 0.95
    gold = [env.expert(task) for task in env.tasks() if env.reset(options={"task": task.id})]
    assert max(len(each) for each in gold if each) == env.max_steps and 0 < gold.count(None) < 10


def test_the_shopper_goes_back_at_the_first_option_that_the_page_lacks_and_not_before():
    env = make("webshop", split="train", goals="synthetic", gold="read", data="sample")
    backs = 0
    for task in env.tasks()[:150]:
        asked, chosen = list(task.data.goal_options.values()), []
        for seen, action, _ in walk(env, task):
            nodes = seen.rpartition("\n")[2].split(" [SEP] ")
            missing = [each for each in asked if each not in chosen]
            if "Buy Now" in nodes and action == "click[< Prev]":
                backs += 1
                assert missing[0] not in nodes, (task.id, chosen)
                chosen = []
            elif "Buy Now" in nodes and action == "click[Buy Now]":
                assert not [each for each in missing if each in nodes], task.id
            elif "Buy Now" in nodes and action:
                chosen.append(action[6:-1])
    assert backs > 30


def test_reading_needs_instructions_that_name_the_options():
    with pytest.raises(UsageError, match="goals='synthetic'"):
        make("webshop", goals="human", gold="read", data="sample")
