import contextlib
import os
import resource
import subprocess

import pytest
import small
from transformers import AutoModelForCausalLM

from agentbank.training.checkpoints import Checkpoints
from agentbank.training.config import SFTConfig
from agentbank.training.sft import train
from agentbank.trajectories.errors import UsageError

ROWS = small.ragged(21)
CONFIG = SFTConfig(device="cpu", max_length=64, batch_size=8, epochs=2, learning_rate=1e-3, save_every=2)


@contextlib.contextmanager
def no_file_above(size):
    """The kernel refuses to let any file of this process grow above `size` bytes, as a full quota would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [100_000, 600_000], ids=["at the weights", "at the optimiser"])
def test_a_full_disk_is_said_and_the_last_checkpoint_stays_whole(tmp_path, size):
    out = tmp_path / "run"
    with contextlib.ExitStack() as stack:

        def report(point):
            if point["step"] == 3:
                stack.enter_context(no_file_above(size))

        with pytest.raises(
            UsageError, match=r"no room to write .*checkpoint-4 .*checkpoint-2 is whole and can be resumed"
        ):
            train(CONFIG, ROWS, out, model=small.model(), tokenizer=small.tokenizer(), report=report)
    assert [each.name for each in (out / "checkpoints").iterdir()] == ["checkpoint-2"]
    AutoModelForCausalLM.from_pretrained(out / "checkpoints" / "checkpoint-2")
    resumed = train(CONFIG, ROWS, out, model=small.model(), tokenizer=small.tokenizer(), resume=True)
    whole = train(CONFIG, ROWS, tmp_path / "whole", model=small.model(), tokenizer=small.tokenizer())
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-6)


def test_a_full_disk_at_the_end_leaves_the_checkpoints(tmp_path):
    out = tmp_path / "run"
    with contextlib.ExitStack() as stack:

        def report(point):
            if point["step"] == 6:
                stack.enter_context(no_file_above(100_000))

        config = CONFIG.replace(save_every=5)
        with pytest.raises(UsageError, match="no room to write"):
            train(config, ROWS, out, model=small.model(), tokenizer=small.tokenizer(), report=report)
    assert not (out / "training.json").exists() and not (out / "model.safetensors").exists()
    done = train(config, ROWS, out, model=small.model(), tokenizer=small.tokenizer(), resume=True)
    assert (done.out / "training.json").exists()


@pytest.fixture
def tiny_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("no right to mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_really_full_file_system(tiny_disk):
    with pytest.raises(UsageError, match=r"no room to write .*checkpoint-1 is whole"):
        train(CONFIG.replace(save_every=1), ROWS, tiny_disk / "run", model=small.model(), tokenizer=small.tokenizer())


def test_what_was_half_written_by_a_kill_is_no_checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path, {"data": "a"})
    (tmp_path / ".partial" / "checkpoint-9").mkdir(parents=True)
    (tmp_path / "checkpoint-8").mkdir()  # no identity: never completed
    assert checkpoints.latest() is None
    with checkpoints.writing(10) as folder:
        (folder / "checkpoint-10").mkdir()
    assert [each.name for each in checkpoints.complete()] == ["checkpoint-10"] and not (tmp_path / ".partial").exists()


def test_other_errors_while_writing_pass_through_and_leave_nothing(tmp_path):
    checkpoints = Checkpoints(tmp_path, {"data": "a"})
    with pytest.raises(KeyError, match="mine"), checkpoints.writing(1) as folder:
        (folder / "checkpoint-1").mkdir()
        raise KeyError("mine")
    assert list(tmp_path.iterdir()) == []
