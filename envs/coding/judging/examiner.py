"""The side of the tests: it runs them in a sandbox of their own, where the names under test stand for the other side.

Runs after `wire`'s text, with `hear` and `say`. Every message out begins with one letter: c (a call for the other
side), v (the verdict: "pass", or why not).
"""

from __future__ import annotations

import builtins
import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .wire import packed, plain, tagged, unpacked

    def hear() -> bytes | None:
        """See `Sandbox.talk`."""

    def say(message: bytes) -> None:
        """See `Sandbox.talk`."""


class Gone(BaseException):
    """The program under test has ended; not an `Exception`, so that no test can take it for an answer."""


class Far:
    """An object of the program under test. It equals itself alone: its class's own methods have no say here."""

    def __init__(self, number: Any) -> None:
        """`number` names it on the other side; a text names a function there."""
        object.__setattr__(self, "_number", number)

    def __getattr__(self, name: str) -> Any:
        """Ask the other side."""
        if name.startswith("__"):
            raise AttributeError(name)
        return ask("get", self._number, [name], {})

    def __setattr__(self, name: str, value: Any) -> None:
        """Tell the other side."""
        ask("put", self._number, [name, value], {})

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call it there; lists, sets and dicts that it changed are changed here too."""
        return ask("call", self._number, list(args), named)


def far(value: Any) -> Any:
    """How an object of ours crosses: only one that came from there can."""
    if isinstance(value, Far):
        return value._number
    raise TypeError(f"a {type(value).__name__} cannot be handed to the program under test")


def ask(do: str, on: Any, args: list[Any], named: dict[str, Any]) -> Any:
    """One call on the other side, through the host."""
    question = {
        "do": do,
        "on": on,
        "args": [tagged(each, far) for each in args],
        "named": {key: tagged(each, far) for key, each in named.items()},
    }
    say(b"c" + packed(question))
    data = hear()
    if data is None or not data.startswith(b"{"):
        raise Gone((data or b"it is gone").decode("utf-8", "replace"))
    try:
        reply = unpacked(data)
        changed = [(place, plain(now, Far)) for place, now in reply["mutated"]]
        value = None if "raised" in reply else plain(reply["value"], Far)
        raised = reply.get("raised")
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, StopIteration) as error:
        raise Gone(f"its answer is not plain data ({type(error).__name__})") from None
    for place, now in changed:
        if place in range(len(args)) and type(now) is type(args[place]):
            renew(args[place], now)
    if raised is not None:
        known = getattr(builtins, str(raised), None)
        kind = known if isinstance(known, type) and issubclass(known, Exception) else RuntimeError
        raise RuntimeError(raised) if kind in (UnicodeDecodeError, UnicodeEncodeError) else kind(reply.get("said", ""))
    return value


def renew(old: Any, new: Any) -> None:
    """Give a list, set, dict or bytearray another content."""
    if isinstance(old, list | bytearray):
        old[:] = new
    elif isinstance(old, set | dict):
        old.clear()
        old.update(new)


def examiner() -> None:
    """Run one test and say the verdict."""
    first = hear()
    if first is None:
        return
    sys.set_int_max_str_digits(0)
    job = unpacked(first)
    space: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}
    try:
        exec(compile(job["context"], "context.py", "exec"), space)
        for name in job["modules"]:
            space[name] = importlib.import_module(name)
        for name in job["names"]:
            space[name] = Far(name)
        exec(compile(job["test"], "test.py", "exec"), space)
        verdict = "pass"
    except Gone as error:
        verdict = f"ended: {error}"
    except AssertionError:
        verdict = "wrong"
    except BaseException as error:
        verdict = f"raised {type(error).__name__}: {str(error)[:200]}"
    say(b"v" + verdict.encode("utf-8", "replace"))
