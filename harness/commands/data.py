"""Commands on the worlds' data: where it is, fetching it, verifying it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ...envs import locate, select
from .runs import AsJson

app = typer.Typer(no_args_is_help=True, help="Where the worlds' data lies; fetch and verify it.")
Names = Annotated[list[str] | None, typer.Argument(help="Worlds, skills or groups. [default: all]")]


@app.command()
def where(names: Names = None, as_json: AsJson = False) -> int:
    """Print which data each world would load: a folder, the cache, or the bundled sample."""
    found = {spec.id: locate(spec.id) for spec in select(names or ["all"])}
    if as_json:
        rows = {
            name: {"kind": each.kind, "path": str(each.path) if each.path else None} for name, each in found.items()
        }
        print(json.dumps(rows))
    else:
        for name, each in found.items():
            print(f"{name}\t{each.kind}\t{each.path or ''}")
    return 0


def add(parent: typer.Typer) -> None:
    """Mount these commands under `agentbank data`."""
    parent.add_typer(app, name="data")
