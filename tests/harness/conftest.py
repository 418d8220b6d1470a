"""A toy world for the harness's own tests, and scripted minds that can count."""

import sys
from pathlib import Path

import pytest

from agentbank.envs import registry

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import toy


@pytest.fixture
def count():
    """Register the counting world (and variants) for one test, then take it out again."""
    added = []

    def add(name="count", **fields):
        spec = toy.add(name, **fields)
        added.append(name)
        return spec

    add()
    yield add
    for name in added:
        registry._specs.pop(name, None)
