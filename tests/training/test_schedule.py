import pytest
import small
import torch

from agentbank.training.checkpoints import Checkpoints
from agentbank.training.config import SFTConfig
from agentbank.training.schedule import Schedule
from agentbank.training.start import ready
from agentbank.training.trainer import StepTrainer, arguments

ROWS = small.ragged(21)


def schedule(**options):
    return Schedule(ROWS, **({"batch_size": 8, "epochs": 2, "micro_tokens": 128, "seed": 3} | options))


def test_every_row_comes_once_an_epoch_in_another_order_each():
    run = schedule()
    assert len(run) == 6
    first, second = ([each for step in steps for each in run.members(step)] for steps in ((0, 1, 2), (3, 4, 5)))
    assert sorted(first) == sorted(second) == list(range(21)) and first != second
    assert [len(run.members(step)) for step in range(3)] == [8, 8, 5]


def test_a_step_learns_from_the_same_rows_however_it_is_laid_out():
    kinds = [schedule(), schedule(batching="grouped"), schedule(micro_tokens=60), schedule(processes=3, rank=2)]
    assert len({tuple(tuple(run.members(step)) for step in range(6)) for run in kinds}) == 1
    for run in kinds:
        blocks = [block for share in run.layout(1) for block in share]
        assert sorted(each for block in blocks for each in block) == sorted(run.members(1))


@pytest.mark.parametrize("batching", ["packed", "grouped"])
def test_every_process_runs_equally_many_passes(batching):
    for processes in (1, 2, 3, 5):
        for step in range(6):
            shares = schedule(processes=processes, batching=batching).layout(step)
            assert len(shares) == processes and len({len(share) for share in shares}) == 1


def test_the_loss_tokens_of_a_step_are_those_of_all_processes():
    for step in range(6):
        shares = [schedule(processes=2, rank=rank)[step] for rank in (0, 1)]
        assert shares[0].loss_tokens == shares[1].loss_tokens
        assert sum(len(micro.where) for share in shares for micro in share.micro) == shares[0].loss_tokens


def test_grouped_blocks_stay_within_the_tokens_of_a_pass():
    run = schedule(batching="grouped")
    for step in range(6):
        for block in run.layout(step)[0]:
            assert len(block) * max(len(ROWS[each].input_ids) for each in block) <= 128 or len(block) == 1


def test_max_steps_cuts():
    assert len(schedule(max_steps=4)) == 4
    with pytest.raises(IndexError):
        schedule(max_steps=4)[4]


def step_gradient(tmp_path, step, **options):
    """The gradient of one optimiser step as the trainer makes it, and how many passes that took."""
    config = SFTConfig(device="cpu", max_length=64, batch_size=8).replace(**options)
    model, batching = ready(small.model().double(), config)
    run = schedule(micro_tokens=config.bin_tokens, batching=batching)
    trainer = StepTrainer(
        model=model,
        args=arguments(config, tmp_path, len(run), 3, False),
        schedule=run,
        checkpoints=Checkpoints(tmp_path, {}),
        processing_class=small.tokenizer(),
    )
    batch = run[step]
    loss = trainer.training_step(model, batch)
    return small.gradient(model), len(batch.micro), loss.item(), batch.rows


@pytest.mark.parametrize("step", [0, 2], ids=["a full step", "the last, short step"])
def test_one_pass_and_many_give_the_same_gradient_on_ragged_rows(tmp_path, step):
    one, passes, loss, members = step_gradient(tmp_path, step, micro_tokens=1024)
    assert passes == 1
    want = small.plain_gradient(small.model().double(), [ROWS[each] for each in members])
    assert small.apart(one, want) < 1e-6
    for options, least in (
        ({}, 2),
        ({"attention": "sdpa"}, 2),
        ({"batching": "grouped", "attention": "sdpa"}, 3),
        ({"batching": "grouped", "attention": "eager", "micro_tokens": 256}, 2 if step == 0 else 1),
        ({"gradient_checkpointing": True}, 2),
    ):
        many, passes, its_loss, _ = step_gradient(tmp_path, step, **options)
        assert passes >= least
        assert small.apart(many, want) < 1e-6 and its_loss == pytest.approx(loss, rel=1e-6)


def test_eight_passes_equal_one(tmp_path):
    run = Schedule(ROWS[:8], batch_size=8, epochs=1, micro_tokens=60, batching="grouped")
    run.layout = lambda step: [[[each] for each in range(8)]]  # one row a pass
    config = SFTConfig(device="cpu", max_length=64, batching="grouped")
    model, _ = ready(small.model().double(), config)
    trainer = StepTrainer(
        model=model,
        args=arguments(config, tmp_path, 1, 1, False),
        schedule=run,
        checkpoints=Checkpoints(tmp_path, {}),
        processing_class=small.tokenizer(),
    )
    batch = run[0]
    assert len(batch.micro) == 8
    trainer.training_step(model, batch)
    want = small.plain_gradient(small.model().double(), ROWS[:8])
    got = small.gradient(model)
    assert small.apart(got, want) < 1e-6
    # the mean of the passes' means, the old accumulation bug, is far off on these rows
    wrong = torch.stack([small.plain_gradient(small.model().double(), [row]) for row in ROWS[:8]]).mean(0)
    assert small.apart(wrong, want) > 1e-2
