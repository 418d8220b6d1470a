"""Makes the small parts importable; one torch thread, since tiny matrices lose by more (and by neighbours)."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer():
    import small

    return small.tokenizer()
