import asyncio
import io
import os
import pty
import select
import subprocess
import sys
import time

import pytest

from agentbank.agents import Brief, View, make_agent
from agentbank.agents.human import completions
from agentbank.trajectories.errors import UsageError

BRIEF = Brief("house", "go PLACE moves you.\nlook [around] looks.", "discrete", seed=11)


def play(name, views, *, brief=BRIEF, **options):
    agent = make_agent(name, **options)()

    async def episode():
        prompt = await agent.begin(brief)
        return prompt, [await agent.act(each) for each in views]

    return asyncio.run(episode())


def test_the_expert_plays_the_gold_actions_and_stops():
    brief = Brief("house", "m", "discrete", gold=["go kitchen", "take apple"])
    prompt, turns = play("expert", [View("o")] * 3, brief=brief)
    assert [turn.action for turn in turns] == ["go kitchen", "take apple", ""]
    assert [turn.stop for turn in turns] == [False, False, True]
    assert turns[0].text == "Action: go kitchen" and turns[0].thought == ""
    assert "Thought:" in prompt[0].content
    prompt, _ = play("expert", [], brief=brief, style="act", lead="user")
    assert "Thought:" not in prompt[0].content and [each.role for each in prompt] == ["user", "assistant"]
    kind = type(make_agent("expert")())
    assert (kind.needs, kind.action_source, kind.thought_source) == ({"gold"}, "gold", "none")


def test_the_expert_says_where_no_gold_is_known():
    with pytest.raises(UsageError, match="house knows no gold actions"):
        play("expert", [])
    _, turns = play("expert", [View("o")], brief=Brief("house", "m", "discrete", gold=[]))
    assert turns[0].stop


def test_random_draws_by_the_seed_from_what_is_possible():
    views = [View("o", [f"go {n}" for n in range(20)])] * 30
    _, turns = play("random", views)
    assert [turn.action for turn in turns] == [turn.action for turn in play("random", views)[1]]
    other = Brief("house", "m", "discrete", seed=12)
    assert [turn.action for turn in turns] != [turn.action for turn in play("random", views, brief=other)[1]]
    assert {turn.action for turn in turns} <= set(views[0].actions) and len({turn.action for turn in turns}) > 10
    assert all(turn.text == f"Action: {turn.action}" for turn in turns)


def test_random_needs_no_list_and_touches_no_global_state():
    import numpy as np

    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    _, turns = play("random", [View("o"), View("o", [])])
    assert all(turn.action for turn in turns) and np.random.get_state()[1].tolist() == before


def test_noop_does_nothing():
    prompt, turns = play("noop", [View("o")] * 2)
    assert prompt == () and [(turn.action, turn.stop, turn.calls) for turn in turns] == [("", False, ())] * 2


def person(typed, views, monkeypatch, capsys, brief=BRIEF):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    _, turns = play("human", views, brief=brief)
    return turns, capsys.readouterr().out


def test_a_person_types_actions_at_the_end_of_a_pipe(monkeypatch, capsys):
    typed = "go kitchen\n\n:actions\n:help\n:wat\n:think it is dark\nlook [around]\n"
    views = [View("You wake [up].\nIt is [bold]dark[/bold].", ["go kitchen", "look"])] * 3
    turns, out = person(typed, views, monkeypatch, capsys)
    assert [turn.action for turn in turns] == ["go kitchen", "look [around]", ""]
    assert (turns[1].thought, turns[1].text) == ("it is dark", "Thought: it is dark\nAction: look [around]")
    assert [turn.stop for turn in turns] == [False, False, True]
    assert "It is [bold]dark[/bold]." in out and "look [around] looks." in out and "There is no command :wat" in out


def test_quit_stops_and_a_double_colon_is_an_action(monkeypatch, capsys):
    turns, _ = person("::wave\n:quit\n", [View("o")] * 2, monkeypatch, capsys)
    assert [(turn.action, turn.stop) for turn in turns] == [(":wave", False), ("", True)]


def test_a_fence_opens_a_block_of_code(monkeypatch, capsys):
    brief = Brief("os", "m", "code")
    turns, _ = person("```\nfor i in 1 2\n  do echo $i\n```\nls\n", [View("o")] * 2, monkeypatch, capsys, brief)
    assert [turn.action for turn in turns] == ["for i in 1 2\n  do echo $i", "ls"]


def test_completion_is_by_the_beginning_capitals_aside():
    assert completions(["Search[", "go north", "go south"], "go ") == ["go north", "go south"]
    assert completions(["Search["], "se") == ["Search["]


SESSION = """
import asyncio, sys
from agentbank.agents import Brief, View, make_agent
async def main():
    agent = make_agent("human")()
    await agent.begin(Brief("house", "m", "discrete"))
    print("GOT", (await agent.act(View("o", ["go north", "take apple"]))).action, flush=True)
    print("GOT", (await agent.act(View("o", ["go north", "take apple"]))).action, flush=True)
asyncio.run(main())
"""


def read_until(terminal, wanted):
    shown, deadline = b"", time.monotonic() + 60
    while wanted not in shown:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"waited in vain for {wanted!r}; shown so far: {shown!r}"
        shown += os.read(terminal, 4096)
    return shown


def test_tab_completes_in_a_real_terminal_and_ctrl_c_leaves_at_once():
    pytest.importorskip("readline")
    terminal, inner = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", SESSION], stdin=inner, stdout=inner, stderr=inner, start_new_session=True
    ) as session:
        os.close(inner)
        try:
            read_until(terminal, b"> ")
            os.write(terminal, b"ta\t\n")
            read_until(terminal, b"GOT take apple")
            read_until(terminal, b"> ")
            session.send_signal(2)
            read_until(terminal, b"KeyboardInterrupt")
            assert session.wait(timeout=20) != 0
        finally:
            session.kill()
    os.close(terminal)
