"""The grammar's queries over a state's facts: ``atlocation(a:agent, l:location) & opened(r:receptacle)``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from .expressions import Entity
from .pddl import Malformed
from .relations import EMPTY, Row, State

_PREDICATE = re.compile(r"\s*(!?[\w/]+)\s*\(([^()]*)\)\s*")
_PLACEHOLDER = re.compile(r"\s*([\w']+)\s*(?::\s*([\w/-]+)\s*)?$")

Placeholder = tuple[str, str]


class Context(NamedTuple):
    """What is bound where a text is derived."""

    state: State
    entities: Mapping[str, Entity]
    subtypes: Mapping[str, frozenset[str]]
    bound: Mapping[Placeholder, str]
    """Object ids by placeholder (name and type)."""
    things: Mapping[str, Entity]
    """What expressions see, by name."""

    def bind(self, bound: dict[Placeholder, str]) -> Context:
        """This context with `bound` in place of its bindings."""
        things = dict(self.things)
        for placeholder, id in bound.items():
            things[placeholder[0]] = self.entities[id]
        return self._replace(bound=bound, things=things)


class Goal(NamedTuple):
    """One predicate of a query."""

    predicate: str
    placeholders: tuple[Placeholder, ...]


class Query(NamedTuple):
    """Predicates that must all hold. Distinct placeholders stand for distinct things, as in TextWorld."""

    goals: tuple[Goal, ...]

    @property
    def predicates(self) -> Iterator[str]:
        """What it reads."""
        return (goal.predicate for goal in self.goals)

    @property
    def asks(self) -> Iterator[tuple[str, int]]:
        """What it reads, with the number of arguments."""
        return ((goal.predicate, len(goal.placeholders)) for goal in self.goals)

    @property
    def placeholders(self) -> Iterator[Placeholder]:
        """What it binds or tests."""
        return (each for goal in self.goals for each in goal.placeholders)

    def solve(self, context: Context) -> Iterator[Context]:
        """The contexts in which all holds, ordered by the facts' arguments, first predicate first."""
        bound = dict(context.bound)
        used = set(bound.values())
        for solution in self._solve(0, context, bound, used):
            yield context.bind(solution)

    def _solve(
        self, depth: int, context: Context, bound: dict[Placeholder, str], used: set[str]
    ) -> Iterator[dict[Placeholder, str]]:
        if depth == len(self.goals):
            yield dict(bound)
            return
        goal = self.goals[depth]
        placeholders = goal.placeholders
        fixed = tuple([at for at, each in enumerate(placeholders) if each in bound])
        if len(fixed) == 1:
            key: str | Row = bound[placeholders[fixed[0]]]
        else:
            key = tuple([bound[placeholders[at]] for at in fixed])
        rows = context.state.get(goal.predicate, EMPTY).index(fixed).get(key, ())
        for row in rows:
            fresh: list[Placeholder] = []
            for placeholder, value in zip(placeholders, row, strict=True):
                if context.entities[value].type not in context.subtypes.get(placeholder[1], ()):
                    break
                existing = bound.get(placeholder)
                if existing is None:
                    if value in used:
                        break
                    bound[placeholder] = value
                    used.add(value)
                    fresh.append(placeholder)
                elif existing != value:
                    break
            else:
                yield from self._solve(depth + 1, context, bound, used)
            for placeholder in fresh:
                used.discard(bound.pop(placeholder))


@lru_cache(maxsize=1024)
def read_query(text: str) -> Query:
    """Parse ``p(x:type, ...) & q(...)``.

    Raises:
        Malformed: anything else.
    """
    goals = []
    for part in text.split("&"):
        match = _PREDICATE.fullmatch(part)
        if match is None:
            raise Malformed(f"grammar: {text!r} is no query")
        goals.append(Goal(match[1], tuple(_placeholder(each, text) for each in match[2].split(",") if each.strip())))
    return Query(tuple(goals))


def _placeholder(text: str, query: str) -> Placeholder:
    match = _PLACEHOLDER.match(text)
    if match is None:
        raise Malformed(f"grammar: {text!r} is no placeholder in {query!r}")
    return match[1], match[2] or match[1]
