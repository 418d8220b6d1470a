"""InterCode-Bash: carry out a request in a shell; another machine runs the gold command, and the two are compared.

Paper: Yang et al. 2023, arXiv 2306.14898. Data: https://github.com/princeton-nlp/intercode (data/nl2bash, and
docker/bash_scripts for the file systems). One row (ours): ``{"query": "Count the lines of every log file in
/garden/logs", "gold": "wc -l /garden/logs/*.log"}``
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from typing import Literal, Unpack

from ...trajectories.errors import UsageError
from ..core import Outcome, Standard, Task, TextEnv
from ..sandboxes import Limits, Sandbox, open_sandbox, shown
from ..sandboxes.core import Snapshot
from .bash_reward import IGNORED, Parts, Side, judge, status
from .bash_trees import Tree, load, trees
from .programs import FENCE

SHELL = ("", "bash", "sh", "shell")
CHANGE = re.compile(r"cd[ \t]+(.*)", re.DOTALL)
SHOWN = 8_000
"""Bytes of output that an observation shows; upstream shows all. The reward reads all that is kept."""
KEPT = 1 << 20
MALFORMED = "Malformed command"
NOT_FOUND = 127
MANUAL = """Give one bash command to run it, or `submit` to end the episode.
The command may stand plain or in a block ```bash ... ```. You see what it prints. The folder of a `cd` is kept for the
next command; variables and background jobs are not. You are root, in /, without network.
The command is put between double quotes before it is run, so write strings in 'single quotes', or \\" for a double one.
What counts: which files are changed in the end, what is in the new ones, and what the last command printed."""


class InterCodeBash(TextEnv):
    """The four file systems' tasks; the benchmark has no other split than test."""

    manual = MANUAL

    def __init__(
        self,
        *,
        sandbox: str = "auto",
        file_times: Literal["fixed", "now"] = "fixed",
        timeout_s: float = 10.0,
        **standard: Unpack[Standard],
    ) -> None:
        """Open nothing yet.

        Args:
            sandbox: A provider of `agentbank.envs.sandboxes`.
            file_times: The times of files whose time the benchmark does not set: "fixed", a day of 2023, so that
                listings stay the same; "now", the episode's begin, as in an image that has just been built.
            timeout_s: Seconds of a command (upstream: 10).
            standard: See `TextEnv`.

        Raises:
            UsageError: another word for `file_times`.
        """
        super().__init__(**standard)
        if file_times not in ("fixed", "now"):
            raise UsageError(f"file_times is 'fixed' or 'now', not {file_times!r}")
        self.provider, self.file_times, self.timeout_s = sandbox, file_times, timeout_s
        self.limits = Limits(cpu_s=timeout_s, timeout_s=timeout_s, output=KEPT)
        self.now: int | None = None
        self.parts: Parts | None = None
        self._machine: Machine | None = None
        self._gold: Side | None = None

    def tasks(self) -> Sequence[Task]:
        """All tasks, in the files' order."""
        return load(self.source)

    def start(self, task: Task) -> str:
        """Show the request; the machine is started by the first command."""
        self._stop()
        self.now = int(time.time()) if self.file_times == "now" else None
        return str(task.data["query"])

    def respond(self, action: str) -> Outcome:
        """Run a command and compare; or end."""
        command = command_of(action)
        if not command:
            return Outcome(f"That is no command. {self.hint()}", info={"valid": False})
        if command == "submit":
            reward = self.parts.reward if self.parts else 0.0
            return Outcome(f"Submitted: reward {reward:.2f}.", reward, True, self._standing())
        machine = self._started()
        code, output = machine.run(command)
        try:
            mine = machine.side(output)
        except UsageError as error:  # the agent's own doing: a tree too deep to be walked, say
            self.parts = None
            told = f"{output or ''}\n[the file system can no longer be compared: {error}]"
            return Outcome(told, info=self._standing() | {"action_executed": code == 0})
        self.parts = judge(mine, self._reference())
        told = MALFORMED if output is None else shown(output.encode(), limit=SHOWN)
        info = self._standing() | {"valid": code not in (None, NOT_FOUND), "action_executed": code == 0}
        return Outcome(told or "(no output)", info=info)

    def expert(self, task: Task) -> Sequence[str] | None:
        """The gold command."""
        return [gold_of(task), "submit"]

    def close(self) -> None:
        """End the machine."""
        self._stop()
        super().close()

    def _standing(self) -> dict[str, object]:
        """Upstream's reward as the score, with its parts; 0 while no command has been run."""
        if self.parts is None:
            return {"score": 0.0, "success": False}
        score = min(self.parts.reward, 1.0)
        return {"score": score, "success": score == 1.0, "parts": self.parts._asdict()}

    def _started(self) -> Machine:
        if self._machine is None:
            self._machine = self._machine_of()
        return self._machine

    def _reference(self) -> Side:
        """The gold command's machine, once an episode; ended before the agent's next command."""
        if self._gold is None:
            assert self.task
            machine = self._machine_of()
            try:
                _, output = machine.run(gold_of(self.task), moves=False)
                self._gold = machine.side(output)
            finally:
                machine.close()
        return self._gold

    def _machine_of(self) -> Machine:
        assert self.task
        tree = trees(self.source).get(self.task.data["file_system"], Tree())
        box = open_sandbox(self.provider, limits=self.limits, user="root", writable=True, workdir="/")
        try:
            tree.lay(box, self.now)
            return Machine(box)
        except BaseException:
            box.close()
            raise

    def _stop(self) -> None:
        if self._machine:
            self._machine.close()
        self._machine = self._gold = self.parts = None


class Machine:
    """A sandbox with a file system and the folder where the next command starts."""

    def __init__(self, box: Sandbox) -> None:
        """Remember what is there."""
        self.box, self.cwd = box, "/"
        self.before = self._files()

    def run(self, command: str, *, moves: bool = True) -> tuple[int | None, str | None]:
        """Run a command as upstream does.

        Upstream writes it between double quotes behind ``/bin/bash -c`` and splits that by the shell's rules: a double
        quote in the command ends the text, and words behind it become bash's own arguments.

        Returns:
            The exit status (None: it could not be read, or ran out of time) and the output (None: it is no text).
        """
        found = CHANGE.match(command) if moves else None
        if found:
            command = f"cd {simplified(self.cwd, found[1].strip())}"
        try:
            argv = shlex.split(f'/bin/bash -c "{command}"')
        except ValueError:
            return None, MALFORMED
        # Both streams in one, in the order they were written.
        done = self.box.run(["/bin/bash", "-c", 'exec "$@" 2>&1', "bash", *argv], cwd="/" if found else self.cwd)
        if done.timed_out or done.cpu_exceeded:
            return None, "Command timed out"
        if found and done.code == 0:
            where = self.box.run([*argv[:2], f"{argv[2]} >&2 && pwd", *argv[3:]], cwd="/")
            reached = where.stdout.decode("utf-8", "replace").strip("\n").lstrip("/")
            self.cwd = f"/{reached}" if where.code == 0 else self.cwd
        try:
            return done.code, done.stdout.decode()
        except UnicodeDecodeError:
            return None, None

    def side(self, output: str | None) -> Side:
        """What stands now. A text that could not be decoded counts as upstream's words for it."""
        after = self._files()
        return Side(after, status(self.before, after), MALFORMED if output is None else output)

    def close(self) -> None:
        """End the sandbox."""
        self.box.close()

    def _files(self) -> Snapshot:
        return self.box.snapshot(["/"], skip=[f"/{name}" for name in IGNORED])


def command_of(action: str) -> str:
    """The command in an action: the last block's text, or all of it."""
    blocks = [each["body"] for each in FENCE.finditer(action) if each["kind"].lower() in SHELL]
    return (blocks[-1] if blocks else action).strip()


def gold_of(task: Task) -> str:
    """The gold command; a list of them stands for a sequence."""
    gold = task.data["gold"]
    return gold.strip() if isinstance(gold, str) else ";".join(gold)


def simplified(current: str, changed: str) -> str:
    """The folder that ``cd changed`` means, by its text alone, as upstream reckons."""
    parts: list[str] = []
    for part in ("" if changed.startswith("/") else current + "/", changed):
        for name in part.split("/"):
            if name == "..":
                del parts[-1:]
            elif name not in ("", "."):
                parts.append(name)
    return "/" + "/".join(parts)
