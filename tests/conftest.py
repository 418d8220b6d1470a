"""What all tests share: where the benchmarks' real slices lie."""

import os
import sys
from pathlib import Path

import pytest

# The tests' own small worlds and checkpoints (toy.py, tiny.py) are imported by name from any folder.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real benchmark slices: ``$AGENTBANK_SHARED/data``, else ``../shared/data`` beside the checkout."""
    root = Path(os.environ.get("AGENTBANK_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (root / "data").is_dir():
        pytest.skip(f"no real benchmark slices at {root / 'data'} (set AGENTBANK_SHARED to test against them)")
    return root / "data"
