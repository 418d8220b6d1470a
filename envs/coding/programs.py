"""A world where one writes a program, runs it, sees what it prints, and submits it to tests that stay hidden."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, NotRequired, Unpack

from ..core import Outcome, Standard, Task, TextEnv
from ..sandboxes import Completed, Limits, Sandbox, open_sandbox, shown
from .judging import Test, examine

FENCE = re.compile(r"(?P<marks>`{3,})(?P<kind>[A-Za-z0-9]*)[ \t]*\r?\n(?P<body>.*?)\r?\n?(?P=marks)", re.DOTALL)
BEGIN = re.compile(r"\[BEGIN\]\s*?\n(.*?)\n?\s*\[DONE\]", re.DOTALL)
SUBMIT = re.compile(r"submit\b\s*(.*)", re.DOTALL | re.IGNORECASE)
PYTHON = ("", "python", "py", "python3")
SHOWN = 8_000
"""Bytes of a program's output that an observation shows."""

MANUAL = """Write a Python program in a fenced block to run it, or `submit` to hand in the last one.
One action is one of:
- a block ```python ... ``` : the program is run in an empty folder and you see what it prints{public}.
  A second block ```stdin ... ``` gives it input.
- submit : the last program that you ran is judged by hidden tests; the episode ends.
- submit followed by a block ```python ... ``` : that program is judged; the episode ends.
Each run starts afresh: no files, variables or processes of an earlier run are left.
Only Python's standard library is there."""


class ProgramsOptions(Standard):
    """Keyword arguments that these worlds share."""

    sandbox: NotRequired[str]
    memory_mb: NotRequired[int]


class AssertedOptions(ProgramsOptions):
    """The same, with the CPU seconds of a test."""

    cpu_s: NotRequired[float]


class Verdict(NamedTuple):
    """What the hidden tests say of a program: `score` 0..1, `success`, and how many of how many passed."""

    score: float
    success: bool
    passed: int
    tests: int


class Move(NamedTuple):
    """An action, read: run or submit, with the program (None: the last one) and its input."""

    submit: bool
    program: str | None
    stdin: str = ""


def read_action(action: str) -> Move | None:
    """Read an action; None where it is neither a program nor a submission."""
    text = action.strip()
    found = SUBMIT.match(text)
    rest = found.group(1) if found else text
    blocks = [(each["kind"].lower(), each["body"]) for each in FENCE.finditer(rest)]
    programs = [body for kind, body in blocks if kind in PYTHON] or BEGIN.findall(rest)
    stdin = "".join(body + "\n" for kind, body in blocks if kind == "stdin")
    if programs:
        return Move(found is not None, programs[-1], stdin)
    if found and not rest.strip():
        return Move(True, None)
    if found and rest.startswith("[") and rest.rstrip().endswith("]"):
        return Move(True, rest.rstrip()[1:-1])
    return None


def fenced(program: str) -> str:
    """A program as the action that runs it."""
    longest = max((len(each) for each in re.findall(r"`{3,}", program)), default=2)
    marks = "`" * (longest + 1)
    return f"{marks}python\n{program}\n{marks}"


class Programs(TextEnv):
    """What humaneval, mbpp and apps share: the actions, the sandboxes, the end. A world adds its problems."""

    def __init__(
        self, *, sandbox: str = "auto", memory_mb: int = 512, cpu_s: float = 10.0, **standard: Unpack[Standard]
    ) -> None:
        """Open nothing yet.

        Args:
            sandbox: A provider of `agentbank.envs.sandboxes`.
            memory_mb: Memory of a program, MiB.
            cpu_s: CPU seconds of a run, and of one hidden test.
            standard: See `TextEnv`.
        """
        super().__init__(**standard)
        self.provider, self.cpu_s = sandbox, cpu_s
        # Wall seconds are only the net under a program that sleeps: a busy machine must not fail a good one.
        self.limits = Limits(memory=memory_mb << 20, cpu_s=cpu_s, timeout_s=20.0 + 5 * cpu_s, output=SHOWN)
        self.program: str | None = None
        self._box: Sandbox | None = None
        self._used = False
        self._tests_box: Sandbox | None = None

    # --- what a world writes ------------------------------------------------------------------------------------

    @abstractmethod
    def statement(self, task: Task) -> str:
        """The first observation: the problem, with its public examples."""

    @abstractmethod
    def assemble(self, task: Task, code: str) -> str:
        """The whole program that an agent's code stands for, by the benchmark's own rule."""

    @abstractmethod
    def judge(self, task: Task, program: str, box: Sandbox) -> Verdict:
        """Run the hidden tests; `box` is fresh."""

    @abstractmethod
    def gold(self, task: Task) -> str | None:
        """A program that solves the task, where the data has one."""

    def public(self, task: Task) -> Sequence[Test]:
        """The tests that the statement shows; a run reports on them."""
        return ()

    # --- the world ----------------------------------------------------------------------------------------------

    def start(self, task: Task) -> str:
        """Show the problem."""
        self._forget()
        return self.statement(task)

    def respond(self, action: str) -> Outcome:
        """Run a program, or judge it."""
        assert self.task
        move = read_action(action)
        if move is None:
            return Outcome(f"That is neither a program nor a submission. {self.hint()}", info={"valid": False})
        if move.program is not None:
            self.program = self.assemble(self.task, move.program)
        if self.program is None:
            return Outcome("There is no program to submit yet. " + self.hint(), info={"valid": False})
        return self._submit(self.program) if move.submit else self._run(self.program, move.stdin)

    def _run(self, program: str, stdin: str) -> Outcome:
        assert self.task
        box = self._own_box()
        self._used = True
        done = box.python(program, stdin=stdin.encode("utf-8", "replace"))
        lines = [described(done, self.cpu_s)]
        tests = self.public(self.task)
        for number, test in enumerate(tests, 1):
            verdict = examine(program, test, box, self._examiner(), cpu_s=self.cpu_s)
            lines.append(f"[example {number} of {len(tests)}: {verdict}]")
        return Outcome("\n".join(lines))

    def _submit(self, program: str) -> Outcome:
        verdict = self.grade(program)
        words = f"Submitted: {verdict.passed} of {verdict.tests} hidden tests passed."
        info = {
            "score": verdict.score,
            "success": verdict.success,
            "passed": verdict.passed,
            "tests": verdict.tests,
        }
        return Outcome(words, verdict.score, True, info)

    def grade(self, program: str) -> Verdict:
        """Judge a whole program for the present task, after everything that the agent started has been ended."""
        assert self.task
        self._forget()
        self._used = True
        return self.judge(self.task, program, self._own_box())

    def expert(self, task: Task) -> Sequence[str] | None:
        """The benchmark's own solution, run, then submitted."""
        program = self.gold(task)
        return None if program is None else [fenced(program), "submit"]

    def close(self) -> None:
        """End the sandboxes."""
        for box in (self._box, self._tests_box):
            if box:
                box.close()
        self._box = self._tests_box = None
        super().close()

    def _own_box(self) -> Sandbox:
        """The sandbox of the programs."""
        if self._box is None or self._box.closed:
            self._box = open_sandbox(self.provider, limits=self.limits)
        return self._box

    def _examiner(self) -> Sandbox:
        """The sandbox of the tests, where no agent's code ever runs."""
        if self._tests_box is None or self._tests_box.closed:
            self._tests_box = open_sandbox(self.provider, limits=self.limits)
        return self._tests_box

    def _forget(self) -> None:
        """Bring the programs' sandbox back to its start: no process, no file of before is left."""
        self.program = None
        if self._used and self._box and not self._box.closed:
            self._box.renew()
        self._used = False


class Asserted(Programs):
    """Problems whose hidden tests are Python text that asserts; solved when every test passes."""

    @abstractmethod
    def hidden(self, task: Task) -> Sequence[Test]:
        """All tests that count."""

    def judge(self, task: Task, program: str, box: Sandbox) -> Verdict:
        """Score 1 when all pass, else 0."""
        tests = self.hidden(task)
        verdicts = [examine(program, test, box, self._examiner(), cpu_s=self.cpu_s) for test in tests]
        passed = verdicts.count("pass")
        return Verdict(float(passed == len(tests)), passed == len(tests), passed, len(tests))


def described(done: Completed, cpu_s: float) -> str:
    """A finished run as an observation; nothing in it depends on how fast the machine is."""
    if done.cpu_exceeded:
        end = f"[ended: more than {cpu_s:g} CPU seconds]"
    elif done.timed_out:
        end = "[ended: out of time, or a flood of output]"
    else:
        end = f"[exit status {done.code}]"
    out = shown(done.stdout + done.stderr, limit=SHOWN, dropped=done.truncated_bytes).rstrip("\n")
    return f"{out}\n{end}" if out else f"(no output)\n{end}"


def text_of(record: Any, name: str) -> str:
    """A text field with its line ends made equal (MBPP's files mix them)."""
    return str(record[name]).replace("\r\n", "\n").replace("\r", "\n")
