import json
import re

import msgspec
import pytest
import small
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from agentbank.training import generation_prompt, template_digest
from agentbank.training.cli import app
from agentbank.training.mixture import Recipe
from agentbank.training.prepare import prepare
from agentbank.training.sources import Part
from agentbank.trajectories import AgentRef, EnvRef, Episode, Message, Result, Step, TaskRef, Turn, UsageError

DIGEST = template_digest(small.tokenizer(), "plain")


def episode(number, template):
    steps = tuple(
        Step(
            f"You see a mug {each}.",
            Turn(text=f"Thought: it is there.\nAction: take mug {each}", action=f"take mug {each}"),
        )
        for each in range(number % 3 + 1)
    )
    return Episode(
        id=f"e{number}",
        task=TaskRef("toyworld", f"toyworld/train/{number}", "train", "d", 0),
        env=EnvRef("1", "sample", "sample", 10),
        agent=AgentRef("react", model="m", template=template),
        prompt=(Message("system", "Act."),),
        steps=steps,
        final="Done.",
        ending="done",
        outcome=Result(1.0, True, 1.0),
    )


@pytest.fixture
def place(tmp_path):
    """A base model, a run folder of episodes made under the plain template, and a file of general talk."""
    small.model().save_pretrained(tmp_path / "base")
    small.tokenizer().save_pretrained(tmp_path / "base")
    (tmp_path / "run").mkdir()
    lines = [msgspec.json.encode(episode(number, DIGEST if number % 2 else None)) for number in range(12)]
    (tmp_path / "run" / "episodes.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    talk = [
        {
            "id": f"g{n}",
            "conversations": [{"from": "human", "value": f"say {n}"}, {"from": "gpt", "value": f"It is {n}."}],
        }
        for n in range(12)
    ]
    (tmp_path / "general.jsonl").write_text("".join(json.dumps(each) + "\n" for each in talk))
    return tmp_path


def call(place, *words, fails=False):
    base = ["sft", "--data", f"{place / 'run'}=0.5", f"{place / 'general.jsonl'}=0.5", "--model", str(place / "base")]
    result = CliRunner().invoke(app, [*base, "--device", "cpu", "--max-length", "128", *words])
    if fails:
        assert result.exception is not None
        return result.exception
    assert result.exit_code == 0, result.output + repr(result.exception)
    return re.sub(r"\s+", " ", result.output)


def test_a_dry_run_says_what_would_happen_and_makes_nothing(place):
    said = call(
        place, "--template", "plain", "--batch-size", "4", "--epochs", "2", "--out", str(place / "out"), "--dry-run"
    )
    assert "12 50.0%" in said and "mask proof: 24 rows" in said
    assert "steps 12 (6 an epoch) on 1 process(es)" in said and "memory about" in said and "0.0% padding" in said
    assert "green is trained" in said and "<|assistant|>" in said and not (place / "out").exists()


def test_a_dry_run_of_a_preset_gives_each_value_its_source(place):
    said = call(place, "--preset", "samoyed-7b", "--template", "plain", "--precision", "fp32", "--dry-run")
    assert "preset samoyed-7b, AgentBank (arXiv 2410.07706)" in said and "not published; ours" in said
    assert re.search(r"learning_rate 2e-05 not published; ours", said)
    assert re.search(r"template 'plain' set by hand; the preset has 'llama2'", said)


THINKS_FIRST = (
    "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|><think>' }}{% endif %}"
)


def test_a_template_whose_prompts_are_no_prefixes_is_told(place):
    words = ["--batch-size", "4", "--out", str(place / "out"), "--dry-run", "--allow-template-mismatch", "--template"]
    assert "are not prefixes" in call(place, *words, THINKS_FIRST)
    assert "are not prefixes" not in call(place, *words, "plain")


def test_one_command_from_episodes_to_a_checkpoint(place):
    out = place / "out"
    words = ["--template", "plain", "--batch-size", "8", "--epochs", "3", "--learning-rate", "3e-3", "--out", str(out)]
    said = call(place, *words)
    assert "step 9 of 9" in said
    record = json.loads((out / "training.json").read_text())
    assert record["base"] == str(place / "base") and record["template"]["digest"] == DIGEST
    assert record["template"]["served_alike"] == record["template"]["served_probes"] > 0
    assert record["mixture"]["shares"]["rows"] == {str(place / "run"): 0.5, str(place / "general.jsonl"): 0.5}
    assert record["mixture"]["proof"]["rows"] == 24
    assert "## Mixture" in (out / "README.md").read_text()
    tokenizer = AutoTokenizer.from_pretrained(out)
    turns = [{"role": "user", "content": "You see a mug 1."}]
    served = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert served == generation_prompt(turns, tokenizer, "plain")
    assert AutoModelForCausalLM.from_pretrained(out).num_parameters() == small.model().num_parameters()
    assert "already holds a run" in str(call(place, *words, fails=True))


def test_the_toml_file_and_lists_are_taken(place):
    (place / "run.toml").write_text('epochs = 1\nbatch_size = 4\ntemplate = "plain"\n')
    out = place / "out"
    call(
        place,
        "--config",
        str(place / "run.toml"),
        "--lora-rank",
        "2",
        "--lora-targets",
        "q_proj",
        "--lora-targets",
        "v_proj",
        "--max-steps",
        "2",
        "--out",
        str(out),
    )
    record = json.loads((out / "training.json").read_text())
    assert record["config"]["lora_targets"] == ["q_proj", "v_proj"] and record["steps"] == 2


def test_episodes_of_another_template_are_refused_unless_allowed(place):
    error = call(place, "--template", "llama2", "--dry-run", fails=True)
    assert isinstance(error, UsageError)
    assert re.search(rf"row 'e1' was played under chat template {DIGEST}.*--allow-template-mismatch", str(error))
    assert "mask proof" in call(place, "--template", "llama2", "--dry-run", "--allow-template-mismatch")


def test_actions_alone(place):
    ready = prepare([Part(str(place / "run"))], small.tokenizer(), template="plain", max_length=128, thoughts=False)
    learned = small.tokenizer().decode([label for label in ready.rows[0].labels if label >= 0])
    assert "Thought" not in learned and "take mug" in learned


def test_a_mixture_without_an_end_needs_a_limit(place):
    parts, options = (
        [Part(str(place / "run"))],
        {"template": "plain", "max_length": 128, "recipe": Recipe(ends="cycle")},
    )
    with pytest.raises(UsageError, match="never ends; say how many rows with --limit"):
        prepare(parts, small.tokenizer(), **options)
    assert len(prepare(parts, small.tokenizer(), limit=50, **options).rows) == 50


def test_a_source_of_which_no_row_fits_is_named(place):
    with pytest.raises(UsageError, match=r"run: no row of it can be trained on"):
        prepare([Part(str(place / "run"))], small.tokenizer(), template="plain", max_length=8)


def test_wrong_words_are_refused(place):
    result = CliRunner().invoke(app, ["sft", "--data", "a", "--batching", "pakced"])
    assert result.exit_code == 2 and "pakced" in result.output
    assert "no model to start from" in str(CliRunner().invoke(app, ["sft", "--data", "a"]).exception)
