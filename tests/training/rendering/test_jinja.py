"""Chat templates of tokenizers: those of real models (TRL ships them) and those that go wrong."""

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from agentbank.agents.models.template import digest
from agentbank.training import generation_prompt, prompts_are_prefixes, prove, render, stop_text, template_digest
from agentbank.trajectories import UsageError

CHATML = """{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
MARKED = """{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' %}
{%- generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}{% else %}{{ m.content + '<|im_end|>\\n' }}
{%- endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
GLM = """[gMASK]<sop>{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"""
FORGETS_THOUGHTS = """{% for m in messages %}{% set text = m.content %}
{%- if m.role == 'assistant' and not loop.last %}{% set text = m.content.split('</think>')[-1] %}{% endif %}
{{- '<|im_start|>' + m.role + '\\n' + text + '<|im_end|>\\n' }}{% endfor %}"""
THINKS_FIRST = CHATML.replace("assistant\\n' }}{% endif %}", "assistant\\n<think>\\n' }}{% endif %}")
IM = ["<|im_start|>", "<|im_end|>"]


def learned(rendered):
    return [token for token, on in zip(rendered.input_ids, rendered.loss_mask, strict=True) if on]


def bundled():
    trl = pytest.importorskip("trl", reason="TRL ships the chat templates of real models")
    return sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))


MARKS = ["<|im_end|>", "<|eot_id|>", "<|end|>", "<|user|>", "<|assistant|>", "<end_of_turn>", "<|return|>", "<turn|>"]


def test_templates_of_real_models_are_proven(build, talk):
    files = bundled()
    assert len(files) > 20
    tokenizer = build("byte_level", MARKS)
    for file in files:
        source = file.read_text()
        for turns in (1, 3, 20):
            rendered = render(talk(turns), tokenizer, source)
            assert prove([rendered], tokenizer).exact == turns, file.stem
            stop = stop_text(tokenizer, source)
            if turns > 1:
                assert tokenizer.decode(learned(rendered)).count(stop) >= turns - 1, file.stem


def test_ids_are_hugging_faces_own_and_the_mask_lies_inside_its_marks(build, talk):
    """Templates with generation marks: same ids; what we learn, they learn too (some add headers or line breaks)."""
    files = [file for file in bundled() if file.stem.endswith("_training")]
    compared = 0
    tokenizer = build("byte_level", MARKS)
    for file in files:
        source = file.read_text()
        if "llava" in source or "idefics" in file.stem or "smolvlm" in file.stem or "llava" in file.stem:
            continue
        theirs = tokenizer.apply_chat_template(
            talk(3), chat_template=source, return_dict=True, return_assistant_tokens_mask=True
        )
        ours = render(talk(3), tokenizer, source)
        size = len(theirs["input_ids"])
        assert ours.input_ids[:size] == theirs["input_ids"], file.stem
        assert all(their >= our for their, our in zip(theirs["assistant_masks"], ours.loss_mask, strict=False)), (
            file.stem
        )
        compared += 1
    assert compared > 10


def test_marks_change_nothing(build, talk):
    tokenizer = build("byte_level", IM)
    marked, bare = render(talk(3), tokenizer, MARKED), render(talk(3), tokenizer, CHATML)
    assert marked == bare == render(talk(3), tokenizer, "chatml")
    theirs = tokenizer.apply_chat_template(
        talk(3), chat_template=MARKED, return_dict=True, return_assistant_tokens_mask=True
    )
    assert [bool(each) for each in theirs["assistant_masks"]] == marked.loss_mask


def test_the_tokenizers_own_template_is_the_default(build, talk):
    tokenizer = build("byte_level", IM)
    tokenizer.chat_template = CHATML
    assert render(talk(3), tokenizer) == render(talk(3), tokenizer, "chatml")
    first = template_digest(tokenizer)
    assert first == digest(CHATML), "the digest that rollouts of a checkpoint put into their episodes"
    tokenizer.chat_template = "{{ bos_token }}" + CHATML
    assert template_digest(tokenizer) != first
    assert render(talk(3), tokenizer) != render(talk(3), tokenizer, "chatml")


def test_a_stop_that_is_the_next_roles_marker_is_learned(build, talk):
    tokenizer = build("byte_level", ["<|user|>", "<|assistant|>"])
    rendered = render(talk(3), tokenizer, GLM)
    stops = [span.text.rpartition("]]")[2] for span in rendered.spans if span.trained]
    assert stops == ["<|user|>", "<|user|>", "</s>"]
    assert prove([rendered], tokenizer).exact == 3


def test_bos_is_not_doubled(build, talk):
    with_bos = "{{ bos_token }}" + CHATML
    tokenizer = build("adds_bos", IM)
    rendered = render(talk(3), tokenizer, with_bos)
    assert rendered.input_ids.count(tokenizer.bos_token_id) == 1
    assert tokenizer.eos_token_id not in rendered.input_ids
    prompt = generation_prompt(talk(3)[:1], tokenizer, with_bos)
    assert prompt == rendered.input_ids[: len(prompt)]


def test_a_template_without_stop_is_refused(build, talk):
    tokenizer = build("byte_level")
    with pytest.raises(UsageError, match="no stop token, so a model would never learn to stop"):
        render(talk(3), tokenizer, "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}")


def test_a_stop_of_plain_text_is_learned(build, talk):
    tokenizer = build("byte_level")
    source = "{% for m in messages %}{{ '### ' + m.role + '\\n' + m.content + '\\n### End\\n' }}{% endfor %}"
    rendered = render(talk(3), tokenizer, source)
    assert [span.text[-8:] for span in rendered.spans if span.trained] == ["\n### End"] * 3
    assert prove([rendered], tokenizer).exact == 3


def test_runs_of_blanks_are_no_stop(build, talk):
    source = "{% for m in messages %}{{ '### ' + m.role + '\\n' + m.content + '\\n\\n### End\\n' }}{% endfor %}"
    tokenizer = build("byte_level", ["\n\n", "  "])
    rendered = render(talk(3), tokenizer, source)
    assert [span.text[-9:] for span in rendered.spans if span.trained] == ["\n\n### End"] * 3


class Dated(PreTrainedTokenizerFast):
    """A real tokenizer whose template opens with today's date."""

    today = "1 May"

    def apply_chat_template(self, conversation, **options):
        return f"Today is {self.today}.\n" + super().apply_chat_template(conversation, **options)


def test_a_template_that_writes_the_date_outlives_midnight(build, talk):
    base = build("byte_level", IM)
    tokenizer = Dated(tokenizer_object=base.backend_tokenizer, bos_token="<s>", eos_token="</s>")
    first = render(talk(2), tokenizer, CHATML)
    tokenizer.today = "2 May"
    second = render(talk(2), tokenizer, CHATML)
    assert tokenizer.decode(second.input_ids).startswith("Today is 2 May.")
    assert prove([first, second], tokenizer).exact == 4


def test_dropped_thoughts_are_found_out(build):
    tokenizer = build("byte_level", IM)
    messages = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "<think>hm</think>a"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "<think>hm</think>a"},
    ]
    with pytest.raises(UsageError, match=r"message 1 \(assistant\): the chat template drops or rewrites its text"):
        render(messages, tokenizer, FORGETS_THOUGHTS)
    assert prove([render(messages[:2], tokenizer, FORGETS_THOUGHTS)], tokenizer).exact == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{% for m in messages[:2] %}{{ m.role + m.content + '</s>' }}{% endfor %}", "drops, repeats or reorders"),
        ("{% for m in messages %}{{ m.content + m.content + '</s>' }}{% endfor %}", "drops, repeats or reorders"),
        (
            "{% for m in messages %}{% if m.role != 'system' %}{{ m.role + m.content + '</s>' }}{% endif %}{% endfor %}",
            r"drops message 0 \(system\)",
        ),
        ("{% for m in messages %}{{ m.content | upper }}</s>{% endfor %}", r"message 0 \(system\): .* rewrites"),
        ("{{ raise_exception('no system here') }}", "refuses this conversation.*no system here"),
    ],
)
def test_templates_that_lose_messages(build, talk, source, words):
    with pytest.raises(UsageError, match=words):
        render(talk(3, system="Be brief."), build("byte_level"), source)


def test_a_system_text_put_elsewhere_or_twice_is_no_matter(build, talk):
    source = """{% set first = messages[0].content %}{% for m in messages[1:] %}{{ m.role + ': ' }}
    {%- if m.role == 'user' %}{{ first + '\\n' }}{% endif %}{{ m.content + '</s>' }}{% endfor %}"""
    tokenizer = build("byte_level")
    assert prove([render(talk(3, system="search[[mug]]"), tokenizer, source)], tokenizer).exact == 3


def test_user_messages_in_a_row_are_joined_only_where_refused(build):
    tokenizer = build("byte_level", IM)
    messages = [
        {"role": "user", "content": "manual"},
        {"role": "user", "content": "seen"},
        {"role": "assistant", "content": "go"},
    ]
    strict = "{% if messages[1].role == 'user' %}{{ raise_exception('alternate') }}{% endif %}" + CHATML
    joined = tokenizer.decode(render(messages, tokenizer, strict).input_ids)
    assert joined.startswith("<|im_start|>user\nmanual\n\nseen<|im_end|>")
    assert tokenizer.decode(render(messages, tokenizer, CHATML).input_ids).count("<|im_start|>user") == 2
    with pytest.raises(UsageError, match="of user messages in a row one is learned"):
        render([messages[0], {**messages[1], "loss": True}, messages[2]], tokenizer, strict)


def test_prompts_that_are_no_prefixes_are_known(build):
    tokenizer = build("byte_level", IM)
    assert prompts_are_prefixes(tokenizer, "chatml")
    assert prompts_are_prefixes(tokenizer, CHATML)
    assert not prompts_are_prefixes(tokenizer, THINKS_FIRST)


class Counting(PreTrainedTokenizerFast):
    """A real tokenizer that counts how often its template is rendered, and over how many messages."""

    rendered = 0

    def apply_chat_template(self, conversation, **options):
        self.rendered += len(conversation)
        return super().apply_chat_template(conversation, **options)


def test_one_pass_however_long(build, talk):
    base = build("byte_level", IM)
    tokenizer = Counting(tokenizer_object=base.backend_tokenizer, bos_token="<s>", eos_token="</s>")
    messages = talk(60)
    render(messages, tokenizer, CHATML)
    assert tokenizer.rendered < 3 * 120, "the first row also learns the skeleton of its roles"
    tokenizer.rendered = 0
    render(messages, tokenizer, CHATML)
    assert tokenizer.rendered == 120
