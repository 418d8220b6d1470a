"""One game, compiled: what its PDDL makes possible and what its grammar says, shared by all who play it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ....trajectories.errors import DataError
from ...data import field, read_json
from .expressions import Entity
from .goal import Goal
from .grammar import Call, Each, Grammar, Text, Value, holes, read_grammar
from .idle import idleness
from .names import demangle
from .pddl import Domain, Effect, Junction, Malformed, Problem, Schema, atoms, read_domain, read_problem
from .query import Context, read_query
from .relations import EMPTY, Binding, Found, Loop, Relation, Row, Scope, State, Term, Test, compile_loop, term, test

KEPT = 256
"""Games kept in memory for the next reset; a game in play is kept by its player as well."""

MEMO = 512
"""Situations whose options a game remembers; with one agent there are as many as places."""


class Change(NamedTuple):
    """One effect of an action, compiled."""

    predicate: str
    terms: tuple[Term, ...]
    adds: bool
    when: Test | None
    run: Loop | None
    """For a universal effect: all rows of the quantified variables."""
    slots: tuple[int, ...] = ()


class Act:
    """An action schema, compiled: `solve` lists the bindings of its parameters that are possible in a state."""

    def __init__(self, schema: Schema, domain: Domain) -> None:
        self.name = schema.name
        self.params = tuple((name.lstrip("?"), kind) for name, kind in schema.params)
        self._scope = scope = Scope(schema.params)
        self._loop = compile_loop(schema.condition, scope, bound=set(), keep=len(schema.params), fluents=domain.fluents)
        self.changes = [_change(each, scope) for each in schema.effects]
        self._idle = idleness(schema, scope)
        self.reads = tuple(sorted({each.predicate for each in atoms(schema.condition)} & domain.fluents))

    def solve(self, game: Game, state: State) -> list[Row]:
        """Every binding under which the action can be done and changes something."""
        found: Found = []
        self._loop(state, game.kinds, [None] * len(self._scope.types), found)
        idle = self._idle
        if idle is not None:
            found = [row for row in found if not idle(row)]
        return list(dict.fromkeys(found)) if len(found) > 1 else found

    def apply(self, game: Game, state: State, row: Row) -> State:
        """The state after the action; conditions of effects are read before it, additions win over removals."""
        binding: Binding = [*row, *[None] * (len(self._scope.types) - len(row))]
        added: dict[str, set[Row]] = {}
        removed: dict[str, set[Row]] = {}
        for change in self.changes:
            into = added if change.adds else removed
            for fact in _facts(change, game, state, binding):
                into.setdefault(change.predicate, set()).add(fact)
        after = dict(state)
        for predicate, facts in removed.items():
            after[predicate] = after[predicate].without(facts)
            if "not_" + predicate in game.negatives:
                gone = facts - added.get(predicate, set())
                after["not_" + predicate] = after.get("not_" + predicate, EMPTY).adding(gone)
        for predicate, facts in added.items():
            after[predicate] = after[predicate].adding(facts)
            if "not_" + predicate in after:
                after["not_" + predicate] = after["not_" + predicate].without(facts)
        return after


def _change(effect: Effect, scope: Scope) -> Change:
    inner = scope.copy()
    slots = tuple(inner.add(name, kind) for name, kind in effect.params)
    terms = tuple(term(word, inner) for word in effect.atom.args)
    run = None
    if slots:
        # Keep all numbers up to the last quantified one; those between are the action's own.
        run = compile_loop(Junction(True, ()), inner, bound=set(range(slots[0])), keep=slots[-1] + 1)
    return Change(
        effect.atom.predicate,
        terms,
        not effect.atom.negated,
        test(effect.when, inner) if effect.when is not None else None,
        run,
        slots,
    )


def _facts(change: Change, game: Game, state: State, binding: Binding) -> Iterator[Row]:
    bindings: list[Binding] = [binding]
    if change.run is not None:
        found: Found = []
        change.run(state, game.kinds, list(binding), found)
        bindings = [[*row, *binding[len(row) :]] for row in found]
    for b in bindings:
        if change.when is None or change.when(state, game.kinds, b):
            yield tuple([b[slot] if slot >= 0 else constant for slot, constant in change.terms])  # type: ignore[misc]


Move = tuple[Act, Row]
Option = tuple[str, Move]


class Logic(NamedTuple):
    """A domain and a grammar that fit together; most games share theirs but for the sentence of the task."""

    domain: Domain
    acts: tuple[Act, ...]


@lru_cache(maxsize=32)
def logic(domain: str) -> Logic:
    """Compile a domain.

    Raises:
        Malformed: it is no PDDL that is played here.
    """
    read = read_domain(domain)
    return Logic(read, tuple(Act(each, read) for each in read.schemas))


class Game:
    """A compiled game file: start state, names, goal, words."""

    def __init__(self, domain: str, grammar: str, problem: str) -> None:
        """Compile the three texts of a game file.

        Raises:
            Malformed: one of them cannot be played, with the reason.
        """
        self.domain, self.acts = logic(domain)
        self.grammar: Grammar = read_grammar(grammar)
        self.problem: Problem = read_problem(problem, self.domain)
        self._check()
        self.entities = {
            id: Entity(id, self.problem.objects[id], name) for id, name in demangle(self.problem.mentioned).items()
        }
        members: dict[str, list[str]] = {}
        for id, kind in self.problem.objects.items():
            members.setdefault(kind, []).append(id)
        self.kinds = {
            kind: frozenset(id for each in below for id in members.get(each, ()))
            for kind, below in self.domain.types.items()
        }
        self.start: State = dict.fromkeys(self.domain.arity, EMPTY)
        self.start |= {name: Relation(rows) for name, rows in self.problem.facts.items()}
        self.negatives = frozenset(each for each in self.grammar.reads if each.startswith("not_"))
        self._won = test(self.problem.goal, Scope())
        self._nothing = Context({}, self.entities, self.domain.types, {}, {})
        self._commands: dict[tuple[str, Row], str] = {}
        self._solved: dict[tuple[str, frozenset[Row]], list[Option]] = {}
        self._fixed = {act.name: self._template(act) for act in self.acts}
        template = self.grammar.templates.get("putobject", ())
        self.moves = bool(template) and isinstance(template[0], Text) and template[0].words.startswith("move")
        """Whether things are put down by `move X to Y`, as upstream's later grammar has it."""
        self.by_name = {entity.name: entity.id for entity in self.entities.values()}

    def _check(self) -> None:
        for act in self.acts:
            for kind, texts in (("template", self.grammar.templates), ("feedback", self.grammar.feedback)):
                if act.name not in texts:
                    raise Malformed(f"grammar: action {act.name} has no {kind}")
        for name, count in sorted(self.grammar.asks):
            declared = self.domain.arity.get(name.removeprefix("not_"), count)
            if declared != count:
                raise Malformed(f"grammar: predicate {name!r} takes {declared} arguments, not {count}")
        maybe = {
            effect.atom.predicate for one in self.domain.schemas for effect in one.effects if effect.when is not None
        }
        read = {each.removeprefix("not_") for each in self.grammar.reads}
        if maybe & read:
            raise Malformed(
                f"the texts depend on {min(maybe & read)!r}, which an action changes only under a condition"
            )
        strangers = {word for each in atoms(self.problem.goal) for word in each.args if not word.startswith("?")}
        strangers -= self.problem.objects.keys()
        if strangers:
            raise Malformed(f"undeclared object {min(strangers)!r} in :goal")

    def _template(self, act: Act) -> tuple[int, ...] | None:
        """The parameters that the words of an action's command depend on; None where they depend on the state too."""
        template = self.grammar.templates[act.name]
        for symbol in template:
            if isinstance(symbol, Call) or (isinstance(symbol, Each) and not self._is_static(symbol)):
                return None
        used = holes(template)
        return tuple(at for at, (name, _) in enumerate(act.params) if name in used)

    def _is_static(self, symbol: Each) -> bool:
        return isinstance(symbol.inner, Value) and self.domain.fluents.isdisjoint(read_query(symbol.query).predicates)

    @cached_property
    def goal(self) -> Goal:
        """The goal, taken apart."""
        return Goal(self.problem.goal, self.start, self.kinds, self.domain.fluents)

    def context(self, state: State, act: Act | None = None, row: Row = ()) -> Context:
        """What a text is derived from."""
        empty = self._nothing._replace(state=state)
        return empty if act is None else empty.bind(dict(zip(act.params, row, strict=True)))

    def command(self, state: State, act: Act, row: Row) -> str:
        """The command that does `act` with these parameters."""
        used = self._fixed[act.name]
        if used is None:
            return self.grammar.derive(self.grammar.templates[act.name], self.context(state, act, row))
        key = (act.name, tuple([row[at] for at in used]))
        found = self._commands.get(key)
        if found is None:
            found = self.grammar.derive(self.grammar.templates[act.name], self.context(state, act, row))
            self._commands[key] = found
        return found

    def options(self, state: State, act: Act) -> list[Option]:
        """The commands that do `act` in a state, each with its parameters."""
        if len(act.reads) != 1 or self._fixed[act.name] is None:
            return [(self.command(state, act, row), (act, row)) for row in act.solve(self, state)]
        # What depends on one relation only (on where the agent is, as a rule) is found once for each of its values.
        key = (act.name, state[act.reads[0]].rows)
        found = self._solved.get(key)
        if found is None:
            found = [(self.command(state, act, row), (act, row)) for row in act.solve(self, state)]
            if len(self._solved) >= MEMO:
                self._solved.clear()
            self._solved[key] = found
        return found

    def possible(self, state: State) -> dict[str, Move]:
        """What can be done in a state, by command; of two actions with the same words the first counts."""
        commands: dict[str, Move] = {}
        for act in self.acts:
            for command, move in self.options(state, act):
                commands.setdefault(command, move)
        return commands

    @cached_property
    def intro(self) -> str:
        """The first observation."""
        return self.grammar.say("intro", self.context(self.start))

    def feedback(self, state: State, act: Act, row: Row) -> str:
        """What the player reads after `act`, in the state that it led to."""
        return self.grammar.derive(self.grammar.feedback[act.name], self.context(state, act, row))

    def won(self, state: State) -> bool:
        """Whether the goal holds."""
        return self._won(state, self.kinds, [])


def read_content(path: Path) -> dict[str, Any]:
    """A `game.tw-pddl` file.

    Raises:
        DataError: unreadable, not JSON, or a text is missing.
    """
    content = read_json(path)
    for name in ("pddl_domain", "grammar", "pddl_problem"):
        field(content, name, str, path, "game")
    checked: dict[str, Any] = content
    return checked


def read_game(path: Path) -> Game:
    """Compile a `game.tw-pddl` file.

    Raises:
        DataError: as `read_content`, or PDDL or grammar that cannot be played.
    """
    content = read_content(path)
    try:
        return Game(content["pddl_domain"], content["grammar"], content["pddl_problem"])
    except Malformed as error:
        raise DataError(path, str(error)) from error


_games: OrderedDict[Hashable, Game] = OrderedDict()
_lock = threading.Lock()


def kept_game(key: Hashable, make: Callable[[], Game]) -> Game:
    """The compiled game that goes by `key`: from memory where it was played lately, else made now."""
    with _lock:
        game = _games.get(key)
        if game is not None:
            _games.move_to_end(key)
            return game
    game = make()
    with _lock:
        _games[key] = game
        while len(_games) > KEPT:
            _games.popitem(last=False)
    return game
