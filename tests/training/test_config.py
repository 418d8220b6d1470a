import dataclasses

import pytest

from agentbank.training.config import SFTConfig, configure, read_toml
from agentbank.training.flags import help_of
from agentbank.training.presets import OURS, PRESETS, named
from agentbank.trajectories.errors import DataError, UnknownName, UsageError


def test_every_field_has_a_docstring():
    assert set(help_of(SFTConfig)) == {each.name for each in dataclasses.fields(SFTConfig)}


def test_flags_win_over_the_file_and_the_file_over_the_preset(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('learning_rate = 1e-4\nbatch_size = 16\n[sft]\nlora_targets = ["q_proj", "v_proj"]\n')
    made = configure("agentlm-7b", file, {"batch_size": 32, "seed": None})
    assert (made.learning_rate, made.batch_size, made.warmup, made.seed) == (1e-4, 32, 0.02, 0)
    assert made.lora_targets == ("q_proj", "v_proj") and made.model == "meta-llama/Llama-2-7b-chat-hf"


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SFTConfig().seed = 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "learning_rat = 1",
            r"run.toml, field 'learning_rat': no setting 'learning_rat'; did you mean 'learning_rate'",
        ),
        ("learning_rate = ", "not a TOML file"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, said):
    file = tmp_path / "run.toml"
    file.write_text(text)
    with pytest.raises(DataError, match=said):
        read_toml(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_toml(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch_size": 0}, r"batch_size is 0; it must be in 1\.\."),
        ({"batch_size": "8"}, "batch_size must be int, not '8'"),
        ({"batch_size": True}, "batch_size must be int, not True"),
        ({"warmup": 1.5}, r"warmup is 1.5; it must be in 0\.\.1"),
        ({"warmup": float("nan")}, "warmup is nan"),
        ({"micro_tokens": 100}, "micro_tokens 100 is below max_length 4096"),
        ({"lora_targets": "q_proj"}, "lora_targets must be a list of names"),
        ({"template": 3}, "template must be"),
    ],
)
def test_a_bad_value_is_refused_with_its_range(settings, said):
    with pytest.raises(UsageError, match=said):
        SFTConfig().replace(**settings)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'batch_size'"):
        SFTConfig().replace(batchsize=1)
    with pytest.raises(UnknownName, match="packed"):
        SFTConfig(batching="pakced")
    with pytest.raises(UnknownName, match="samoyed-7b"):
        configure("samoyed-7")


def test_the_presets_are_the_papers_and_say_what_is_not():
    assert set(PRESETS) == {"samoyed-7b", "samoyed-13b", "agentlm-7b", "agentlm-13b", "agentlm-70b"}
    for name, preset in PRESETS.items():
        assert SFTConfig().replace(**preset.settings()).model.startswith("meta-llama/Llama-2-"), name
        assert all(source for _, source in preset.values.values())
    seven = named("agentlm-7b")
    assert seven.settings()["learning_rate"] == 5e-5 and seven.settings()["warmup"] == 0.02
    assert seven.settings()["batch_size"] == 64 and seven.mixture["agent"] == 0.2 and seven.pick == "draw"
    assert "epochs" in seven.unknown() and "learning_rate" in named("agentlm-70b").unknown()
    assert "learning_rate" not in seven.unknown()
    assert {"learning_rate", "epochs", "batch_size", "template"} <= set(named("samoyed-7b").unknown())
    assert named("samoyed-13b").mixture == {"agent": 0.8, "general": 0.1, "code": 0.1}
    assert OURS == "not published; ours"
