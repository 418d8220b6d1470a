"""The goal of a game, taken apart: who could fulfil it, and how much of it holds already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .pddl import Atom, Condition, Junction, Quantified
from .relations import Found, Kinds, Row, Scope, State, compile_loop

Fact = tuple[str, Row]


class Part(NamedTuple):
    """One independent part of a goal: the ways to fulfil it, each a list of facts that must come to hold."""

    ways: tuple[tuple[Fact, ...], ...]


class Goal:
    """The parts of a goal; what no action changes is settled beforehand, once a game."""

    def __init__(self, goal: Condition, start: State, kinds: Kinds, fluents: frozenset[str]) -> None:
        pieces = goal.parts if isinstance(goal, Junction) and goal.every else (goal,)
        self.parts = tuple(_part(each, start, kinds, fluents) for each in pieces)
        self.reads = tuple(sorted({name for part in self.parts for way in part.ways for name, _ in way}))

    def progress(self, state: State) -> float:
        """Of all the facts that the goal asks for, the share that holds in the nearest way of each part, 0..1."""
        held = asked = 0
        for part in self.parts:
            best = 0
            for way in part.ways:
                count = 0
                for name, row in way:
                    if row in state[name].rows:
                        count += 1
                if count > best:
                    best = count
            held += best
            asked += len(part.ways[0]) if part.ways else 1
        return held / asked if asked else 1.0


def _part(piece: Condition, start: State, kinds: Kinds, fluents: frozenset[str]) -> Part:
    scope = Scope()
    settled: list[Condition] = []
    wanted: list[Atom] = []
    _gather(piece, scope, {}, fluents, settled, wanted)
    params = [(f"?{at}", kind) for at, kind in enumerate(scope.types)]
    loop = compile_loop(Junction(True, tuple(settled)), Scope(params), bound=set(), keep=len(params))
    found: Found = []
    loop(start, kinds, [None] * len(params), found)
    ways = {tuple((one.predicate, _ground(one, row)) for one in wanted): None for row in found}
    return Part(tuple(ways))


def _ground(one: Atom, row: Row) -> Row:
    return tuple(row[int(word[1:])] if word.startswith("?") else word for word in one.args)


def _gather(
    piece: Condition,
    scope: Scope,
    names: Mapping[str, str],
    fluents: frozenset[str],
    settled: list[Condition],
    wanted: list[Atom],
) -> None:
    """Sort the atoms of a conjunction, its variables renamed to numbers: fixed for good, or to be brought about."""
    if isinstance(piece, Junction) and piece.every:
        for each in piece.parts:
            _gather(each, scope, names, fluents, settled, wanted)
    elif isinstance(piece, Quantified) and not piece.every:
        inner = dict(names) | {name: f"?{scope.add(name, kind)}" for name, kind in piece.params}
        _gather(piece.part, scope, inner, fluents, settled, wanted)
    elif isinstance(piece, Atom):
        renamed = piece._replace(args=tuple(names.get(word, word) for word in piece.args))
        if piece.predicate not in fluents:
            settled.append(renamed)
        elif not piece.negated:
            wanted.append(renamed)
