"""Commands that turn episodes into files that others read, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...trajectories import formats

KNOWN = " | ".join(formats.FORMATS)
FormatName = Annotated[str | None, typer.Option("--format", "-f", help=f"{KNOWN}; default: what it looks like.")]


def export(
    source: Annotated[Path, typer.Argument(help="A run folder, or a file of any format.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The file to write; .json becomes one list, else JSON lines.")
    ],
    format: Annotated[str, typer.Option("--format", "-f", help=KNOWN)] = "sharegpt",
    thoughts: Annotated[bool, typer.Option(help="With the agent's thoughts, or its actions alone.")] = True,
    success: Annotated[bool, typer.Option("--success", help="Successful episodes alone.")] = False,
) -> int:
    """Write episodes to a file to train on elsewhere.

    Example: `agentbank export runs/gold --format sharegpt --success -o data.jsonl`
    """
    count = formats.export(source, format, out, thoughts=thoughts, only_success=success)
    print(f"{count} records in {out} ({format})")
    return 0


def import_(
    source: Annotated[Path, typer.Argument(help="A file of another format.")],
    out: Annotated[Path, typer.Option("--out", help="Run folder to append to.")],
    format: FormatName = None,
    env: Annotated[str | None, typer.Option(help="The world of the rows, where they do not say.")] = None,
) -> int:
    """Read conversations of another project into a run folder, as episodes.

    Example: `agentbank import sharegpt.json --out runs/imported`
    """
    count = formats.import_(source, out, format, env=env)
    print(f"{count} episodes in {out}")
    return 0


def add(app: typer.Typer) -> None:
    """Mount these commands."""
    app.command()(export)
    app.command("import")(import_)
