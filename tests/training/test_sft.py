import json

import pytest
import small
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from agentbank.training.config import SFTConfig
from agentbank.training.rows import Masked
from agentbank.training.sft import train
from agentbank.trajectories.errors import DataError, UsageError

ROWS = small.ragged(21)
CONFIG = SFTConfig(device="cpu", max_length=64, batch_size=8, epochs=2, learning_rate=1e-3, save_every=2)


def run(out, config=CONFIG, rows=ROWS, seed=0, **options):
    return train(config, rows, out, model=small.model(seed), tokenizer=small.tokenizer(), **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One uninterrupted run that others are held against."""
    return run(tmp_path_factory.mktemp("whole") / "run")


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()


def stop_after(step):
    def report(point):
        if point["step"] == step:
            raise KeyboardInterrupt

    return report


def test_a_run_learns_and_leaves_a_whole_checkpoint(whole):
    assert len(whole.losses) == 6 and whole.losses[-1] < whole.losses[0] - 0.1
    left = {each.name for each in whole.out.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= left
    assert {"chat_template.jinja", "README.md", "training.json", "checkpoints"} <= left and ".partial" not in left
    record = json.loads((whole.out / "training.json").read_text())
    assert record == json.loads(json.dumps(whole.record))
    assert record["data"]["rows"] == 21 and record["data"]["loss_tokens"] == sum(row.trained for row in ROWS)
    assert record["versions"]["torch"] == torch.__version__ and len(record["loss"]) == 6


def test_the_checkpoint_serves_in_transformers_as_it_trained(whole):
    model = AutoModelForCausalLM.from_pretrained(whole.out)
    tokenizer = AutoTokenizer.from_pretrained(whole.out)
    assert model.config._attn_implementation == "sdpa" and model.config.use_cache
    settings = json.loads((whole.out / "generation_config.json").read_text())
    assert settings["do_sample"] is False and settings["eos_token_id"] == tokenizer.eos_token_id
    assert settings["pad_token_id"] == tokenizer.pad_token_id
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "go"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    assert model.generate(**prompt, max_new_tokens=4).shape[1] > prompt["input_ids"].shape[1]
    last = weights(whole.out / "checkpoints" / "checkpoint-6")
    assert all(torch.equal(value, last[name]) for name, value in model.state_dict().items())


def test_the_card_says_what_happened(whole):
    card = (whole.out / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers") and whole.record["data"]["fingerprint"] in card
    assert f"{whole.losses[0]:.4f} at step 1, {whole.losses[-1]:.4f} at step 6" in card


def test_layouts_learn_the_same(tmp_path, whole):
    for name, options in {
        "sdpa": {"attention": "sdpa"},
        "grouped": {"batching": "grouped"},
        "small passes": {"micro_tokens": 64},
        "recomputed": {"gradient_checkpointing": True},
    }.items():
        losses = run(tmp_path / name, CONFIG.replace(**options)).losses
        assert losses == pytest.approx(whole.losses, abs=2e-5), name


@pytest.mark.parametrize("step", [3, 4])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, whole, step):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", report=stop_after(step))
    left = sorted(each.name for each in (tmp_path / "run" / "checkpoints").iterdir())
    assert left == ["checkpoint-2"]  # step 4 is logged before it is saved
    resumed = run(tmp_path / "run", resume=True)
    assert resumed.record["resumed_from"] == "checkpoint-2"
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-6)
    mine, theirs = weights(resumed.out), weights(whole.out)
    assert all(torch.allclose(mine[name], theirs[name], atol=1e-6) for name in theirs)


def test_lora_trains_adapters_resumes_and_is_released_merged(tmp_path):
    config = CONFIG.replace(lora_rank=4, lora_dropout=0.1, learning_rate=1e-2)
    straight = run(tmp_path / "straight", config)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", config, report=stop_after(3))
    resumed = run(tmp_path / "run", config, resume=True)
    assert resumed.losses == pytest.approx(straight.losses, abs=1e-6)  # dropout's random state came back too
    base, merged = small.model(), AutoModelForCausalLM.from_pretrained(straight.out, dtype=torch.float32)
    changed = {name for name, value in merged.state_dict().items() if not torch.equal(value, base.state_dict()[name])}
    assert changed and all("_proj" in name for name in changed)
    from peft import PeftModel

    ids = torch.tensor([list(ROWS[0].input_ids)])
    adapted = PeftModel.from_pretrained(base, straight.out / "adapter").eval()
    assert torch.allclose(adapted(ids).logits, merged(ids).logits, atol=1e-5)


def test_bf16_is_autocast_over_fp32_weights(tmp_path, whole):
    half = run(tmp_path / "run", CONFIG.replace(precision="bf16"))
    assert half.losses == pytest.approx(whole.losses, abs=0.05) and half.losses != whole.losses
    assert {value.dtype for value in weights(half.out).values()} == {torch.float32}


def test_old_checkpoints_go(tmp_path):
    run(tmp_path / "run", CONFIG.replace(save_every=1, keep_checkpoints=3))
    left = sorted(each.name for each in (tmp_path / "run" / "checkpoints").iterdir())
    assert left == ["checkpoint-4", "checkpoint-5", "checkpoint-6"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": small.ragged(21, seed=1)}, "its data set is another one"),
        ({"rows": ROWS[::-1]}, "its data set is another one"),
        ({"seed": 1}, "it is a checkpoint of another model"),
        ({"config": CONFIG.replace(learning_rate=2e-3)}, r"learning_rate was 0.001, is 0.002"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path, change, said):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", report=stop_after(3))
    with pytest.raises(UsageError, match=said):
        run(tmp_path / "run", resume=True, **change)


def test_what_does_not_change_learning_may_change_on_resume(tmp_path, whole):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", report=stop_after(3))
    resumed = run(tmp_path / "run", CONFIG.replace(save_every=3, log_every=1, keep_checkpoints=1), resume=True)
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-6)


def test_a_torn_identity_is_named(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", report=stop_after(3))
    (tmp_path / "run" / "checkpoints" / "checkpoint-2" / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"checkpoint-2/run.json: not a run's identity"):
        run(tmp_path / "run", resume=True)


def test_a_finished_or_begun_run_is_not_overwritten(tmp_path, whole):
    with pytest.raises(UsageError, match="already holds a run"):
        run(whole.out)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", report=stop_after(3))
    with pytest.raises(UsageError, match="already holds a run"):
        run(tmp_path / "run")


def test_a_loss_that_is_no_number_stops_before_the_weights_are_touched(tmp_path):
    model = small.model()
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] = torch.nan
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UsageError, match=r"the loss is nan at step 1 \(rows [\d, ]+\): stopped before the weights"):
        train(CONFIG, ROWS, tmp_path / "run", model=model, tokenizer=small.tokenizer())
    after = model.state_dict()
    assert all(torch.equal(after[name].nan_to_num(7), value.nan_to_num(7)) for name, value in before.items())
    assert not list((tmp_path / "run" / "checkpoints").glob("*"))


def test_a_model_without_a_tokenizer_or_the_reverse_is_refused(tmp_path):
    with pytest.raises(UsageError, match="model and tokenizer together"):
        train(CONFIG, ROWS, tmp_path, model=small.model())
    with pytest.raises(UsageError, match="name one with --model"):
        train(CONFIG, ROWS, tmp_path)
    with pytest.raises(UsageError, match="no model could be loaded from"):
        train(CONFIG.replace(model=str(tmp_path / "nothing")), ROWS, tmp_path)


def test_a_tokenizer_without_eos_is_refused_and_one_without_pad_is_not(tmp_path):
    bare = small.tokenizer()
    bare.pad_token = None
    done = train(CONFIG.replace(max_steps=1), ROWS, tmp_path / "a", model=small.model(), tokenizer=bare)
    assert AutoTokenizer.from_pretrained(done.out).pad_token == "<unk>"
    bare.eos_token = None
    with pytest.raises(UsageError, match="no EOS token"):
        train(CONFIG, ROWS, tmp_path / "b", model=small.model(), tokenizer=bare)


def test_another_models_tokenizer_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"token id 5000 is outside the model's \d+ embeddings"):
        run(tmp_path, rows=[Masked([1, 5000], [1, 5000])])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"compile": True}, "compile is for accelerators"),
        ({"liger": True}, "liger is for accelerators"),
        ({"batching": "grouped", "attention": "documents"}, "serves packed rows only"),
        ({"lora_rank": 2, "lora_targets": ("nowhere",)}, "LoRA found no layers"),
    ],
)
def test_what_cannot_be_had_is_said(tmp_path, options, said):
    with pytest.raises(UsageError, match=said):
        run(tmp_path, CONFIG.replace(**options))
