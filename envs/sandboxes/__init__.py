"""Sandboxes: closed rooms in which a model's code runs, behind one small interface and several providers."""

from .choose import open_sandbox, providers, why_none
from .core import Changes, Completed, Entry, Image, Limits, Sandbox, Shell, Talk, changes, shown
from .pool import Pool

__all__ = [
    "Changes",
    "Completed",
    "Entry",
    "Image",
    "Limits",
    "Pool",
    "Sandbox",
    "Shell",
    "Talk",
    "changes",
    "open_sandbox",
    "providers",
    "shown",
    "why_none",
]
