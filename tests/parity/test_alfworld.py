"""The native engine says what TextWorld says: walkthroughs and random walks through the real games, command by command."""

import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentbank.envs import make
from agentbank.envs.embodied.alfworld.engine_native import NativeEngine
from agentbank.envs.embodied.alfworld.game import Game
from agentbank.envs.embodied.alfworld.generator import content, write_games
from agentbank.envs.embodied.alfworld.grammar import read_symbols
from agentbank.envs.embodied.alfworld.planner import plan

pytest.importorskip("textworld", reason="TextWorld, the reference, is not installed")
pytest.importorskip("alfworld", reason="alfworld, the reference, is not installed")

from agentbank.envs.embodied.alfworld.engine_textworld import TextWorldEngine

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "alfworld_parity.py"
spec = importlib.util.spec_from_file_location("alfworld_parity", SCRIPT)
parity = importlib.util.module_from_spec(spec)
spec.loader.exec_module(parity)


@pytest.fixture(scope="module")
def quick():
    """TextWorld with its parsers' results remembered; what it computes is the same."""
    with pytest.MonkeyPatch.context() as patch:
        parity.hasten(patch.setattr)
        yield


def compiled(made):
    return Game(made["pddl_domain"], made["grammar"], made["pddl_problem"])


def official(shared):
    return sorted((shared / "alfworld" / "json_2.1.1").glob("*/*/*/game.tw-pddl"))


def follow(made, commands):
    """Play commands in both engines; both must win with the last."""
    game = compiled(made)
    native, reference = NativeEngine(game), TextWorldEngine(made, game)
    try:
        differences = []
        parity.compare(native, reference, native.start(), reference.start(), differences)
        for command in commands:
            ours, theirs = native.step(command), reference.step(command)
            assert ours == theirs and native.progress() == reference.progress()
            parity.compare(native, reference, ours.text, theirs.text, differences)
        assert not differences
        return ours.won
    finally:
        reference.close()


def wander(made, seed, length):
    """A random walk in both engines; its differences."""
    game = compiled(made)
    reference = TextWorldEngine(made, game)
    try:
        steps, valid, _, differences = parity.walk(game, reference, plan(game), seed, length)
        assert 0 < valid <= steps
        return differences
    finally:
        reference.close()


def test_untouched_textworld_agrees(shared):
    """Without any of the hastening: one expert walk and one random walk."""
    made = json.loads(official(shared)[0].read_text())
    assert follow(made, plan(compiled(made)))
    assert wander(made, 0, 15) == []


@pytest.mark.parametrize("number", range(0, 73, 9))
def test_expert_wins_real_games_in_both_engines(shared, quick, number):
    made = json.loads(official(shared)[number].read_text())
    assert follow(made, plan(compiled(made)))


@pytest.mark.slow
def test_expert_wins_every_real_game_in_both_engines(shared, quick):
    for path in official(shared):
        made = json.loads(path.read_text())
        assert follow(made, plan(compiled(made))), path


@pytest.mark.parametrize("number", range(4, 73, 14))
def test_random_walks_agree_on_real_games(shared, quick, number):
    made = json.loads(official(shared)[number].read_text())
    assert wander(made, number, 40) == []


def test_the_newer_grammar_agrees(shared, quick):
    """`move X to Y` and `help`, as the grammar in the alfworld package has them."""
    games = dict(parity.contents(shared / "alfworld", ["newer"]))
    made = games[sorted(games)[20]]
    commands = compiled(made).possible(compiled(made).start)
    assert "help" in commands
    assert any(each.startswith("move ") for each in plan(compiled(made)))
    assert follow(made, ["help", *plan(compiled(made))])
    assert wander(made, 3, 60) == []


@pytest.mark.parametrize(("split", "number", "size"), [("train", n, "small") for n in range(6)] + [("test", 4, "full")])
def test_generated_games_agree(quick, split, number, size):
    made = content(split, number, size)
    assert follow(made, plan(compiled(made)))
    assert wander(made, number, 30) == []


# Upstream opens the game file and leaves closing it to the collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_written_games_are_played_by_upstreams_own_loader(tmp_path):
    """`textworld.start` on the file, with upstream's wrappers, and its recorded walkthrough."""
    import textworld
    from alfworld.agents.environment.alfred_tw_env import AlfredDemangler, AlfredInfos

    (path,) = write_games(tmp_path, "train", 1, size="small", seed=2)
    infos = textworld.EnvInfos(won=True, admissible_commands=True, extras=["gamefile", "walkthrough"])
    reference = textworld.start(str(path), infos, wrappers=[AlfredDemangler(shuffle=False), AlfredInfos])
    state = reference.reset()
    env = make("alfworld", data=str(tmp_path), split="train")
    observation, _ = env.reset(seed=0)
    assert observation == state.feedback
    for command in state["extra.walkthrough"]:
        assert list(env.actions()) == state.admissible_commands
        state, score, done = reference.step(command)
        observation, reward, terminated, _, info = env.step(command)
        assert (observation, reward, terminated, info["success"]) == (state.feedback, score, done, state["won"])
    assert terminated
    env.close()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 3)), min_size=1, max_size=25))
def test_any_sequence_of_commands_agrees(shared, quick, choices):
    made = json.loads(official(shared)[50].read_text())
    game = compiled(made)
    native, reference = NativeEngine(game), TextWorldEngine(made, game)
    try:
        differences = []
        parity.compare(native, reference, native.start(), reference.start(), differences)
        for pick, kind in choices:
            possible = native.commands()
            command = possible[pick % len(possible)]
            if kind == 3:
                command = command.replace("1", "2") + " " * (pick % 2)
            ours, theirs = native.step(command), reference.step(command)
            assert ours == theirs
            parity.compare(native, reference, ours.text, theirs.text, differences)
            if theirs.won:
                break
        assert not differences
    finally:
        reference.close()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a ", "\n", "\t", " ", "#x#", "{o.name}", "[{o | p(o:t)}]", "//", ", ", "}", '"q"', "(b)"])
    )
)
def test_right_hand_sides_are_read_as_textworld_reads_them(parts):
    from textworld.envs.pddl import textgen

    text = "a" + "".join(parts)

    def plain(symbol):
        match type(symbol).__name__:
            case "TerminalSymbol":
                return symbol.symbol
            case "NonterminalSymbol":
                return ("call", symbol.symbol)
            case "EvalSymbol":
                return ("value", symbol.expression)
            case "ConditionalSymbol":
                inner = plain(symbol.expression)
                return ("each", inner, symbol.given.strip(), False) if symbol.given else inner
            case _:
                return ("each", *plain(symbol.symbol)[1:3], True)

    def ours(symbol):
        match type(symbol).__name__:
            case "Text":
                return symbol.words
            case "Call":
                return ("call", symbol.name)
            case "Value":
                return ("value", symbol.source)
            case _:
                return ("each", ours(symbol.inner), symbol.query, symbol.listed)

    read = textgen._parse_and_convert(text, rule_name="symbols")
    # TextWorld ends some texts with an empty symbol, which says nothing.
    assert [ours(each) for each in read_symbols(text)] == [plain(each) for each in read if plain(each) != ""]
