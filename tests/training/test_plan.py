import pytest
import small
import torch
from torch.nn.functional import cross_entropy

from agentbank.training import attention
from agentbank.training.config import SFTConfig
from agentbank.training.packing import pack
from agentbank.training.plan import Shape, coloured, describe, memory, plan, shape, shape_of
from agentbank.training.rows import Masked
from agentbank.training.schedule import Schedule
from agentbank.trajectories.errors import UsageError

ROWS = small.ragged(21)
CONFIG = SFTConfig(device="cpu", max_length=64, batch_size=8, epochs=2)
LLAMA2_7B = Shape(6_738_415_616, 6_738_415_616, 32, 4096, 11008, 32000, True)


def test_the_plan_counts_what_training_does():
    found = plan(CONFIG, ROWS, model=shape_of(small.model(), CONFIG))
    run = Schedule(ROWS, batch_size=8, epochs=2, micro_tokens=64)
    assert (found.steps, found.steps_per_epoch, found.rows) == (6, 3, 21)
    assert found.tokens == sum(len(row.input_ids) for row in ROWS) and found.padding == 0
    assert found.loss_tokens * 2 == sum(run[step].loss_tokens for step in range(6))
    assert abs(found.forwards - sum(len(run[step].micro) for step in range(6))) <= 2  # the second epoch's order differs
    assert plan(CONFIG.replace(batching="grouped"), ROWS, model=shape_of(small.model(), CONFIG)).padding > 0


@pytest.mark.parametrize(("width", "layers"), [(64, 4), (128, 6)])
def test_the_estimated_activations_are_those_that_are_kept(width, layers):
    model = small.model(width=width, layers=layers, context=2048)
    rows = [Masked([9] * 300, [9] * 300) for _ in range(3)]
    packed = pack(rows)
    model.set_attn_implementation(attention.register())
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, int] = {}
    alive = []

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(
            input_ids=packed.input_ids,
            position_ids=packed.position_ids,
            use_cache=False,
            logits_to_keep=packed.where,
            boundaries=packed.boundaries,
            sizes=tuple(packed.boundaries.diff().tolist()),
        ).logits[0]
        loss = cross_entropy(logits.float(), packed.targets)
    assert loss.isfinite()
    estimate = memory(CONFIG, shape_of(model, CONFIG), 900, len(packed.where))
    assert 0.75 < estimate.activations / sum(kept.values()) < 1.33


def test_the_weights_of_llama_2_7b():
    """Full fine-tuning: 16 bytes a parameter are 100.4 GiB; bf16 adds autocast's copies; LoRA holds 2 bytes a parameter."""
    full = memory(CONFIG.replace(precision="fp32"), LLAMA2_7B, 4096, 1000)
    assert (full.weights + full.gradients + full.optimizer) / 2**30 == pytest.approx(100.4, abs=0.1)
    half = memory(CONFIG.replace(precision="bf16"), LLAMA2_7B, 4096, 1000)
    assert (half.weights - full.weights) / 2**30 == pytest.approx(12.55, abs=0.01)
    lora = Shape(6_738_415_616, 40_000_000, 32, 4096, 11008, 32000, True)
    small_one = memory(CONFIG.replace(precision="bf16", lora_rank=16), lora, 4096, 1000)
    assert 12.5 < (small_one.weights + small_one.gradients + small_one.optimizer) / 2**30 < 13.5
    sharded = memory(CONFIG.replace(fsdp=True, precision="fp32"), LLAMA2_7B, 4096, 1000, processes=4)
    assert sharded.optimizer * 4 == full.optimizer
    recomputed = memory(CONFIG.replace(gradient_checkpointing=True), LLAMA2_7B, 4096, 1000)
    assert recomputed.activations < full.activations / 10


def test_lora_counts_the_adapters_it_would_get(tmp_path):
    from agentbank.training.start import ready

    config = CONFIG.replace(lora_rank=3)
    model = small.model()
    want = shape_of(model, config).trainable
    adapted, _ = ready(model, config)
    assert sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad) == want


def test_a_shape_is_read_without_loading_weights(tmp_path):
    model = small.model()
    model.config.save_pretrained(tmp_path)  # no weights are there at all
    config = CONFIG.replace(model=str(tmp_path))
    assert shape(config) == shape_of(model, config)
    with pytest.raises(UsageError, match="no model could be read from"):
        shape(CONFIG.replace(model=str(tmp_path / "nothing")))


def test_a_row_is_shown_with_what_is_trained(tokenizer):
    ids = tokenizer("go to cabinet 12")["input_ids"]
    shown = coloured(Masked(ids, [-100, -100, *ids[2:]]), tokenizer)
    assert shown.plain == "go to cabinet 12"
    assert [(shown.plain[s.start : s.end], str(s.style)) for s in shown.spans] == [
        ("go to", "dim"),
        (" cabinet 12", "bold green"),
    ]
    assert coloured(Masked(ids * 50, ids * 50), tokenizer, most=20).plain.endswith(" ...")


def test_the_description_names_memory_by_its_parts():
    text = describe(plan(CONFIG.replace(max_length=4096), ROWS, model=LLAMA2_7B))
    assert "weights 25.1 GiB" in text and "optimizer 50.2 GiB" in text and "0.0% padding" in text
