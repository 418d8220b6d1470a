"""AgentBench OS: answer a question about a Linux machine, or change it as asked, with a root shell.

Paper: Liu et al. 2023, arXiv 2308.03688. Data: https://github.com/THUDM/AgentBench (data/os_interaction). One row
(ours): ``{"description": "How many lines has /srv/list.txt?", "create": {"local": "default", "init": {"code": "seq 7 >
/srv/list.txt"}}, "evaluation": {"check": [null, {"language": "python", "file": "check/integer-match.py"}], "example":
{"code": "wc -l < /srv/list.txt"}}, "labels": ["file"]}``
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Unpack

from ...trajectories.errors import Fault, MissingPart
from ..core import Outcome, Standard, Task, TextEnv
from ..sandboxes import Limits, Sandbox, open_sandbox
from .os_records import COMPILERS, Record, Script, load, record_of

LONGEST, CUT = 800, 780
"""Characters of an output from which on it is cut, and how many are left (upstream's numbers)."""
ARGUMENT = 30_000
"""Characters of an answer, or of an example's output, that a check is given."""
NOT_FOUND = 127
IMPOSSIBLE = re.compile(r"^E: |Read-only file system|Operation not permitted|Temporary failure|Could not resolve")
"""What a set-up script (and apt, as E:) prints where the sandbox is at fault: such a task is failed, not scored."""
ACT = re.compile(r"^[ \t]*Act:[ \t]*(.+)", re.MULTILINE | re.IGNORECASE)
BLOCK = re.compile(r"```(?:bash|sh|shell)?[ \t]*\r?\n(.*?)\r?\n?```", re.DOTALL)
ANSWER = re.compile(r"answer[ \t]*\((.*)\)", re.DOTALL | re.IGNORECASE)
END = re.compile(r"(?:finish|submit)(?:\(\s*\))?", re.IGNORECASE)
MANUAL = """Give bash code to run it, `answer(...)` to answer the question, or `finish` when the task is done.
One action is one of:
- a block ```bash ... ```, or a plain line of bash: it runs in a root shell that lives on, and you see what it prints,
  cut after 780 characters. It must not wait for input. There is no network.
- answer(the answer): the episode ends, and the answer is checked.
- finish: the episode ends, and what you have changed is checked.
`Act: bash` with a block, `Act: answer(...)` and `Act: finish` are understood too."""


class Move(NamedTuple):
    """An action, read: code to run, or the end with an answer (None: without one)."""

    code: str | None = None
    answer: str | None = None


def read_action(action: str) -> Move | None:
    """Read an action, upstream's form (``Act: ...``) or the short one; None where there is nothing in it."""
    for act in reversed(ACT.findall(action)):
        word = act.strip()
        found = ANSWER.fullmatch(word)
        if found:
            return Move(answer=found[1])
        if word.lower().startswith("finish"):
            return Move()
        if word.lower().startswith("bash"):
            break
    text = action.strip()
    found = ANSWER.fullmatch(text)
    if found:
        return Move(answer=found[1])
    if END.fullmatch(text):
        return Move()
    blocks = BLOCK.findall(action)
    code = "\n\n".join(blocks) if blocks else text
    return Move(code) if code.strip() else None


class OS(TextEnv):
    """Splits: test is upstream's standard set (data/1..7), dev is data/dev.json, train is train_0317."""

    manual = MANUAL

    def __init__(self, *, sandbox: str = "auto", timeout_s: float = 20.0, **standard: Unpack[Standard]) -> None:
        """Open nothing yet.

        Args:
            sandbox: A provider of `agentbank.envs.sandboxes`.
            timeout_s: Seconds of an action (upstream waits 5 for each piece of output). The shell is new afterwards.
            standard: See `TextEnv`.
        """
        super().__init__(**standard)
        self.provider = sandbox
        self.limits = Limits(cpu_s=timeout_s, timeout_s=timeout_s)
        self.record: Record | None = None
        self._machine: Machine | None = None

    def tasks(self) -> Sequence[Task]:
        """The split's tasks whose scripts are all there."""
        return load(self.source, self.split)[0]

    @property
    def left_out(self) -> Mapping[str, str]:
        """The split's tasks that cannot be run from this folder: id and reason."""
        return load(self.source, self.split)[1]

    def start(self, task: Task) -> str:
        """Set the machine up and give the task."""
        self._stop()
        self.record = record_of(task)
        box = open_sandbox(self.provider, limits=self.limits, user="root", writable=True, workdir="/")
        try:
            self._machine = Machine(box, self.record, int(self.rng.integers(1, 2**15)))
        except BaseException:
            box.close()
            raise
        return self.record.description

    def respond(self, action: str) -> Outcome:
        """Run code, or judge."""
        assert self._machine and self.record
        move = read_action(action)
        if move is None:
            return Outcome(f"That is no action. {self.hint()}", info={"valid": False})
        if move.code is None:
            right = judge(self.record, move.answer, self._machine)
            words = "The task is solved." if right else "The task is not solved."
            return Outcome(words, float(right), True, {"score": float(right), "success": right})
        code, output = self._machine.act(move.code)
        if len(output) > LONGEST:
            output = output[:CUT] + "\n[truncated because the output is too long]"
        told = f"The output of the OS:\n\n{output}" if output else "The output of the OS is empty."
        return Outcome(told, info={"valid": code != NOT_FOUND})

    def expert(self, task: Task) -> Sequence[str] | None:
        """The example as an action, then its output as the answer, or the end where only the machine is checked.

        For the answer the example is run once, in the episode's own machine: set-ups may draw at random.
        """
        assert self._machine and self.record
        record, example = self.record, self.record.example
        if record.match and "answer" in record.match:
            return [f"answer({record.match['answer']})"]
        if example is None or example.language != "bash":
            return None
        shown = f"```bash\n{example.code}\n```"
        if record.match is None and None not in record.check:
            return [shown, "finish"]
        return [shown, f"answer({self._machine.ask(example).strip()})"]

    def close(self) -> None:
        """End the machine."""
        self._stop()
        super().close()

    def _stop(self) -> None:
        if self._machine:
            self._machine.close()
        self._machine = None


class Machine:
    """A sandbox that a task's scripts have set up, and the shell that lives in it."""

    def __init__(self, box: Sandbox, record: Record, draw: int) -> None:
        """Run the scripts; bash's RANDOM is drawn from the episode's seed, so that they make the same files again."""
        self.box, self.shell = box, box.shell(cwd="/")
        if "python" in record.languages and self.shell.run("command -v python3").code:
            raise MissingPart("the task's scripts need python3, which the sandbox's image does not have")
        for script in record.init:
            code = f"RANDOM={draw}\n{script.code}" if script.language == "bash" else script.code
            self._set_up(Script(script.language, code))
        if record.start:
            self.act(record.start)

    def _set_up(self, script: Script) -> None:
        # In the shell, so that processes it starts stay; what they print later is nobody's to see.
        told = "/dev/shm/set-up"
        self.shell.run(f"({shlex.join(self._argv(script))}) </dev/null >{told} 2>&1", timeout_s=60.0)
        output = self.shell.run(f"cat {told}; rm {told}").stdout.decode("utf-8", "replace")
        for line in output.splitlines():
            if IMPOSSIBLE.search(line):
                raise Fault(
                    "sandbox", f"the task's set-up cannot be done in {self.box.provider} without network: {line}"
                )

    def act(self, code: str) -> tuple[int, str]:
        """Run code in the shell: its exit status and its output, both streams in one."""
        if "\0" in code:
            return NOT_FOUND, "A command cannot hold a NUL character."
        done = self.shell.run(f"exec 2>&1\n{code}")
        text = done.text.rstrip("\n")
        if done.timed_out:
            text += "\n[ended: out of time, or a flood of output; the shell is a new one]"
        return done.code, text.lstrip("\n")

    def run(self, script: Script, *arguments: str) -> tuple[int, str]:
        """Run a script by itself, after all that the agent started has been ended: exit status, standard output.

        Upstream mixes the errors in; then one folder that may not be read makes a task unsolvable.
        """
        done = self.box.run(self._argv(script, *arguments), cwd="/")
        return done.code, done.stdout.decode("utf-8", "replace")

    def ask(self, script: Script) -> str:
        """What a script prints when it is run in the shell, beside all that the agent has started."""
        done = self.shell.run(f"({shlex.join(self._argv(script))}) </dev/null 2>/dev/null")
        return done.stdout.decode("utf-8", "replace")

    def close(self) -> None:
        """End the sandbox."""
        self.box.close()

    def _argv(self, script: Script, *arguments: str) -> list[str]:
        # The kernel takes no NUL and no more than 128 KiB in an argument.
        given = [each[:ARGUMENT].replace("\0", "\u2400") for each in arguments]
        if script.language == "bash":
            return ["/bin/bash", "-c", script.code, "--", *given]
        if script.language == "python":
            return ["python3", "-c", script.code, *given]
        build = 'c=$1; l=$2; p=$(mktemp); shift 2; "$c" -x "$l" - -o "$p" <<< "$CODE" && exec "$p" "$@"'
        return [
            "env",
            f"CODE={script.code}",
            "/bin/bash",
            "-c",
            build,
            "--",
            COMPILERS[script.language],
            script.language,
            *given,
        ]


def judge(record: Record, answer: str | None, machine: Machine) -> bool:
    """Whether the task is solved, by upstream's rules: an answer to match, or scripts that must all exit with 0.

    Each check gets the answer (``None`` without one) and the outputs of those before it; None stands for the example.
    """
    if record.match:
        given: Any = answer.strip() if answer is not None and record.match.get("strip") else answer
        if "answer" in record.match:
            return bool(given == record.match["answer"])
        return given is not None and re.search(record.match["regex"], given) is not None
    arguments = [str(answer)]
    for check in record.check:
        script = check or record.example
        assert script
        code, output = machine.run(script, *arguments)
        if code != 0:
            return False
        arguments.append(output)
    return True
