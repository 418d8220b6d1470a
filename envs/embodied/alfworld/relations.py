"""Facts as immutable relations, and conditions compiled into loops over them: what a situation makes possible.

A state is a dict from predicate to `Relation`. Relations never change, so a copy of a state is a copy of that dict, and
an index once built serves every state that still holds the relation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .pddl import ROOT, Atom, Condition, Junction, Malformed, Quantified

Row = tuple[str, ...]
State = dict[str, "Relation"]
Kinds = Mapping[str, frozenset[str]]
"""The objects of each type, subtypes' objects among them."""
Binding = list[str | None]


class Relation:
    """A set of rows with indexes on demand; rows of one key stand in sorted order."""

    __slots__ = ("_indexes", "rows")

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = frozenset(rows)
        self._indexes: dict[tuple[int, ...], dict[Any, list[Row]]] = {}

    def index(self, positions: tuple[int, ...]) -> dict[Any, list[Row]]:
        """Rows by their values at `positions`: by the value where it is one position, else by the tuple of them."""
        found = self._indexes.get(positions)
        if found is None:
            found = {}
            if len(positions) == 1:
                (at,) = positions
                for row in self.rows:
                    found.setdefault(row[at], []).append(row)
            else:
                for row in self.rows:
                    found.setdefault(tuple([row[at] for at in positions]), []).append(row)
            for rows in found.values():
                rows.sort()
            self._indexes[positions] = found
        return found

    def adding(self, rows: set[Row]) -> Relation:
        """This relation with `rows` in it."""
        return self if rows <= self.rows else Relation(self.rows | rows)

    def without(self, rows: set[Row]) -> Relation:
        """This relation without `rows`."""
        return self if self.rows.isdisjoint(rows) else Relation(self.rows - rows)


EMPTY = Relation()

Found = list[Row]
Loop = Callable[[State, Kinds, Binding, Found], None]
Test = Callable[[State, Kinds, Binding], bool]


class Scope:
    """Numbers the variables of one condition; inner quantifiers get numbers of their own."""

    def __init__(self, params: Iterable[tuple[str, str]] = ()) -> None:
        self.slots: dict[str, int] = {}
        self.types: list[str] = []
        for name, kind in params:
            self.add(name, kind)

    def add(self, name: str, kind: str) -> int:
        """A new variable, hiding an outer one of the same name."""
        self.slots[name] = len(self.types)
        self.types.append(kind)
        return self.slots[name]

    def copy(self) -> Scope:
        """A scope in which more names may be hidden; numbers go on where this one is."""
        other = Scope()
        other.slots, other.types = dict(self.slots), self.types
        return other


class Term(NamedTuple):
    """An argument: a numbered variable, or a constant."""

    slot: int
    constant: str = ""


def term(word: str, scope: Scope) -> Term:
    """The argument that a word stands for.

    Raises:
        Malformed: an undeclared variable.
    """
    if word.startswith("?") and word not in scope.slots:
        raise Malformed(f"undeclared variable {word}")
    return Term(scope.slots[word]) if word.startswith("?") else Term(-1, word)


class Literal(NamedTuple):
    """An atom with its arguments resolved."""

    predicate: str
    terms: tuple[Term, ...]
    negated: bool

    def slots(self) -> set[int]:
        """The variables in it."""
        return {each.slot for each in self.terms if each.slot >= 0}


def literal(one: Atom, scope: Scope) -> Literal:
    """An atom in a scope."""
    return Literal(one.predicate, tuple(term(word, scope) for word in one.args), one.negated)


class Clause:
    """A conjunction taken apart: atoms to run over, and conditions to test once their variables are known."""

    def __init__(self, part: Condition, scope: Scope) -> None:
        self.atoms: list[Literal] = []
        self.tests: list[tuple[set[int], Test]] = []
        self._take(part, scope)

    def _take(self, part: Condition, scope: Scope) -> None:
        if isinstance(part, Atom) and not part.negated and part.predicate != "=":
            self.atoms.append(literal(part, scope))
        elif isinstance(part, Junction) and part.every:
            for each in part.parts:
                self._take(each, scope)
        elif isinstance(part, Quantified) and not part.every:
            inner = scope.copy()
            for name, kind in part.params:
                inner.add(name, kind)
            self._take(part.part, inner)
        else:
            self.tests.append((free(part, scope), test(part, scope)))


def free(part: Condition, scope: Scope) -> set[int]:
    """The variables of `scope` that a condition uses."""
    if isinstance(part, Atom):
        return {scope.slots[word] for word in part.args if word in scope.slots}
    if isinstance(part, Junction):
        return set().union(*(free(each, scope) for each in part.parts))
    inner = scope.copy()
    for name, _ in part.params:
        inner.slots.pop(name, None)
    return free(part.part, inner)


def test(part: Condition, scope: Scope) -> Test:
    """A condition as a function of a state and of a binding of the variables of `scope`."""
    if isinstance(part, Atom):
        return _test_atom(literal(part, scope))
    if isinstance(part, Junction):
        tests = [test(each, scope) for each in part.parts]
        if part.every:
            return lambda state, kinds, b: all(each(state, kinds, b) for each in tests)
        return lambda state, kinds, b: any(each(state, kinds, b) for each in tests)
    if part.every:
        opposite = test(Quantified(False, part.params, negate(part.part)), scope)
        return lambda state, kinds, b: not opposite(state, kinds, b)
    loop = compile_loop(part, scope, bound=free(part, scope), keep=0)
    types = scope.types

    def some(state: State, kinds: Kinds, b: Binding) -> bool:
        found: Found = []
        loop(state, kinds, b + [None] * (len(types) - len(b)), found)
        return bool(found)

    return some


def negate(part: Condition) -> Condition:
    """The opposite condition, negations at the atoms."""
    if isinstance(part, Atom):
        return part._replace(negated=not part.negated)
    if isinstance(part, Junction):
        return Junction(not part.every, tuple(negate(each) for each in part.parts))
    return Quantified(not part.every, part.params, negate(part.part))


def _test_atom(one: Literal) -> Test:
    wanted, terms, predicate = not one.negated, one.terms, one.predicate

    def holds(state: State, kinds: Kinds, b: Binding) -> bool:
        row = tuple([b[slot] if slot >= 0 else constant for slot, constant in terms])
        return (row in state[predicate].rows) is wanted

    def equal(state: State, kinds: Kinds, b: Binding) -> bool:
        left, right = [b[slot] if slot >= 0 else constant for slot, constant in terms]
        return (left == right) is wanted

    return equal if predicate == "=" else holds


def compile_loop(
    part: Condition, scope: Scope, *, bound: set[int], keep: int, fluents: frozenset[str] = frozenset()
) -> Loop:
    """A condition as a search: every binding of the first `keep` variables that satisfies it, as rows.

    Args:
        part: The condition.
        scope: Its variables, which are typed; `keep` of them are wanted.
        bound: The variables whose values the caller sets.
        keep: How many values a result has.
        fluents: Predicates that are small and change: they are run over first.
    """
    if isinstance(part, Junction) and not part.every:
        loops = [compile_loop(each, scope, bound=bound, keep=keep, fluents=fluents) for each in part.parts]

        def each_loop(state: State, kinds: Kinds, b: Binding, found: Found) -> None:
            for loop in loops:
                loop(state, kinds, list(b), found)

        return each_loop
    clause = Clause(part, scope)
    known, order, waiting = set(bound), [], list(clause.atoms)
    while waiting:
        waiting.sort(key=lambda one: _rank(one, known, fluents))
        chosen = waiting.pop(0)
        order.append((chosen, frozenset(known)))
        known |= chosen.slots()
    wanted = set(range(keep)).union(*(slots for slots, _ in clause.tests))
    loose = sorted(slot for slot in wanted - known if slot < len(scope.types))
    # Built from the inside out: each loop calls the one within it.
    tests, loop = list(clause.tests), _collect(keep)
    for slot in reversed(loose):
        inside = known | {each for each in loose if each < slot}
        ready = [each for each in tests if not each[0] <= inside]
        tests = [each for each in tests if each[0] <= inside]
        loop = _run_over_type(slot, scope.types[slot], [one for _, one in ready], loop)
    for one, before in reversed(order):
        ready = [each for each in tests if not each[0] <= before]
        tests = [each for each in tests if each[0] <= before]
        loop = _run_over_rows(one, before, scope, [each for _, each in ready], loop)
    return _guard([each for _, each in tests], loop)


def _rank(one: Literal, known: set[int], fluents: frozenset[str]) -> tuple[bool, bool, bool, int]:
    fresh = one.slots() - known
    linked = len(fresh) < len(one.terms)
    return bool(fresh), not linked, one.predicate not in fluents, len(fresh)


def _collect(keep: int) -> Loop:
    def collect(state: State, kinds: Kinds, b: Binding, found: Found) -> None:
        found.append(tuple(b[:keep]))  # type: ignore[arg-type]

    return collect


def _guard(tests: list[Test], loop: Loop) -> Loop:
    if not tests:
        return loop

    def guarded(state: State, kinds: Kinds, b: Binding, found: Found) -> None:
        for each in tests:
            if not each(state, kinds, b):
                return
        loop(state, kinds, b, found)

    return guarded


def _run_over_type(slot: int, kind: str, tests: list[Test], loop: Loop) -> Loop:
    inner = _guard(tests, loop)

    def run(state: State, kinds: Kinds, b: Binding, found: Found) -> None:
        for name in sorted(kinds.get(kind, ())):
            b[slot] = name
            inner(state, kinds, b, found)

    return run


def _run_over_rows(one: Literal, known: frozenset[int], scope: Scope, tests: list[Test], loop: Loop) -> Loop:
    predicate, terms = one.predicate, one.terms
    fixed = tuple(at for at, (slot, _) in enumerate(terms) if slot < 0 or slot in known)
    fresh: list[tuple[int, int]] = []
    repeated: list[tuple[int, int]] = []
    for at, (slot, _) in enumerate(terms):
        if at not in fixed:
            (repeated if slot in {each for _, each in fresh} else fresh).append((at, slot))
    checks = [(slot, scope.types[slot]) for _, slot in fresh if scope.types[slot] != ROOT]
    key_terms = [terms[at] for at in fixed]
    inner = _guard(tests, loop)

    if not fresh:

        def check(state: State, kinds: Kinds, b: Binding, found: Found) -> None:
            if tuple([b[slot] if slot >= 0 else constant for slot, constant in terms]) in state[predicate].rows:
                inner(state, kinds, b, found)

        return check

    single = key_terms[0] if len(key_terms) == 1 else None

    def run(state: State, kinds: Kinds, b: Binding, found: Found) -> None:
        if single is not None:
            key: Any = b[single.slot] if single.slot >= 0 else single.constant
        else:
            key = tuple([b[slot] if slot >= 0 else constant for slot, constant in key_terms])
        for row in state[predicate].index(fixed).get(key, ()):
            for at, slot in fresh:
                b[slot] = row[at]
            for at, slot in repeated:
                if b[slot] != row[at]:
                    break
            else:
                for slot, kind in checks:
                    if b[slot] not in kinds.get(kind, ()):
                        break
                else:
                    inner(state, kinds, b, found)

    return run
