"""Two real processes over gloo: sharded, replicated and single runs must be one run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small
import torch
from transformers import AutoModelForCausalLM

from agentbank.training.config import SFTConfig
from agentbank.training.sft import train

pytestmark = pytest.mark.slow
ROWS = small.ragged(21)
SETTINGS = {"max_length": 64, "batch_size": 8, "epochs": 2, "learning_rate": 1e-3, "save_every": 2}


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """A base model on the disk, the rows beside it, and the run in one process."""
    place = tmp_path_factory.mktemp("fsdp")
    small.model().save_pretrained(place / "base")
    small.tokenizer().save_pretrained(place / "base")
    (place / "rows.json").write_text(json.dumps([list(row) for row in ROWS]))
    config = SFTConfig(model=str(place / "base"), device="cpu").replace(**SETTINGS)
    train(config, ROWS, place / "single")
    return place


def two(place, out, **flags):
    """The same run on two processes; returns its record."""
    words = [f"{key}={json.dumps(value)}" for key, value in (SETTINGS | flags).items()]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [
        str(Path(__file__).with_name("two_processes.py")),
        str(place / "base"),
        str(place / "rows.json"),
        str(out),
    ]
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((out / "training.json").read_text())


def losses(record):
    return [point["loss"] for point in record["loss"]]


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()


@pytest.mark.parametrize("fsdp", [True, False], ids=["FSDP2", "DDP"])
def test_two_processes_learn_what_one_does(single, tmp_path, fsdp):
    record = two(single, tmp_path / "run", fsdp=fsdp)
    alone = json.loads((single / "single" / "training.json").read_text())
    assert record["processes"] == 2 and losses(record) == pytest.approx(losses(alone), abs=1e-5)
    mine, theirs = weights(tmp_path / "run"), weights(single / "single")
    assert mine.keys() == theirs.keys()
    assert all(torch.allclose(mine[name], theirs[name], atol=1e-5) for name in theirs)
    saved = {each.name for each in (tmp_path / "run" / "checkpoints" / "checkpoint-6").iterdir()}
    # sharded for real: each process wrote its own part (accelerate alone would run DDP on CPUs without a word)
    assert ("pytorch_model_fsdp_0" in saved) is fsdp and ("model.safetensors" in saved) is not fsdp
    if fsdp:
        parts = list((tmp_path / "run" / "checkpoints" / "checkpoint-6" / "pytorch_model_fsdp_0").glob("*.distcp"))
        assert len(parts) == 2


def test_a_sharded_run_resumes(single, tmp_path):
    out = tmp_path / "run"
    whole = losses(two(single, out, fsdp=True))
    shutil.rmtree(out / "checkpoints" / "checkpoint-6")
    (out / "training.json").unlink()
    record = two(single, out, fsdp=True, resume=True)
    assert record["resumed_from"] == "checkpoint-4" and losses(record) == pytest.approx(whole, abs=1e-6)


def test_sharded_lora_in_bf16_with_checkpointing_is_released_merged(single, tmp_path):
    out = tmp_path / "run"
    record = two(single, out, fsdp=True, lora_rank=4, precision="bf16", gradient_checkpointing=True)
    assert losses(record)[-1] < losses(record)[0]
    base, merged = weights(single / "base"), weights(out)
    assert base.keys() == merged.keys()
    assert {name for name in base if not torch.equal(base[name], merged[name])} >= {
        "model.layers.0.self_attn.q_proj.weight"
    }
    assert (out / "adapter" / "adapter_model.safetensors").exists()
