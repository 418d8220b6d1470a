"""Plain data as JSON with tags: how arguments and results cross between the code under test and its tests.

Only exact built-in types come out of `plain`; an object of another class crosses as a number that names it, so that no
method of a program under test (an ``__eq__`` that always agrees) ever runs where the verdict is made.
"""

from __future__ import annotations

import base64
import builtins
import itertools
import json
from collections.abc import Callable, Iterator, KeysView, ValuesView
from typing import Any

MOST = 1_000_000
"""Items of an iterator that are read at most."""

NAMED: dict[str, type] = {"l": list, "t": tuple, "s": set, "f": frozenset, "i": list}


def tagged(value: Any, keep: Callable[[Any], Any]) -> Any:
    """`value` as JSON-ready data; what is no built-in becomes ``{"o": keep(value)}``."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, complex):
        return {"c": [value.real, value.imag]}
    if isinstance(value, bytes | bytearray):
        return {"b": base64.b64encode(bytes(value)).decode(), "m": isinstance(value, bytearray)}
    for name, kind in (("l", list), ("t", tuple), ("s", set), ("f", frozenset)):
        if isinstance(value, kind):
            return {name: [tagged(each, keep) for each in items(value, kind)]}
    if isinstance(value, dict):
        return {"d": [[tagged(key, keep), tagged(item, keep)] for key, item in dict.items(value)]}
    if isinstance(value, range):
        return {"r": [value.start, value.stop, value.step]}
    if isinstance(value, Iterator | KeysView | ValuesView):
        return {"i": [tagged(each, keep) for each in itertools.islice(value, MOST)]}
    for name, kind in vars(builtins).items():
        if value is kind and isinstance(kind, type):
            return {"k": name}
    return {"o": keep(value)}


def items(value: Any, kind: Any) -> Any:
    """The members of a list, tuple or set as the built-in type gives them, whatever a subclass says."""
    return kind.__iter__(value)


def plain(data: Any, find: Callable[[Any], Any]) -> Any:
    """The inverse of `tagged`, made of exact built-in types alone; ``{"o": n}`` becomes ``find(n)``."""
    if not isinstance(data, dict):
        if isinstance(data, list):
            raise ValueError("a bare list")
        return data
    tag, body = next(iter(data.items()))
    if tag in NAMED:
        items = [plain(each, find) for each in body]
        return iter(items) if tag == "i" else NAMED[tag](items)
    if tag == "d":
        return {plain(key, find): plain(item, find) for key, item in body}
    if tag == "c":
        return complex(float(body[0]), float(body[1]))
    if tag == "b":
        raw = base64.b64decode(body)
        return bytearray(raw) if data["m"] else raw
    if tag == "r":
        return range(*(int(each) for each in body))
    if tag == "k" and isinstance(getattr(builtins, str(body), None), type):
        return getattr(builtins, body)
    if tag == "o":
        return find(body)
    raise ValueError(f"unknown tag {tag!r}")


def packed(message: Any) -> bytes:
    """One message as bytes."""
    return json.dumps(message).encode("utf-8", "surrogatepass")


def unpacked(data: bytes) -> Any:
    """One message from bytes."""
    return json.loads(data)
