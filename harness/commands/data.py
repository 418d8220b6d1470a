"""Commands on the worlds' data: where it is, fetching it, verifying it."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ...envs import fetch as fetching
from ...envs import locate, select
from .runs import AsJson

app = typer.Typer(no_args_is_help=True, help="Where the worlds' data lies; fetch and verify it.")
Names = Annotated[list[str] | None, typer.Argument(help="Worlds, skills or groups. [default: all]")]


@app.command()
def where(names: Names = None, as_json: AsJson = False) -> int:
    """Print which data each world would load: a folder, the cache, or the bundled sample."""
    found = {spec.id: locate(spec.id) for spec in select(names or ["all"])}
    if as_json:
        paths = {name: str(each.path) if each.path else None for name, each in found.items()}
        print(json.dumps({name: {"kind": each.kind, "path": paths[name]} for name, each in found.items()}))
    else:
        for name, each in found.items():
            print(f"{name}\t{each.kind}\t{each.path or ''}")
    return 0


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Worlds, skills or groups.")],
    mirror: Annotated[str | None, typer.Option(help="Base address instead of the official host.")] = None,
    as_json: AsJson = False,
) -> int:
    """Download the official data into the cache; a download that was cut goes on where it stopped.

    Examples:
    `agentbank data fetch hotpotqa`

    `agentbank data fetch hotpotqa --mirror http://mirror.local/agentbank`
    """
    fetched: dict[str, str] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=as_json) as bars:
        for spec in select(names):
            if not spec.archives:
                fetched[spec.id] = ""
                continue
            rows = {each.name: bars.add_task(f"{spec.id} {each.name}", total=None) for each in spec.archives}

            def show(name: str, here: int, whole: int | None, rows: dict[str, TaskID] = rows) -> None:
                bars.update(rows[name], completed=here, total=whole)

            fetched[spec.id] = str(fetching.fetch(spec, mirror=mirror, progress=show))
    if as_json:
        print(json.dumps(fetched))
        return 0
    for name, folder in fetched.items():
        print(f"{name}\t{folder or 'has no address to fetch from; its page in docs/worlds tells where the data is'}")
    return 0


@app.command()
def verify(names: Names = None, as_json: AsJson = False) -> int:
    """Check the fetched files against their digests; exit 1 where one is missing or wrong."""
    checks = {spec.id: fetching.verify(spec) for spec in select(names or ["all"]) if spec.archives}
    good = all(each.ok for found in checks.values() for each in found)
    if as_json:
        rows = {
            name: [
                {"file": str(each.file), "ok": each.ok, "expected": each.expected, "found": each.found}
                for each in found
            ]
            for name, found in checks.items()
        }
        print(json.dumps(rows))
        return 0 if good else 1
    for name, found in checks.items():
        for each in found:
            wrong = "missing" if each.found is None else f"wrong: expected {each.expected}, found {each.found}"
            print(f"{name}\t{each.file}\t{'ok' if each.ok else wrong}")
    return 0 if good else 1


def add(parent: typer.Typer) -> None:
    """Mount these commands under `agentbank data`."""
    parent.add_typer(app, name="data")
