"""The judge: tests in one sandbox, the program in another, and only plain data in between.

The program never holds the tests or the expected values, so it can neither read nor change them, nor forge a verdict:
leaving early, overriding `assert`'s helpers, printing markers and answering with objects that equal everything all
come to nothing. The tests' sandbox runs the benchmark's code alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ....trajectories.errors import Fault
from ...sandboxes import Completed, Sandbox, Talk

CALLS = 100_000
"""Calls of one test at most."""


@dataclass(frozen=True, slots=True)
class Test:
    """One test: Python text that asserts.

    Attributes:
        text: The test itself.
        names: Names in it that the program under test defines.
        context: Text run before it on the tests' side (helpers that the task statement gives).
        modules: Standard modules that it takes for imported.
    """

    text: str
    names: tuple[str, ...]
    context: str = ""
    modules: tuple[str, ...] = ()


@cache
def side(name: str) -> str:
    """The text of one side, "candidate" or "examiner", with the wire before it."""
    folder = Path(__file__).parent
    parts = [(folder / f"{each}.py").read_text(encoding="utf-8") for each in ("wire", name)]
    future = "from __future__ import annotations\n"
    return future + "\n".join(part.replace(future, "") for part in parts) + f"\n{name}()\n"


def examine(program: str, test: Test, box: Sandbox, tests_box: Sandbox, *, cpu_s: float) -> str:
    """Run one test of `program`: "pass", else why not.

    Args:
        program: The whole program under test.
        test: The test.
        box: A sandbox for the program; processes of it end with this call.
        tests_box: Another, in which no agent's code has ever run.
        cpu_s: CPU seconds that the program may use.

    Raises:
        Fault: a sandbox broke (boundary "sandbox"), or the tests' side did (boundary "grader").
    """
    if box is tests_box:
        raise Fault("grader", "the tests need a sandbox of their own")
    talk = box.talk(side("candidate"), cpu_s=cpu_s)
    ready = talk.ask(program.encode("utf-8", "surrogatepass"))
    if isinstance(ready, Completed):
        return f"ended while loading: {_how(ready)}"
    judge = tests_box.talk(side("examiner"))
    job = {"context": test.context, "modules": test.modules, "names": test.names, "test": test.text}
    verdict = _relay(judge, talk, json.dumps(job).encode())
    judge.end()
    return verdict


def _relay(judge: Talk, talk: Talk, said: bytes) -> str:
    gone = b""
    for _ in range(CALLS):
        told = judge.ask(said)
        if isinstance(told, Completed):
            raise Fault("grader", f"the tests' side ended with status {told.code}: {told.text[-300:]}")
        if told[:1] == b"v":
            return told[1:].decode("utf-8", "replace")
        if not gone:
            reply = talk.ask(told[1:])
            if not isinstance(reply, Completed):
                said = reply
                continue
            gone = f"the program ended: {_how(reply)}".encode()
        said = gone
    return f"wrong: more than {CALLS} calls"


def call(program: str, name: str, arguments: list[Any], box: Sandbox, *, cpu_s: float) -> tuple[bool, Any]:
    """Call one function of `program` (or method of its class ``Solution``) with plain arguments.

    Returns:
        Whether it answered with plain data, and the answer or why there is none.

    Raises:
        Fault: the sandbox broke.
    """
    from .wire import packed, plain, tagged, unpacked

    talk = box.talk(side("candidate"), cpu_s=cpu_s)
    ready = talk.ask(program.encode("utf-8", "surrogatepass"))
    if isinstance(ready, Completed):
        return False, f"ended while loading: {_how(ready)}"
    question = {"do": "method", "on": name, "args": [tagged(each, str) for each in arguments], "named": {}}
    reply = talk.ask(packed(question))
    if isinstance(reply, Completed):
        return False, f"ended: {_how(reply)}"
    talk.end()
    try:
        answer = unpacked(reply)
        if "raised" in answer:
            return False, f"raised {answer['raised']}: {answer['said']}"
        return True, plain(answer["value"], lambda number: None)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, StopIteration):
        return False, "its answer is not plain data"


def _how(ended: Completed) -> str:
    if ended.cpu_exceeded:
        return "it used up its CPU seconds"
    if ended.timed_out:
        return "it ran out of time"
    last = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"status {ended.code}" + (f", {last[-1][:200]}" if last else "")
