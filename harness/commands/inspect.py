"""Commands that look, and play nothing: envs, doctor."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ...envs import EnvSpec, locate, missing, select
from ...envs.data import cache_root
from ..report import console
from .runs import AsJson


def describe(spec: EnvSpec) -> dict[str, Any]:
    """What a person asks of a world before making it."""
    source = locate(spec.id)
    return {
        "id": spec.id,
        "skill": spec.skill,
        "group": spec.group,
        "splits": list(spec.splits),
        "max_steps": spec.max_steps,
        "actions": spec.action_kind,
        "metric": spec.metric,
        "fidelity": spec.fidelity,
        "lives": spec.lives,
        "data": source.kind,
        "folder": str(source.path) if source.path else None,
        "missing": missing(spec),
        "paper": spec.paper,
        "version": spec.version,
    }


def envs(
    names: Annotated[list[str] | None, typer.Argument(help="Worlds, skills or groups. [default: all]")] = None,
    as_json: AsJson = False,
) -> int:
    """List the worlds: skill, data, and whether each can run here and what is missing.

    Examples:
    `agentbank envs`

    `agentbank envs web --json`
    """
    rows = [describe(spec) for spec in select(names or ["all"])]
    if as_json:
        print(json.dumps(rows))
        return 0
    sheet = Table(header_style="bold")
    for name in ("world", "skill", "group", "fidelity", "data", "splits", "here"):
        sheet.add_column(name, no_wrap=name == "world")
    for row in rows:
        here = "[green]ready" if not row["missing"] else "[yellow]needs " + " and ".join(row["missing"])
        columns = ("id", "skill", "group", "fidelity", "data")
        sheet.add_row(*(row[key] for key in columns), " ".join(row["splits"]), here)
    console().print(sheet)
    return 0


def checks() -> list[tuple[str, bool, str]]:
    """Everything that a run may need on this machine: name, whether it is here, and what was found or the mend."""
    found: list[tuple[str, bool, str]] = []
    found.append(("python", sys.version_info >= (3, 11), platform.python_version() + " (3.11 or newer is needed)"))
    for program, mend in PROGRAMS.items():
        path = shutil.which(program)
        found.append((program, path is not None, path or mend))
    for package, mend in PACKAGES.items():
        try:
            found.append((package, True, metadata.version(package)))
        except metadata.PackageNotFoundError:
            found.append((package, False, mend))
    root = cache_root()
    place = root
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 2**30
    found.append(("cache", os.access(place, os.W_OK) and free > 1, f"{root} ({free:.0f} GiB free)"))
    detail = os.environ.get("AGENTBANK_DATA") or "not set; the cache or the bundled samples are used"
    found.append(("AGENTBANK_DATA", Path(detail).is_dir(), detail))
    key = bool(os.environ.get("OPENAI_API_KEY") or os.environ.get("AGENTBANK_API_KEY"))
    base = os.environ.get("OPENAI_BASE_URL")
    detail = f"{base} ({'a key is set' if key else 'no key'})" if base else "OPENAI_BASE_URL is not set"
    found.append(("model endpoint", bool(base), detail))
    return found


PROGRAMS = {
    "java": "apt-get install default-jre-headless (for scienceworld)",
    "bwrap": "apt-get install bubblewrap (for the coding worlds)",
    "docker": "a Docker engine (for the docker sandbox)",
    "chromium": "apt-get install chromium chromium-driver (for the browser worlds)",
}
PACKAGES = {
    "scienceworld": "pip install 'agentbank[scienceworld]'",
    "textworld": "pip install 'agentbank[alfworld]' (only for engine=textworld)",
    "torch": "pip install 'agentbank[transformers]' (only for models in this process and for training)",
    "transformers": "pip install 'agentbank[transformers]' (only for models in this process and for training)",
}


def doctor(as_json: AsJson = False) -> int:
    """Check this machine: programs, packages, data, and which worlds can run; exit 1 where one cannot."""
    found = checks()
    worlds = {spec.id: missing(spec) for spec in select("all")}
    broken = {name: lacks for name, lacks in worlds.items() if lacks}
    if as_json:
        named = [{"name": name, "ok": good, "detail": detail} for name, good, detail in found]
        print(json.dumps({"checks": named, "worlds": worlds}))
        return 1 if broken else 0
    out = console()
    for name, good, detail in [*found, *((name, not lacks, " and ".join(lacks)) for name, lacks in worlds.items())]:
        out.print(f"{'[green]ok  ' if good else '[yellow]--  '}[/]{name:<16} {detail or 'ready'}")
    return 1 if broken else 0


def add(app: typer.Typer) -> None:
    """Mount these commands."""
    for command in (envs, doctor):
        app.command()(command)
