"""The `agentbank` command: every subcommand, its help, and how errors and interrupts end it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from ..training.cli import app as train
from ..trajectories import AgentBankError, UsageError
from .commands import compare, data, formats, inspect, runs

app = typer.Typer(
    name="agentbank",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Worlds for language agents, the agents that act in them, the record, the judgement, and training.",
)
runs.add(app)
compare.add(app)
formats.add(app)
inspect.add(app)
data.add(app)
app.add_typer(train, name="train")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 our fault, 2 asked wrongly, 3 some episodes failed, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = typer.main.get_command(app).main(args=given, prog_name="agentbank", standalone_mode=False)
    except typer.TyperException as error:
        # Typer says "no arguments" with the whole help as its message; everything else is one sentence.
        asked_nothing = type(error).__name__ == "NoArgsIsHelpError"
        code = 2 if asked_nothing else fail(error.format_message(), 2)
    except UsageError as error:
        code = fail(str(error), 2)
    except AgentBankError as error:
        code = fail(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        code = fail("interrupted", 130)
    except BrokenPipeError:
        # `agentbank envs | head`: the reader has had enough. Python would complain of the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def fail(message: str, code: int) -> int:
    """Say what went wrong on one line of standard error."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code
