"""Actions that would change nothing: Fast Downward has no operator for them, so TextWorld says "Nothing happens."."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .pddl import Atom, Condition, Junction, Schema
from .relations import Literal, Row, Scope, literal

Idle = Callable[[Row], bool]


def idleness(schema: Schema, scope: Scope) -> Idle | None:
    """Whether a binding makes an action idle: all that it adds is required already, and it removes only what it adds.

    Going to where one stands is the case in point. None where no binding can be idle.
    """
    required = [literal(each, scope) for each in _conjuncts(schema.condition)]
    effects = [each for each in schema.effects if not each.params]
    if len(effects) < len(schema.effects):
        return None
    added = [literal(each.atom, scope) for each in effects if not each.atom.negated]
    removed = [literal(each.atom, scope) for each in effects if each.atom.negated]
    excuses = [_matches(one, [each for each in required if not each.negated]) for one in added]
    excuses += [_matches(one, added) + _matches(one, [each for each in required if each.negated]) for one in removed]
    if not all(excuses):
        return None

    def idle(row: Row) -> bool:
        return all(any(all(row[i] == row[j] for i, j in pairs) for pairs in choices) for choices in excuses)

    return idle


def _matches(one: Literal, others: list[Literal]) -> list[list[tuple[int, int]]]:
    """For each literal that may be the same fact: the pairs of parameters that must then be the same thing."""
    found = []
    for other in others:
        if other.predicate == one.predicate and all(
            (a.slot >= 0) == (b.slot >= 0) and a.constant == b.constant
            for a, b in zip(one.terms, other.terms, strict=True)
        ):
            found.append([(a.slot, b.slot) for a, b in zip(one.terms, other.terms, strict=True) if a.slot != b.slot])
    return found


def _conjuncts(part: Condition) -> Iterator[Atom]:
    if isinstance(part, Atom):
        yield part
    elif isinstance(part, Junction) and part.every:
        for each in part.parts:
            yield from _conjuncts(each)
