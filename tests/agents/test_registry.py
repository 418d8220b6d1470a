import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from agentbank.agents import (
    Agent,
    Brief,
    Model,
    View,
    agents,
    make_agent,
    make_model,
    model_kinds,
    register_agent,
    register_model,
)
from agentbank.agents.models.scripted import Scripted, by_turn
from agentbank.trajectories.errors import DataError, Fault, UnknownName, UsageError
from agentbank.trajectories.record import Message, Reply, Turn


@dataclass(frozen=True)
class Loudness:
    level: int = 1


class Shout(Agent):
    """What a person's own agent looks like."""

    name = "shout"
    Options = Loudness

    async def begin(self, brief):
        return ()

    async def act(self, view):
        return Turn(view.text, action=view.text.upper() * self.options.level)


def shouting(chat):
    return chat[-1].content.upper()


@pytest.fixture
def here(monkeypatch):
    """This file as an importable module, whatever name the test runner gave it."""
    monkeypatch.setitem(sys.modules, "persons_own", sys.modules[__name__])
    return "persons_own"


def test_the_roster():
    assert {"react", "act", "expert", "random", "noop", "human"} <= set(agents())
    assert {"openai", "vllm", "transformers", "hf", "scripted"} <= set(model_kinds())


def test_unknown_names_are_told_with_the_nearest():
    with pytest.raises(UnknownName, match="no agent 'reactt'; did you mean 'react'"):
        make_agent("reactt")
    with pytest.raises(UnknownName, match="no kind of model 'opnai'; did you mean 'openai'"):
        make_model("opnai:x")
    with pytest.raises(UnknownName, match="option of agent noop"):
        make_agent("noop", loud=True)
    for name in ("gpt-4o", "openai:", ":x", ""):
        with pytest.raises(UsageError, match="KIND:NAME"):
            make_model(name)


def test_a_model_for_an_agent_without_use_for_one_is_refused():
    with pytest.raises(UsageError, match="'noop' uses no model"):
        make_agent("noop", model=Scripted(["a"]))


def test_a_persons_own_agent(here):
    register_agent("shout", f"{here}:Shout")
    register_agent("shout", f"{here}:Shout")
    factory = make_agent("shout", level="2")
    first, second = factory(), factory()
    assert first is not second and first.ref().options == {"level": 2}
    assert asyncio.run(first.act(View("hey"))).action == "HEYHEY"
    with pytest.raises(UsageError, match="registered already"):
        register_agent("shout", "elsewhere:Shout")
    with pytest.raises(UsageError, match="level"):
        make_agent("shout", level="loud")


def test_an_entry_point_that_is_not_there_is_told(here):
    register_agent("lost", "no_such_package_at_all:Lost")
    with pytest.raises(UsageError, match="no_such_package_at_all"):
        make_agent("lost")
    register_model("lost", f"{here}:NoSuchClass")
    with pytest.raises(UsageError, match="NoSuchClass"):
        make_model("lost:x")


def test_a_script_from_a_list_is_played_in_order_and_ends_in_a_fault():
    model = Scripted(["a", Reply("b", 3, 4)])
    assert isinstance(model, Model)

    async def three():
        assert [(await model.complete([])).text, await model.complete([])] == ["a", Reply("b", 3, 4)]
        with pytest.raises(Fault, match="used up after 2 replies"):
            await model.complete([])

    asyncio.run(three())


def test_a_script_from_a_file_or_a_function(tmp_path, here):
    path = tmp_path / "replies.json"
    path.write_text(json.dumps(["one", "two"]))
    model = make_model(f"scripted:{path}")
    chat = [Message("user", "hey")]
    assert asyncio.run(model.complete(chat)).text == "one"
    assert asyncio.run(model.complete([*chat, Message("assistant", "one"), *chat])).text == "two"
    assert asyncio.run(make_model(f"scripted:{here}:shouting").complete(chat)).text == "HEY"
    for text in ('["one"', '{"a": 1}', "[]", "[1]"):
        path.write_text(text)
        with pytest.raises(DataError, match=r"replies\.json"):
            make_model(f"scripted:{path}")
    with pytest.raises(DataError, match=r"gone\.json"):
        make_model(f"scripted:{tmp_path}/gone.json")
    with pytest.raises(UsageError, match="nothing_here"):
        make_model(f"scripted:{here}:nothing_here")
    with pytest.raises(UsageError, match="expected scripted"):
        make_model("scripted:replies.txt")
    with pytest.raises(UsageError, match="one reply at least"):
        by_turn([])


def test_the_package_is_quick_to_import():
    heavy = ("torch", "transformers", "aiohttp", "rich", "numpy", "gymnasium")
    code = f"import sys, agentbank.agents; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_brief_gives_no_gold_by_itself():
    assert Brief("e", "m", "discrete").gold is None
