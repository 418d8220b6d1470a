"""Upstream's recorded gold episodes of February 2022, replayed: the same scores, the same words.

Three and a half years lie between the records and the engine on PyPI. What changed is listed here, and nothing else may
differ:

* four spellings (`RENAMED`), put right in the recorded actions and observations before they are compared;
* the order of what a room or a container holds: the old engine walked through Java hash sets, whose order hung on
  the history of the process; its own records differ among themselves. Such observations have the same words (class
  "order");
* the recipe sheet had no name ("pick up  in kitchen"), and has one today: those actions are not understood any more,
  and what rests on them is not compared.
"""

import json
import re
from collections import Counter

import pytest

from agentbank.envs import missing, specs

RENAMED = {"green house": "greenhouse", "bath tub": "bathtub", "sandwhich": "sandwich", "cachew": "cashew"}
"""Spelling of 2022 -> today's."""

NAMES = {
    "task-5-chemistry-mix": "chemistry-mix",
    "task-5-chemistry-mix-paint-(secondary-color)": "chemistry-mix-paint-secondary-color",
    "task-5-chemistry-mix-paint-(tertiary-color)": "chemistry-mix-paint-tertiary-color",
    "task-6-lifespan-(longest-lived)": "lifespan-longest-lived",
    "task-6-lifespan-(shortest-lived)": "lifespan-shortest-lived",
    "task-6-lifespan-(longest-lived-then-shortest-lived)": "lifespan-longest-lived-then-shortest-lived",
    "task-7-identify-life-stages-1": "identify-life-stages-1",
    "task-7-identify-life-stages-2": "identify-life-stages-2",
}


def today(text):
    for old, new in RENAMED.items():
        text = text.replace(old, new)
    return text


def words(text):
    return sorted(re.findall(r"[\w-]+", text.lower()))


def episodes(shared):
    for path in sorted((shared / "scienceworld" / "goldpaths").glob("*.json")):
        for task in json.loads(path.read_text()).values():
            for episode in task["goldActionSequences"]:
                yield NAMES[task["taskName"]], episode


def replay(engine, name, episode):
    """The class of each observation, up to the first action on a sheet without a name, and the scores that differ."""
    engine.load(name, episode["variationIdx"], "easy")
    kinds, wrong = Counter(), []
    kinds["description"] += engine.description() == today(episode["taskDescription"])
    for number, step in enumerate(episode["path"]):
        if re.search(r"  |^read $", step["action"]):
            kinds["nameless"] += 1
            break
        answer = engine.act(today(step["action"]))
        said = today(step["observation"])
        kind = "same" if answer.text == said else "order" if words(answer.text) == words(said) else "other"
        kinds[kind] += 1
        kinds["steps"] += 1
        if kind == "other":
            wrong.append((name, episode["variationIdx"], number, step["action"], said, answer.text))
        score = (round(100 * float(step["score"])), step["isCompleted"] == "true")
        if (answer.score, answer.completed) == score:
            kinds["score"] += 1
        else:
            wrong.append((name, episode["variationIdx"], number, step["action"], score, answer[1:]))
    else:
        kinds["whole"] += 1
    return kinds, wrong


@pytest.fixture(scope="module")
def engine():
    lacks = missing(specs()["scienceworld"])
    if lacks:
        pytest.skip(f"scienceworld needs {' and '.join(lacks)}")
    from agentbank.envs.embodied.scienceworld_engine import Engine

    started = Engine(512)
    yield started
    started.close()


def test_a_sample_of_the_records_replays(shared, engine):
    seen = Counter()
    for name, episode in list(episodes(shared))[5::80]:
        kinds, wrong = replay(engine, name, episode)
        assert not wrong, wrong[0]
        seen += kinds
    assert seen["steps"] > 40 and seen["same"] > seen["steps"] // 2


@pytest.mark.slow
def test_all_records_replay(shared, engine):
    seen, wrong = Counter(), []
    for name, episode in episodes(shared):
        kinds, differing = replay(engine, name, episode)
        seen += kinds
        wrong += differing
    assert not wrong, wrong[:3]
    assert seen["description"] == 473 and (seen["whole"], seen["nameless"]) == (469, 4)
    assert seen["score"] == seen["steps"] == 5346
    assert (seen["same"], seen["order"], seen["other"]) == (4516, 830, 0)
