"""Which sandbox: the one named, or with "auto" the first that works here."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...trajectories.errors import MissingPart, UnknownName
from .core import Image, Limits, Sandbox

PROVIDERS = {"bubblewrap": ".bubblewrap", "docker": ".docker", "unsafe-subprocess": ".unsafe"}
"""Name to module. "auto" tries the first two, in this order; the last is taken only by its name."""
AUTO = ("bubblewrap", "docker")


def _module(name: str) -> Any:
    if name not in PROVIDERS:
        raise UnknownName("sandbox provider", name, [*PROVIDERS, "auto"])
    return importlib.import_module(PROVIDERS[name], __package__)


def providers() -> dict[str, str]:
    """Every provider and why it cannot be used here ("" where it can)."""
    return {name: _module(name).lacks() for name in PROVIDERS}


def why_none(provider: str = "auto") -> str:
    """Why `provider` cannot open a sandbox here, with the mend; "" where it can.

    Raises:
        UnknownName: no such provider.
    """
    if provider != "auto":
        return str(_module(provider).lacks())
    reasons = []
    for name in AUTO:
        reason = _module(name).lacks()
        if not reason:
            return ""
        reasons.append(f"{name}: {reason}")
    return "; ".join(reasons)


def open_sandbox(
    provider: str = "auto",
    *,
    image: str | None = None,
    tree: Path | str | None = None,
    limits: Limits | None = None,
    **options: Any,
) -> Sandbox:
    """Open a sandbox; it is a context manager, and closing it is the caller's part.

    Args:
        provider: "auto", "bubblewrap", "docker", or "unsafe-subprocess", which is no sandbox.
        image: See `Image.name`.
        tree: See `Image.tree`.
        limits: See `Limits`.
        options: The other fields of `Image`: user, writable, workdir.

    Raises:
        UnknownName: no such provider.
        MissingPart: it (or, with "auto", any) cannot be used here; the message says how to mend that.
        Fault: it is there, and the start failed all the same.
    """
    wanted = replace(Image(), name=image, tree=Path(tree) if tree is not None else None, **options)
    if provider == "auto":
        reason = why_none()
        if reason:
            raise MissingPart(f"no sandbox works here: {reason}")
        provider = next(name for name in AUTO if not _module(name).lacks())
    sandbox: Sandbox = _module(provider).start(wanted, limits or Limits())
    return sandbox
