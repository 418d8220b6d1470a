"""The few Python expressions of ALFWorld's grammar, such as ``o.indefinite + ' ' + o.name``, read without `eval`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from ....trajectories.errors import Fault
from .pddl import Malformed


class Entity(NamedTuple):
    """A thing as texts name it."""

    id: str
    type: str
    name: str
    definite: str = "the"
    indefinite: str = "a"


Expression = Callable[[Mapping[str, Entity]], str]


@lru_cache(maxsize=1024)
def expression(source: str) -> Expression:
    """Compile names, their attributes, text constants, ``+`` and ``or``; nothing else is understood.

    Raises:
        Malformed: any other Python.
    """
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise Malformed(f"{{{source}}} is no expression") from error
    return _build(tree.body, source)


def _thing(things: Mapping[str, Entity], name: str, source: str) -> Entity:
    if name not in things:
        raise Fault("env", f"grammar: {name!r} in {{{source}}} stands for nothing here")
    return things[name]


def _build(node: ast.expr, source: str) -> Expression:
    match node:
        case ast.Constant(value=str(text)):
            return lambda things: text
        case ast.Name(id=name):
            return lambda things: _thing(things, name, source).name
        case ast.Attribute(value=ast.Name(id=name), attr=("id" | "type" | "name" | "definite" | "indefinite") as attr):
            at = Entity._fields.index(attr)
            return lambda things: str(_thing(things, name, source)[at])
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _build(left, source), _build(right, source)
            return lambda things: first(things) + second(things)
        case ast.BoolOp(op=ast.Or(), values=values):
            choices = [_build(each, source) for each in values]
            return lambda things: next(filter(None, (each(things) for each in choices)), choices[-1](things))
        case _:
            raise Malformed(f"{{{source}}}: only names, their attributes, texts, + and 'or' are understood")


@lru_cache(maxsize=1024)
def names_in(source: str) -> frozenset[str]:
    """The variables that an expression reads."""
    return frozenset(node.id for node in ast.walk(ast.parse(source.strip(), mode="eval")) if isinstance(node, ast.Name))
