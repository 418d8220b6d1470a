"""What all tests share: where the benchmarks' real slices lie."""

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The tests' own small worlds and checkpoints (toy.py, tiny.py) are imported by name from any folder.
sys.path.insert(0, str(Path(__file__).parent))

# A job in a shell's background inherits an ignored SIGINT and would hand it on; then no test of Ctrl-C could pass.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real benchmark slices: ``$AGENTBANK_SHARED/data``, else ``../shared/data`` beside the checkout."""
    root = Path(os.environ.get("AGENTBANK_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (root / "data").is_dir():
        pytest.skip(f"no real benchmark slices at {root / 'data'} (set AGENTBANK_SHARED to test against them)")
    return root / "data"


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[None]:
    """A real engine with the sandbox's image: the machine's own, or one that tests/docker_engine.py starts."""
    spec = importlib.util.spec_from_file_location("docker_engine", Path(__file__).with_name("docker_engine.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.engine() as problem:
        if problem:
            pytest.skip(problem)
        module.image()
        yield
