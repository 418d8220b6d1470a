"""TextWorld's context-sensitive grammar (`.twl2`): from the facts of a state to the words that a player reads.

A production, made up: ``"open.feedback": [{"condition": "locked(r:receptacle)", "rhs": "The {r.name} is locked."},
{"rhs": "It opens. You see [{o.name | inreceptacle(o:object, r:receptacle)}]."}]``. The first whose condition has a
solution is taken; ``[...]`` makes a list of all solutions, in the order of the facts.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from ....trajectories.errors import Fault
from .expressions import expression, names_in
from .pddl import Malformed
from .query import Context, Query, read_query

_PART = re.compile(r'grammar\s*::\s*"""(?P<block>(?:.|\n)*?)"""\s*;|action\s+(?P<name>[\w/-]+)\s*\{')
_FIELD = re.compile(
    r'(?P<key>template|feedback|pddl|grammar)\s*::\s*(?:"""(?P<block>(?:.|\n)*?)"""|"(?P<text>[^"]*)")\s*;|(?P<end>\})'
)
_SPACE = re.compile(r"(?:\s+|#[^\n]*)*")

# TextWorld's parser takes white space at the start of a line, and tabs, for no part of the text.
_IGNORED = re.compile(r"(?:^(?://.*|\s*)\n?|\t+)", re.MULTILINE)
# A sentence of plain words; one with brackets or signs of the grammar's own is read with all the rest.
_TASK = re.compile(r"Your task is to: ([^\"\\;|<>\[\]#{}\n/\t]*)\"")
_MARK = "@@TASK@@"
_TAG = re.compile(r"#([\w()/!<>\-\s,.]+)#")
_EACH = re.compile(r"\{(?:#([\w()/!<>\-\s,.]+)#|([^|\[\]{}\n<>]+))(?:\s*\|\s*([^;|{}\n\[\]#]+))?\}")
_TEXT = re.compile(r'"([^;|"<>\[\]#{}]*)"|([^;|"<>\[\]#{}]+)')


class Text(NamedTuple):
    """Words as they stand."""

    words: str


class Call(NamedTuple):
    """``#name#``: what the productions of that name derive here."""

    name: str


class Value(NamedTuple):
    """``{o.name}``: an expression over the things that are bound here."""

    source: str


class Each(NamedTuple):
    """``{... | query}``: once for every solution of the query; as a list, with commas, in ``[...]``."""

    inner: Call | Value
    query: str
    listed: bool


Symbol = Text | Call | Value | Each


@lru_cache(maxsize=4096)
def read_symbols(text: str) -> tuple[Symbol, ...]:
    """Parse a right-hand side.

    Like TextWorld's parser, it reads as far as it understands: what follows a stray bracket is no part of the text.
    """
    symbols: list[Symbol] = []
    at = 0
    while True:
        at = _skip(text, at)
        found, at = _symbol(text, at)
        if found is None:
            return tuple(symbols)
        symbols.append(found)


def _skip(text: str, at: int) -> int:
    while (match := _IGNORED.match(text, at)) and match.end() > at:
        at = match.end()
    return at


def _symbol(text: str, at: int) -> tuple[Symbol | None, int]:
    listed = text.startswith("[", at)
    if listed or text.startswith("{", at):
        match = _EACH.match(text, at + listed)
        if match is None or (listed and not text.startswith("]", match.end())):
            return None, at
        tag, source, query = match.groups()
        inner = Call(tag) if tag else Value(source)
        if not listed and query is None:
            return inner, match.end()
        return Each(inner, (query or "").strip(), listed), match.end() + listed
    if match := _TAG.match(text, at):
        return Call(match[1]), match.end()
    match = _TEXT.match(text, at)
    if match is None:
        return None, at
    return Text(match[1] if match[1] is not None else match[2]), match.end()


class Production(NamedTuple):
    """One way to say something, where its condition has a solution."""

    condition: Query | None
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """Productions by name, and each action's command template and feedback."""

    productions: Mapping[str, tuple[Production, ...]]
    templates: Mapping[str, tuple[Symbol, ...]]
    feedback: Mapping[str, tuple[Symbol, ...]]
    asks: frozenset[tuple[str, int]] = frozenset()
    """The predicates that any text depends on, each with how many arguments it is given."""

    @property
    def reads(self) -> frozenset[str]:
        """The predicates that any text depends on."""
        return frozenset(name for name, _ in self.asks)

    def derive(self, symbols: tuple[Symbol, ...], context: Context) -> str:
        """The words that `symbols` stand for in `context`."""
        return "".join(self._pieces(symbols, context))

    def say(self, name: str, context: Context) -> str:
        """The words of the productions called `name`."""
        return "".join(self._call(name, context))

    def _call(self, name: str, context: Context) -> Iterator[str]:
        for production in self.productions[name]:
            if production.condition is None or any(True for _ in production.condition.solve(context)):
                return self._pieces(production.symbols, context)
        raise Fault("env", f"grammar: no production of #{name}# applies")

    def _pieces(self, symbols: tuple[Symbol, ...], context: Context) -> Iterator[str]:
        for symbol in symbols:
            match symbol:
                case Text(words):
                    yield words
                case Call(name):
                    yield from self._call(name, context)
                case Value(source):
                    yield expression(source)(context.things)
                case Each(inner, query, listed):
                    solved = read_query(query).solve(context) if query else [context]
                    items = ["".join(self._pieces((inner,), each)) for each in solved]
                    yield self._list(items, context) if listed else "".join(items)

    def _list(self, items: list[str], context: Context) -> str:
        if not items:
            return self.say("list_empty", context)
        if len(items) == 1:
            return items[0]
        separator, last = self.say("list_separator", context), self.say("list_last_separator", context)
        return separator.join(items[:-1]) + last + items[-1]


@lru_cache(maxsize=512)
def _block(text: str) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """A JSON block as (name, ((condition, right-hand side), ...)); blocks are shared by thousands of games."""
    kept = "\n".join(line for line in textwrap.dedent(text).split("\n") if not line.lstrip().startswith("#"))
    try:
        # Upstream writes control characters into its strings; TextWorld's reader meets them already decoded.
        read = json.loads(kept)
        return tuple(
            (name, tuple((rule.get("condition", ""), rule["rhs"]) for rule in rules)) for name, rules in read.items()
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Malformed(f"grammar: a block is not JSON of productions ({error})") from error


@lru_cache(maxsize=4096)
def _production(condition: str, rhs: str) -> Production:
    return Production(read_query(condition) if condition else None, read_symbols(rhs))


def read_grammar(text: str) -> Grammar:
    """Parse a `.twl2` file.

    The grammars of one release differ only in the sentence of the task, so the rest is read once.

    Raises:
        Malformed: no grammar in it, or a text is asked for that has no production.
    """
    task = _TASK.search(text)
    if task is None or _MARK in text:
        return _read(text)
    shape = _read(text[: task.start(1)] + _MARK + text[task.end(1) :])
    productions = dict(shape.productions)
    for name, productions_of in shape.productions.items():
        if any(_MARK in symbol.words for each in productions_of for symbol in each.symbols if isinstance(symbol, Text)):
            productions[name] = tuple(_with_task(each, task[1]) for each in productions_of)
    return Grammar(productions, shape.templates, shape.feedback, shape.asks)


def _with_task(production: Production, sentence: str) -> Production:
    symbols: list[Symbol] = []
    for symbol in production.symbols:
        if isinstance(symbol, Text) and _MARK in symbol.words:
            symbols.append(Text(symbol.words.replace(_MARK, sentence)))
        else:
            symbols.append(symbol)
    return Production(production.condition, tuple(symbols))


@lru_cache(maxsize=16)
def _read(text: str) -> Grammar:
    productions: dict[str, tuple[Production, ...]] = {}
    templates: dict[str, tuple[Symbol, ...]] = {}
    feedback: dict[str, tuple[Symbol, ...]] = {}

    def take(block: str) -> None:
        for name, rules in _block(block):
            productions[name] = tuple(_production(*each) for each in rules)

    at = _after_space(text, 0)
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise Malformed(f"grammar: expected 'grammar ::' or 'action', found {text[at : at + 40]!r}")
        at = _after_space(text, part.end())
        if part["name"] is None:
            take(part["block"])
            continue
        name = part["name"].lower()
        while True:
            entry = _FIELD.match(text, at)
            if entry is None:
                raise Malformed(f"grammar: action {name}: found {text[at : at + 40]!r}")
            at = _after_space(text, entry.end())
            if entry["end"]:
                break
            if entry["key"] == "grammar":
                take(entry["block"])
            elif entry["key"] != "pddl":
                (templates if entry["key"] == "template" else feedback)[name] = read_symbols(entry["text"] or "")
    asks = frozenset(_check(productions, templates, feedback))
    return Grammar(productions, templates, feedback, asks)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _check(
    productions: Mapping[str, tuple[Production, ...]],
    templates: Mapping[str, tuple[Symbol, ...]],
    feedback: Mapping[str, tuple[Symbol, ...]],
) -> Iterator[tuple[str, int]]:
    """Follow every text from the intro and the actions; the predicates read on the way, with their arguments' number."""
    waiting: list[tuple[Symbol, ...]] = [(Call("intro"),), *templates.values(), *feedback.values()]
    seen: set[str] = set()
    while waiting:
        for symbol in waiting.pop():
            inner: Any = symbol
            if isinstance(symbol, Each):
                inner = symbol.inner
                if symbol.query:
                    yield from read_query(symbol.query).asks
                if symbol.listed:
                    waiting.append((Call("list_empty"), Call("list_separator"), Call("list_last_separator")))
            if isinstance(inner, Value):
                expression(inner.source)
            elif isinstance(inner, Call) and inner.name not in seen:
                seen.add(inner.name)
                if inner.name not in productions:
                    raise Malformed(f"grammar: nothing says #{inner.name}#")
                for production in productions[inner.name]:
                    if production.condition:
                        yield from production.condition.asks
                    waiting.append(production.symbols)


def holes(symbols: tuple[Symbol, ...]) -> frozenset[str]:
    """The variables that a command template's words depend on."""
    used: set[str] = set()
    for symbol in symbols:
        if isinstance(symbol, Value):
            used |= names_in(symbol.source)
        elif isinstance(symbol, Each):
            used |= {name for name, _ in read_query(symbol.query).placeholders} if symbol.query else set()
            if isinstance(symbol.inner, Value):
                used |= names_in(symbol.inner.source)
    return frozenset(used)
