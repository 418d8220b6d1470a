"""The side of the code under test: it loads the program, then calls what it is told to call. It knows no test.

Runs inside a sandbox after `wire`'s text, with `hear` and `say` (see ``Sandbox.talk``).
"""

from __future__ import annotations

import builtins
import linecache
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .wire import packed, plain, tagged, unpacked

    def hear() -> bytes | None:
        """See `Sandbox.talk`."""

    def say(message: bytes) -> None:
        """See `Sandbox.talk`."""


class Held:
    """The program's own objects, by number."""

    def __init__(self) -> None:
        """Nothing is held yet."""
        self.objects: list[Any] = []

    def keep(self, value: Any) -> int:
        """The number of an object; the same object, the same number."""
        for number, each in enumerate(self.objects):
            if each is value:
                return number
        self.objects.append(value)
        return len(self.objects) - 1

    def contents(self, arguments: list[Any]) -> dict[int, Any]:
        """What the arguments that a function may change hold now, by their places."""
        kinds = (list, set, dict, bytearray)
        return {place: tagged(each, self.keep) for place, each in enumerate(arguments) if isinstance(each, kinds)}


def candidate() -> None:
    """Serve until the other side hangs up."""
    first = hear()
    if first is None:
        return
    sys.set_int_max_str_digits(0)
    held, text = Held(), first.decode("utf-8", "surrogatepass")
    module = type(sys)("program")
    space = module.__dict__
    space["__builtins__"] = builtins
    sys.modules["program"] = module
    linecache.cache["program.py"] = (len(text), None, text.splitlines(keepends=True), "program.py")
    exec(compile(text, "program.py", "exec"), space)
    say(b"ready")
    while (data := hear()) is not None:
        question = unpacked(data)
        arguments = [plain(each, held.objects.__getitem__) for each in question["args"]]
        named = {key: plain(each, held.objects.__getitem__) for key, each in question["named"].items()}
        before = held.contents(arguments)
        try:
            value = DEEDS[question["do"]](space, question["on"], held, arguments, named)
            reply = {"value": tagged(value, held.keep)}
        except BaseException as error:
            reply = {"raised": type(error).__name__, "said": str(error)[:1000]}
        after = held.contents(arguments)
        reply["mutated"] = [[place, now] for place, now in after.items() if now != before.get(place)]
        say(packed(reply))


def call(space: dict[str, Any], name: Any, held: Held, args: list[Any], named: dict[str, Any]) -> Any:
    """Call a function of the program by name, or an object of it by number."""
    function = held.objects[name] if isinstance(name, int) else defined(space, name)
    return function(*args, **named)


def defined(space: dict[str, Any], name: str) -> Any:
    """What the program calls by that name."""
    if name not in space:
        raise NameError(f"name {name!r} is not defined")
    return space[name]


def get(space: dict[str, Any], number: int, held: Held, args: list[Any], named: dict[str, Any]) -> Any:
    """Read an attribute of an object."""
    return getattr(held.objects[number], args[0])


def put(space: dict[str, Any], number: int, held: Held, args: list[Any], named: dict[str, Any]) -> Any:
    """Set an attribute of an object."""
    setattr(held.objects[number], args[0], args[1])


def method(space: dict[str, Any], name: str, held: Held, args: list[Any], named: dict[str, Any]) -> Any:
    """Call a method of the program's class ``Solution``, or a function where it has no such class."""
    owner = space.get("Solution")
    function = getattr(owner(), name) if isinstance(owner, type) else defined(space, name)
    return function(*args, **named)


DEEDS: dict[str, Any] = {"call": call, "get": get, "put": put, "method": method}
