"""The closed loop end to end, small: what is trained from nothing does better than nothing, and its evaluation repeats."""

import asyncio
import json
from dataclasses import replace

import pytest
import typer

from agentbank.envs import select
from agentbank.harness import run
from agentbank.harness.cli import app
from agentbank.harness.closed_loop import FAMILIES, arguments, close_loop, examined, families, write
from agentbank.harness.commands.settings import pairs, world_options
from agentbank.training.experiments.closed_loop import Recipe
from agentbank.trajectories.errors import UsageError

SMALL = replace(
    FAMILIES["alfworld"],
    collect={"size": "small", "gold": "explore", "games": 1200, "data": "sample"},
    episodes=1200,
    recipe=Recipe(reading=400, acting=220, batch_size=16, max_length=512),
)


def play(config, out):
    return asyncio.run(run(config, out))


def agentbank(arguments):
    try:
        return typer.main.get_command(app).main(args=arguments, prog_name="agentbank", standalone_mode=False)
    except SystemExit as end:
        return end.code


@pytest.mark.slow
def test_a_model_from_nothing_learns_and_its_recorded_arguments_repeat(tmp_path, capsys):
    result = close_loop({"alfworld": SMALL}, tmp_path / "alfworld", SMALL.recipe, play, n=50)
    row = result["worlds"]["alfworld"]
    assert row["after"]["success"] > row["before"]["success"]
    assert row["before"]["n"] == row["after"]["n"] == row["after"]["valid"] == 50
    assert {"collect", "before", "reading", "acting", "after", "total"} <= set(result["seconds"])
    write([result], tmp_path)
    kept = json.loads((tmp_path / "closed_loop.json").read_text())["worlds"]["alfworld"]
    assert agentbank(["eval", *kept["eval"], "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["worlds"]["alfworld"]
    assert again["success"] == kept["after"]["success"] and again["panel"]
    with pytest.raises(UsageError, match="name another --out"):
        close_loop({"alfworld": SMALL}, tmp_path / "alfworld", SMALL.recipe, play, n=50)


@pytest.mark.parametrize("world", sorted(FAMILIES))
def test_the_recorded_arguments_name_the_whole_configuration(world):
    words = arguments(examined(world, FAMILIES[world], "/models/a", 100, 7), "/runs/b")
    command = typer.main.get_command(app).commands["eval"]
    read = command.make_context("eval", list(words)).params
    assert (read["env"], read["model"], read["n"], read["seed"]) == (world, "transformers:/models/a", 100, 7)
    assert read["agent"] == "act" and "lead=none" in read["agent_option"]
    assert read["max_steps"] == FAMILIES[world].max_steps and list(read["data"]) == ["sample"]
    options = world_options(select(world), read["option"], read["data"])
    assert options == {world: FAMILIES[world].evaluate}


def test_a_world_without_a_family_is_refused_by_name():
    with pytest.raises(UsageError, match="no closed loop is set up in scienceworld"):
        families(select("scienceworld"))


def test_a_switch_is_read_as_python_and_json_spell_it():
    assert pairs(["a=False", "b=false", "c=None", "d=no", "e=1"], "-o") == {
        "a": False,
        "b": False,
        "c": None,
        "d": "no",
        "e": 1,
    }
