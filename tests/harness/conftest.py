"""A toy world for the harness's own tests, and scripted minds that can count."""

import pytest
import toy

from agentbank.envs import registry


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
