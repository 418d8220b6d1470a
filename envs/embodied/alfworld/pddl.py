"""PDDL as ALFWorld's games use it: text into a domain (schemas) and a problem (objects, facts, goal).

The dialect is the one that Fast Downward's translator reads: STRIPS with types, negation, disjunction, quantifiers,
conditional and universal effects, action costs. A row of a problem, made up::

    (:objects agent1 - agent  Mug_bar__plus_01 - object  loc_bar_1_bar_2 - location)
    (:init (atLocation agent1 loc_bar_1_bar_2) (objectType Mug_bar__plus_01 MugType))
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

ROOT = "object"
"""The type that every other is a kind of, as in PDDL."""

_COMMENT = re.compile(r";[^\n]*")


class Malformed(Exception):
    """The text is not PDDL that we read; the caller adds the file's name."""


class Atom(NamedTuple):
    """``(pred arg ...)``, or its negation; an argument that starts with ``?`` is a variable."""

    predicate: str
    args: tuple[str, ...]
    negated: bool = False


class Junction(NamedTuple):
    """A conjunction (`every`) or a disjunction of conditions."""

    every: bool
    parts: tuple[Any, ...]


class Quantified(NamedTuple):
    """``forall`` (`every`) or ``exists`` over typed variables."""

    every: bool
    params: tuple[tuple[str, str], ...]
    part: Any


Condition = Atom | Junction | Quantified


class Effect(NamedTuple):
    """What an action changes: `atom` becomes true (or false) for all `params` where `when` held before."""

    atom: Atom
    params: tuple[tuple[str, str], ...] = ()
    when: Condition | None = None


class Schema(NamedTuple):
    """One ``:action``."""

    name: str
    params: tuple[tuple[str, str], ...]
    condition: Condition
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """What may be the case, and what may be done."""

    name: str
    types: dict[str, frozenset[str]]
    """Every type with itself and all its subtypes."""
    arity: dict[str, int]
    schemas: tuple[Schema, ...]
    fluents: frozenset[str]
    """The predicates that some action changes."""
    constants: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One situation: `objects` with their types, the `facts` that hold, the `mentioned` names, the `goal`."""

    name: str
    objects: dict[str, str]
    facts: dict[str, list[tuple[str, ...]]]
    mentioned: frozenset[str]
    goal: Condition


def nested(text: str) -> list[Any]:
    """One parenthesised expression as nested lists of lower-case words.

    Raises:
        Malformed: brackets do not match, or text follows the last one.
    """
    stack: list[list[Any]] = [[]]
    spaced = _COMMENT.sub("", text).lower().replace("(", " ( ").replace(")", " ) ").replace("?", " ?")
    for token in spaced.split():
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                raise Malformed("a ')' without its '('")
            done = stack.pop()
            stack[-1].append(done)
        else:
            # One object a name: the same words come again in thousands of games.
            stack[-1].append(sys.intern(token))
    if len(stack) > 1:
        raise Malformed(f"{len(stack) - 1} '(' without ')': the text is cut off")
    if len(stack[0]) != 1 or not isinstance(stack[0][0], list):
        raise Malformed("expected one (define ...)")
    whole: list[Any] = stack[0][0]
    return whole


def typed(words: Sequence[Any], default: str = ROOT) -> Iterator[tuple[str, str]]:
    """``a b - kind c`` as pairs of name and type."""
    waiting: list[str] = []
    remaining = iter(words)
    for word in remaining:
        if not isinstance(word, str):
            raise Malformed(f"expected a name, found {show(word)}")
        if word == "-":
            kind = next(remaining, None)
            if not isinstance(kind, str):
                raise Malformed("a '-' without a type")
            yield from ((name, kind) for name in waiting)
            waiting = []
        else:
            waiting.append(word)
    yield from ((name, default) for name in waiting)


def show(expression: Any) -> str:
    """An expression as text, for messages."""
    if isinstance(expression, str):
        return expression
    text = "(" + " ".join(show(each) for each in expression) + ")"
    return text if len(text) <= 80 else text[:77] + "..."


def condition(words: Any, arity: dict[str, int], negated: bool = False) -> Condition:
    """A condition with every negation pushed down to its atoms."""
    if not isinstance(words, list):
        raise Malformed(f"expected a condition, found {show(words)}")
    if not words:
        return Junction(True, ())
    tag, rest = words[0], words[1:]
    if tag == "not" and len(rest) == 1:
        return condition(rest[0], arity, not negated)
    if tag in ("and", "or"):
        return junction((tag == "and") != negated, [condition(each, arity, negated) for each in rest])
    if tag == "imply" and len(rest) == 2:
        return junction(negated, [condition(rest[0], arity, not negated), condition(rest[1], arity, negated)])
    if tag in ("forall", "exists") and len(rest) == 2:
        return Quantified((tag == "forall") != negated, tuple(typed(rest[0])), condition(rest[1], arity, negated))
    return atom(words, arity, negated)


def _named(words: Any) -> list[Any]:
    if not isinstance(words, list) or not words or not isinstance(words[0], str):
        raise Malformed(f"expected (name ...), found {show(words)}")
    return words


def junction(every: bool, parts: list[Condition]) -> Condition:
    """A conjunction or disjunction, flat, without a shell around a single part."""
    flat: list[Condition] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Junction) and part.every == every else [part])
    return flat[0] if len(flat) == 1 else Junction(every, tuple(flat))


def atom(words: list[Any], arity: dict[str, int], negated: bool = False) -> Atom:
    """One atom, its predicate declared and with as many arguments as declared."""
    name, args = words[0], words[1:]
    if not isinstance(name, str) or not all(isinstance(each, str) for each in args):
        raise Malformed(f"expected an atom, found {show(words)}")
    if name not in arity:
        raise Malformed(f"unknown predicate {name!r} in {show(words)}")
    if arity[name] != len(args):
        raise Malformed(f"predicate {name!r} takes {arity[name]} arguments, not {len(args)}: {show(words)}")
    return Atom(name, tuple(args), negated)


def effects(words: Any, arity: dict[str, int]) -> Iterator[Effect]:
    """The effects of an action, costs left out (no text and no goal depends on them)."""
    if not isinstance(words, list) or not words:
        raise Malformed(f"expected an effect, found {show(words)}")
    tag, rest = words[0], words[1:]
    if tag == "and":
        for each in rest:
            yield from effects(each, arity)
    elif tag == "forall" and len(rest) == 2:
        params = tuple(typed(rest[0]))
        yield from (each._replace(params=params + each.params) for each in effects(rest[1], arity))
    elif tag == "when" and len(rest) == 2:
        yield from (each._replace(when=condition(rest[0], arity)) for each in effects(rest[1], arity))
    elif tag == "not" and len(rest) == 1:
        yield Effect(atom(rest[0], arity, negated=True))
    elif tag != "increase":
        yield Effect(atom(words, arity))


def schema(words: list[Any], arity: dict[str, int]) -> Schema:
    """One ``(:action name :parameters ... :precondition ... :effect ...)``."""
    keys = words[2::2]
    known = all(isinstance(each, str) and each in (":parameters", ":precondition", ":effect") for each in keys)
    if len(words) < 2 or len(words) % 2 or not isinstance(words[1], str) or not known:
        raise Malformed(f"expected an action, found {show(words)}")
    fields = dict(zip(keys, words[3::2], strict=True))
    return Schema(
        words[1],
        tuple(typed(fields.get(":parameters", []))),
        condition(fields.get(":precondition", []), arity),
        tuple(effects(fields.get(":effect", ["and"]), arity)),
    )


@lru_cache(maxsize=32)
def read_domain(text: str) -> Domain:
    """Parse a domain; games share theirs, so it is kept.

    Raises:
        Malformed: not PDDL, or of a feature that is not played here (derived predicates).
    """
    whole = nested(text)
    if len(whole) < 2 or whole[0] != "define" or _named(whole[1])[0] != "domain" or len(whole[1]) != 2:
        raise Malformed("expected (define (domain NAME) ...)")
    parents: dict[str, str] = {ROOT: ROOT}
    arity = {"=": 2}
    constants: list[tuple[str, str]] = []
    schemas: list[Schema] = []
    for section in whole[2:]:
        if not isinstance(section, list) or not section:
            raise Malformed(f"expected a section, found {show(section)}")
        tag = section[0]
        if tag == ":types":
            parents |= dict(typed(section[1:]))
        elif tag == ":constants":
            constants.extend(typed(section[1:]))
        elif tag == ":predicates":
            arity |= {name: len(list(typed(words))) for name, *words in map(_named, section[1:])}
        elif tag == ":action":
            schemas.append(schema(section, arity))
        elif tag not in (":requirements", ":functions"):
            raise Malformed(f"section {tag} is not played here")
    fluents = frozenset(each.atom.predicate for one in schemas for each in one.effects)
    # An action without an effect is no operator for the planner, so it is none here.
    acting = tuple(each for each in schemas if each.effects)
    return Domain(whole[1][1], _closure(parents), arity, acting, fluents, tuple(constants))


def _closure(parents: dict[str, str]) -> dict[str, frozenset[str]]:
    below: dict[str, set[str]] = {kind: {kind} for kind in parents}
    for kind in parents:
        above, seen = parents[kind], {kind}
        while above not in seen:
            below.setdefault(above, {above}).add(kind)
            seen.add(above)
            above = parents.get(above, ROOT)
    return {kind: frozenset(kinds) for kind, kinds in below.items()}


def read_problem(text: str, domain: Domain) -> Problem:
    """Parse a problem of `domain`.

    Raises:
        Malformed: not PDDL, of another domain, an undeclared predicate or object, or no goal.
    """
    whole = nested(text)
    if len(whole) < 3 or whole[0] != "define" or _named(whole[1])[0] != "problem" or len(whole[1]) != 2:
        raise Malformed("expected (define (problem NAME) ...)")
    sections = {name: words for name, *words in map(_named, whole[2:])}
    if sections.get(":domain") != [domain.name]:
        raise Malformed(f"a problem of domain {show(sections.get(':domain', []))}, not of {domain.name}")
    for needed in (":init", ":goal"):
        if needed not in sections:
            raise Malformed(f"no {needed} section")
    if len(sections[":goal"]) != 1:
        raise Malformed(f"expected one goal, found {len(sections[':goal'])}")
    objects = dict(domain.constants) | dict(typed(sections.get(":objects", [])))
    facts: dict[str, list[tuple[str, ...]]] = {}
    mentioned: set[str] = set()
    for words in sections[":init"]:
        if not isinstance(words, list) or not words:
            raise Malformed(f"expected a fact, found {show(words)}")
        if words[0] == "=":
            # (= (distance a b) 5): a cost changes no word, but its places take part in the numbering of names.
            mentioned.update(*(each[1:] for each in words[1:2] if isinstance(each, list)))
            continue
        row = tuple(words[1:])
        # Checked at length only where something is wrong: a problem has hundreds of facts.
        if list in map(type, words) or domain.arity.get(words[0]) != len(row):
            row = atom(words, domain.arity).args
        facts.setdefault(words[0], []).append(row)
        mentioned.update(row)
    strangers = mentioned - objects.keys()
    if strangers:
        raise Malformed(f"undeclared object {min(strangers)!r} in :init")
    goal = condition(sections[":goal"][0], domain.arity)
    return Problem(whole[1][1], objects, facts, frozenset(mentioned), goal)


def atoms(part: Condition) -> Iterator[Atom]:
    """Every atom in a condition."""
    if isinstance(part, Atom):
        yield part
    elif isinstance(part, Junction):
        for each in part.parts:
            yield from atoms(each)
    else:
        yield from atoms(part.part)
