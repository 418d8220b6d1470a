from itertools import islice
from typing import NamedTuple

import pytest

from agentbank.training.mixture import AGENT_TUNING_ALPHA, AGENTBANK_SHARES, Mixture, Recipe, Tally
from agentbank.trajectories import UnknownName, UsageError


class Piece(NamedTuple):
    name: str
    world: str
    skill: str
    tokens: int
    loss_tokens: int


def part(world, count, tokens=100, loss=20, skill="web"):
    return [Piece(f"{world}{number}", world, skill, tokens, loss) for number in range(count)]


def parts(weights=AGENTBANK_SHARES, sizes=((400, 2000, 300), (400, 500, 900), (400, 200, 150))):
    names = ("agent", "general", "code")
    return {name: (weight, part(name, *size)) for name, weight, size in zip(names, weights, sizes, strict=True)}


def names(stream):
    return [drawn.row.name for drawn in stream]


@pytest.mark.parametrize("unit", ["rows", "tokens", "loss"])
def test_eighty_ten_ten_holds_in_the_unit_asked_for(unit):
    tally = Mixture(parts(), Recipe(by=unit)).tally()
    assert tally.shares(unit) == pytest.approx({"agent": 0.8, "general": 0.1, "code": 0.1}, abs=0.01)
    for other in {"rows", "tokens", "loss"} - {unit}:
        assert abs(tally.shares(other)["agent"] - 0.8) > 0.02, "the units differ, so all three are reported"


def test_shares_hold_all_along_the_way():
    counts = dict.fromkeys(("agent", "general", "code"), 0)
    for number, drawn in enumerate(Mixture(parts()), 1):
        counts[drawn.part] += 1
        assert abs(counts["agent"] - 0.8 * number) <= 1


@pytest.mark.parametrize("unit", ["rows", "tokens", "loss"])
def test_alpha_is_the_probability_of_a_draw(unit):
    two = {"agent": (AGENT_TUNING_ALPHA, part("a", 50, 900, 90)), "chat": (0.8, part("c", 50, 300, 200))}
    tally = Mixture(two, Recipe(by=unit, pick="draw", ends="cycle", seed=3)).tally(8000)
    assert tally.shares(unit)["agent"] == pytest.approx(0.2, abs=0.03)
    drawn = [each.part for each in islice(Mixture(two, Recipe(pick="draw", ends="cycle")), 200)]
    assert max(len(run) for run in "".join(each[0] for each in drawn).split("a")) > 3, "by chance, not in turn"


def test_the_same_seed_gives_the_same_stream_and_another_another():
    first = names(Mixture(parts(), Recipe(seed=1, pick="draw")))
    assert first == names(Mixture(parts(), Recipe(seed=1, pick="draw")))
    assert first != names(Mixture(parts(), Recipe(seed=2, pick="draw")))
    assert names(Mixture(parts(), Recipe(seed=1))) != names(Mixture(parts(), Recipe(seed=2)))


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(pick="draw", ends="cycle", temperature=2), Recipe(by="loss")])
def test_a_stream_resumes_by_count(recipe):
    mixture = Mixture(parts(), recipe)
    whole = names(islice(mixture, 300))
    for skip in (0, 1, 137):
        assert names(islice(mixture.stream(skip), 300 - skip)) == whole[skip:]


def test_what_runs_out_stops_the_stream():
    mixture = Mixture({"a": (0.5, part("a", 10)), "b": (0.5, part("b", 1000))}, Recipe(ends="stop"))
    drawn = names(mixture)
    assert len(drawn) == len(set(drawn)) == 20
    assert mixture.tally().shares("rows") == {"a": 0.5, "b": 0.5}


def test_what_runs_out_cycles_in_a_new_order():
    mixture = Mixture({"a": (0.5, part("a", 10)), "b": (0.5, part("b", 1000))}, Recipe(ends="cycle"))
    drawn = [each for each in names(islice(mixture, 60)) if each.startswith("a")]
    assert [sorted(drawn[start : start + 10]) for start in (0, 10, 20)] == [sorted(drawn[:10])] * 3
    assert drawn[:10] != drawn[10:20]
    with pytest.raises(UsageError, match="a mixture that cycles has no end"):
        mixture.tally()


def test_what_runs_out_leaves_the_others_in_proportion():
    sizes = {"a": (0.5, part("a", 10)), "b": (0.25, part("b", 1000)), "c": (0.25, part("c", 1000))}
    drawn = list(Mixture(sizes, Recipe(ends="proportional")))
    assert len({each.row.name for each in drawn}) == len(drawn) == 2010
    late = [each.part for each in drawn[100:300]]
    assert (late.count("a"), late.count("b"), late.count("c")) == (0, 100, 100)


def test_worlds_and_skills_are_weighed_inside_a_part():
    rows = part("shop", 600) + part("house", 200, skill="embodied") + part("sums", 200, skill="maths")
    mixed = {"agent": (1.0, rows)}

    def shares(limit=300, **recipe):
        tally = Mixture(mixed, Recipe(ends="cycle", **recipe)).tally(limit)
        return {world: counts["rows"] / limit for (_, world), counts in tally.worlds.items()}

    assert shares(1000) == {"shop": 0.6, "house": 0.2, "sums": 0.2}
    assert shares(worlds={"house": 3.0}) == pytest.approx({"shop": 3 / 7, "house": 3 / 7, "sums": 1 / 7}, abs=0.01)
    assert shares(skills={"maths": 0.0}) == pytest.approx({"shop": 0.75, "house": 0.25}, abs=0.01)
    assert shares(temperature=1e9) == pytest.approx({"shop": 1 / 3, "house": 1 / 3, "sums": 1 / 3}, abs=0.01)
    roots = {"shop": 600**0.5, "house": 200**0.5, "sums": 200**0.5}
    expected = {world: root / sum(roots.values()) for world, root in roots.items()}
    assert shares(temperature=2.0) == pytest.approx(expected, abs=0.01)
    drawn = shares(4000, temperature=2.0, pick="draw")
    assert drawn == pytest.approx(expected, abs=0.03)


def test_caps_choose_by_seed():
    rows = {"agent": (1.0, part("shop", 600) + part("house", 20))}
    tally = Mixture(rows, Recipe(cap=50)).tally()
    assert {world: counts["rows"] for (_, world), counts in tally.worlds.items()} == {"shop": 50, "house": 20}
    first = set(names(Mixture(rows, Recipe(cap=50, seed=1))))
    assert (
        first == set(names(Mixture(rows, Recipe(cap=50, seed=1)))) != set(names(Mixture(rows, Recipe(cap=50, seed=2))))
    )


def test_the_report_has_all_three_units():
    tally = Tally({"agent": 0.8, "chat": 0.2})
    stream = Mixture({"agent": (0.8, part("x", 80) + part("y", 80)), "chat": (0.2, part("z", 40))}).stream(tally=tally)
    assert len(list(stream)) == 200
    lines = str(tally).splitlines()
    assert lines[0].split() == ["part", "weight", "rows", "tokens", "loss", "tokens"]
    assert lines[1].split() == ["agent", "80.0%", "160", "80.0%", "16,000", "80.0%", "3,200", "80.0%"]
    assert [line.split()[0] for line in lines[2:]] == ["x", "y", "chat", "all"]
    assert lines[-1].split()[2] == "200"


def test_rows_that_learn_nothing_cannot_be_shared_by_loss():
    mixture = Mixture({"a": (0.5, part("a", 5, loss=0)), "b": (0.5, part("b", 5))}, Recipe(by="loss"))
    with pytest.raises(UsageError, match="part 'a': its rows have no loss to share by"):
        list(mixture)


def test_recipes_and_parts_that_cannot_be():
    for wrong in ({"by": "words"}, {"pick": "best"}, {"ends": "later"}):
        with pytest.raises(UnknownName):
            Recipe(**wrong)
    for wrong in ({"temperature": 0}, {"cap": 0}, {"worlds": {"shop": -1}}):
        with pytest.raises(UsageError):
            Recipe(**wrong)
    with pytest.raises(UsageError, match="part 'a' holds no row"):
        Mixture({"a": (1.0, [])})
    with pytest.raises(UsageError, match="weight of part 'a' is 0"):
        Mixture({"a": (0.0, part("a", 3))})
    with pytest.raises(UsageError, match="at least one part"):
        Mixture({})
    with pytest.raises(UsageError, match="leave out every world"):
        list(Mixture({"a": (1.0, part("a", 3))}, Recipe(worlds={"a": 0.0})))
