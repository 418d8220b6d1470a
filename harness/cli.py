"""The `agentbank` command: every subcommand, its help, and how errors and interrupts end it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence

import click
import typer

from ..trajectories import AgentBankError, UsageError
from .commands import data, inspect, runs

app = typer.Typer(
    name="agentbank",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Worlds for language agents, the agents that act in them, the record, the judgement, and training.",
)
runs.add(app)
inspect.add(app)
data.add(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 our fault, 2 asked wrongly, 3 some episodes failed, 130 interrupted."""
    command = typer.main.get_command(app)
    try:
        code = command.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.ctx.get_help() if error.ctx else error.format_message())
        code = 2
    except click.ClickException as error:
        code = fail(sentence(error, command), error.exit_code)
    except UsageError as error:
        code = fail(str(error), 2)
    except AgentBankError as error:
        code = fail(str(error), 1)
    except (KeyboardInterrupt, click.Abort):
        code = fail("interrupted", 130)
    except BrokenPipeError:
        # `agentbank envs | head`: the reader has had enough. Python would complain at exit about the closed pipe.
        sys.stderr.close()
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def fail(message: str, code: int) -> int:
    """Say what went wrong on one line of standard error."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code


def sentence(error: click.ClickException, command: click.Command) -> str:
    """Click's complaint on one line, with the nearest command or option that exists."""
    message = error.format_message()
    if "No such command" in message and "Did you mean" not in message and isinstance(command, click.Group):
        wanted = message.split("'")[1] if "'" in message else ""
        near = difflib.get_close_matches(wanted, command.commands, n=2, cutoff=0.4)
        names = " or ".join(map(repr, near)) if near else ", ".join(sorted(command.commands))
        message += f" Did you mean {names}?" if near else f" There are: {names}."
    return message
