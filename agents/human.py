"""Human: a person in the terminal, recorded like any other agent."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from ..trajectories.record import Message, Source, Turn
from .core import Agent, Brief, Need, View
from .prompt import prompt

COMMANDS = {
    ":help": "the world's manual",
    ":actions": "what is possible now, where the world says",
    ":think TEXT": "note a thought; it is recorded with the next action",
    ":quit": "stop here (so does the end of input)",
    "::TEXT": "the action :TEXT, with one colon",
}


class Human(Agent):
    """Types the actions; Tab completes them where the world says what is possible."""

    name: ClassVar[str] = "human"
    needs: ClassVar[frozenset[Need]] = frozenset({"actions"})
    action_source: ClassVar[Source] = "human"
    thought_source: ClassVar[Source] = "human"

    async def begin(self, brief: Brief) -> tuple[Message, ...]:
        """Say how to find help; return the prompt that a model would have got."""
        self.brief = brief
        self.console = Console(highlight=False)
        self.console.print(
            f"{brief.env}: type an action; :help shows the manual, :quit stops.", style="dim", markup=False
        )
        return prompt(brief)

    async def act(self, view: View) -> Turn:
        """Show the observation, take lines until one is an action."""
        self.console.print(Panel(Text(view.text), title=self.brief.env, title_align="left"))
        _complete_over([*(view.actions or ()), *(name.partition(" ")[0] for name in COMMANDS)])
        thought = ""
        while True:
            line = await _ask("> ")
            if line is None or line.strip() == ":quit":
                return Turn("", parsed="none", stop=True)
            if line.startswith(":think"):
                thought = line.removeprefix(":think").strip()
            elif line.startswith(":") and not line.startswith("::"):
                self._tell(line.strip(), view)
            elif line.strip():
                action = await self._whole(line.removeprefix(":") if line.startswith("::") else line)
                said = f"Thought: {thought}\nAction: {action}" if thought else f"Action: {action}"
                return Turn(said, thought, action)

    async def _whole(self, line: str) -> str:
        """The action that `line` begins: a fence opens a block of code that another one closes."""
        if self.brief.action_kind != "code" or not line.startswith("```"):
            return line.strip()
        block: list[str] = []
        while (more := await _ask("... ")) is not None and more.strip() != "```":
            block.append(more)
        return "\n".join(block)

    def _tell(self, command: str, view: View) -> None:
        if command == ":help":
            lines = [self.brief.manual.strip(), "", *(f"{name:12} {what}" for name, what in COMMANDS.items())]
        elif command == ":actions":
            lines = list(view.actions) if view.actions else ["This world does not say what is possible; see :help."]
        else:
            lines = [f"There is no command {command}; there are {', '.join(COMMANDS)}."]
        self.console.print("\n".join(lines), markup=False)


def completions(choices: Sequence[str], text: str) -> list[str]:
    """The choices that begin with `text`, capitals aside, in order."""
    return [each for each in choices if each.lower().startswith(text.lower())]


def _complete_over(choices: Sequence[str]) -> None:
    """Let Tab complete over `choices`; where Python has no readline, Tab stays a tab."""
    try:
        import readline
    except ImportError:
        return

    def complete(text: str, state: int) -> str | None:
        found = completions(choices, text)
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims("")
    readline.parse_and_bind("tab: complete")


async def _ask(question: str) -> str | None:
    """One line of input, None at its end, read in a thread so that other work goes on.

    The thread is a daemon and no executor's, so that Ctrl-C need not wait for a line that nobody will type.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def settle(line: str | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(line)
        else:
            answer.set_exception(error)

    def wait() -> None:
        line, failure = None, None
        try:
            line = input(question)
        except EOFError:
            line = None
        except (OSError, ValueError) as error:
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, line, failure)

    restore = _terminal()
    threading.Thread(target=wait, daemon=True, name="human input").start()
    try:
        return await answer
    except asyncio.CancelledError:
        restore()
        raise


def _terminal() -> Any:
    """A call that puts the terminal back as it is now: a line editor that is abandoned leaves it without echo."""
    try:
        import termios

        now = termios.tcgetattr(sys.stdin)
    except (ImportError, OSError, ValueError, TypeError, AttributeError):
        return lambda: None
    except termios.error:  # no terminal: a pipe or a file
        return lambda: None
    return lambda: termios.tcsetattr(sys.stdin, termios.TCSADRAIN, now)
