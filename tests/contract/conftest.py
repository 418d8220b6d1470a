"""The contract runs over the registry: a new world is held to it the day it is registered."""

import pytest

from agentbank.envs import make, missing, specs


def pytest_generate_tests(metafunc):
    if "world" in metafunc.fixturenames:
        metafunc.parametrize("world", sorted(specs()), scope="session")


@pytest.fixture
def fresh(world):
    """Makes instances of one world on its bundled sample, and closes them all."""
    lacks = missing(specs()[world])
    if lacks:
        pytest.skip(f"{world} needs " + " and ".join(lacks))
    made = []

    def build(**options):
        env = make(world, data="sample", **options)
        made.append(env)
        return env

    yield build
    for env in made:
        env.close()
