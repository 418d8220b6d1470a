import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentbank.training import generation_prompt, prove, render, stop_ids, stop_text, template_digest
from agentbank.training.rendering import NAMED
from agentbank.trajectories import Message, UnknownName, UsageError

LLAMA2 = """{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system = messages[0]['content'] %}
{%- else %}{% set rest = messages %}{% set system = false %}{% endif %}
{%- for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('must alternate') }}{% endif %}
{%- if loop.index0 == 0 and system %}{% set text = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + m['content'] %}
{%- else %}{% set text = m['content'] %}{% endif %}
{%- if m['role'] == 'user' %}{{ bos_token + '[INST] ' + text.strip() + ' [/INST]' }}
{%- else %}{{ ' ' + text.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"""


def learned(rendered):
    return [token for token, on in zip(rendered.input_ids, rendered.loss_mask, strict=True) if on]


@pytest.mark.parametrize("turns", [1, 3, 20])
@pytest.mark.parametrize("template", [*NAMED, LLAMA2], ids=[*NAMED, "jinja"])
def test_learned_tokens_are_the_answers_and_their_stops(tokenizer, talk, template, turns):
    rendered = render(talk(turns), tokenizer, template)
    proof = prove([rendered], tokenizer)
    assert (proof.rows, proof.messages, proof.tokens) == (1, turns, sum(rendered.loss_mask))
    assert len(rendered.loss_mask) == len(rendered.input_ids)
    assert rendered.labels() == [
        token if on else -100 for token, on in zip(rendered.input_ids, rendered.loss_mask, strict=True)
    ]


@pytest.mark.parametrize("template", [*NAMED, LLAMA2], ids=[*NAMED, "jinja"])
def test_a_lossless_tokenizer_gives_back_every_character(build, talk, template):
    tokenizer = build("byte_level", ["<|im_start|>", "<|im_end|>", "<|eot_id|>"])
    messages = talk(3)
    rendered = render(messages, tokenizer, template)
    said = [message["content"] for message in messages if message["role"] == "assistant"]
    blank = " " if template in ("llama2", "llama2-bare", "plain", LLAMA2) else ""
    stop = stop_text(tokenizer, template)
    after = " " if "llama2" in template or template == LLAMA2 else ""
    assert tokenizer.decode(learned(rendered)) == "".join(f"{blank}{each}{after}{stop}" for each in said)
    assert prove([rendered], tokenizer).exact == 3


@pytest.mark.parametrize("turns", [1, 3, 20])
@pytest.mark.parametrize("template", [*NAMED, LLAMA2], ids=[*NAMED, "jinja"])
def test_a_generation_prompt_is_a_prefix_of_the_render(tokenizer, talk, template, turns):
    messages = talk(turns, system="Be brief.")
    whole = render(messages, tokenizer, template)
    answers = [span for span in whole.spans if span.role == "assistant"]
    for turn in range(turns):
        prompt = generation_prompt(messages[: 2 * turn + 2], tokenizer, template)
        assert whole.input_ids[: len(prompt)] == prompt
        assert len(prompt) == answers[turn].start


def test_llama2_is_exact(build):
    tokenizer = build("byte_level")
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": " q1 "},
        {"role": "assistant", "content": " a1 \n"},
        {"role": "user", "content": "q2"},
        {"role": "assistant", "content": "a2"},
    ]
    text = "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\n q1 [/INST] a1 </s><s>[INST] q2 [/INST] a2 </s>"
    assert tokenizer.decode(render(messages, tokenizer, "llama2").input_ids) == text
    fixed = "You are a helpful, respectful and honest assistant."
    rendered = render(messages[1:], tokenizer, "llama2")
    assert tokenizer.decode(rendered.input_ids) == text.replace("Be kind.", fixed).replace("\n\n q1", "\n\n q1")
    bare = tokenizer.decode(render(messages[1:], tokenizer, "llama2-bare").input_ids)
    assert bare == "<s>[INST] q1 [/INST] a1 </s><s>[INST] q2 [/INST] a2 </s>"


@pytest.mark.parametrize("kind", ["byte_level", "adds_bos", "llama_like"])
def test_llama2_has_one_bos_and_one_learned_eos_per_exchange(build, talk, kind):
    tokenizer = build(kind)
    rendered = render(talk(20), tokenizer, "llama2")
    assert rendered.input_ids.count(tokenizer.bos_token_id) == 20
    assert rendered.input_ids.count(tokenizer.eos_token_id) == 20
    assert learned(rendered).count(tokenizer.eos_token_id) == 20
    assert tokenizer.bos_token_id not in learned(rendered)


@pytest.mark.parametrize("system", [None, "Be kind."])
def test_llama2_equals_the_official_template(tokenizer, talk, system):
    messages = talk(3, system=system)
    official = render(messages, tokenizer, LLAMA2)
    assert render(messages, tokenizer, "llama2" if system else "llama2-bare") == official


def test_llama3_and_chatml_as_text(build, talk):
    tokenizer = build("byte_level", ["<|eot_id|>", "<|im_end|>"])
    messages = [{"role": "user", "content": " q "}, {"role": "assistant", "content": " a "}]
    assert tokenizer.decode(render(messages, tokenizer, "llama3").input_ids) == (
        "<s><|start_header_id|>user<|end_header_id|>\n\nq<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\na<|eot_id|>"
    )
    assert tokenizer.decode(render(messages, tokenizer, "chatml").input_ids) == (
        "<|im_start|>user\n q <|im_end|>\n<|im_start|>assistant\n a <|im_end|>\n"
    )
    assert stop_ids(tokenizer, "llama3") == [tokenizer.convert_tokens_to_ids("<|eot_id|>")]
    assert (stop_text(tokenizer, "chatml"), stop_text(tokenizer, "plain")) == ("<|im_end|>", "</s>")


def test_plain_spends_one_token_on_a_role_where_the_tokenizer_has_one(build):
    messages = [{"role": "user", "content": "mug"}, {"role": "assistant", "content": "go"}]
    tokenizer = build("words", ["<|user|>", "<|assistant|>"])
    tokens = tokenizer.convert_ids_to_tokens(render(messages, tokenizer, "plain").input_ids)
    assert tokens == ["<s>", "<|user|>", "mug", "<|assistant|>", "go", "</s>"]
    without = build("byte_level")
    assert without.decode(render(messages, without, "plain").input_ids) == "<s>mug\n> go</s>\n"


def test_edges_made_of_blanks_and_scripts_are_kept(tokenizer):
    messages = [
        {"role": "system", "content": " s \n"},
        {"role": "user", "content": "\n x "},
        {"role": "assistant", "content": "\n\n  go  \n"},
        {"role": "user", "content": ""},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "é日本 👩‍🚀"},
        {"role": "assistant", "content": "日本 search[[x]] 👩‍🚀\n\n"},
    ]
    for template in NAMED:
        rendered = render(messages, tokenizer, template)
        assert prove([rendered], tokenizer).messages == 3
        for end in (2, 4, 6):
            prompt = generation_prompt(messages[:end], tokenizer, template)
            assert rendered.input_ids[: len(prompt)] == prompt


contents = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40) | st.sampled_from(
    ["[INST]", " [/INST] ", "<<SYS>>", "<|im_end|>x", "]]", "Action: search[[a]]", ":)", "\n\n", "user", "a" * 99]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(st.tuples(contents, contents), min_size=1, max_size=5), template=st.sampled_from([*NAMED, LLAMA2]))
def test_any_words_pass_the_proof(build, said, template):
    tokenizer = _byte_level(build)
    messages = [
        {"role": role, "content": text} for pair in said for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    rendered = render(messages, tokenizer, template)
    proof = prove([rendered], tokenizer)
    assert proof.exact + proof.blanks == proof.messages == len(said)


_kept = {}


def _byte_level(build):
    if not _kept:
        _kept["byte_level"] = build("byte_level")
    return _kept["byte_level"]


def test_loss_flags_choose_what_is_learned(build):
    tokenizer = build("byte_level")
    messages = [
        Message("user", "manual"),
        Message("assistant", "OK.", False),
        Message("user", "seen", True),
        Message("assistant", "done"),
    ]
    rendered = render(messages, tokenizer, "chatml")
    assert tokenizer.decode(learned(rendered)) == "seendone<|im_end|>"
    assert [(span.message, span.role, span.trained) for span in rendered.spans] == [
        (0, "user", False),
        (1, "assistant", False),
        (2, "user", True),
        (3, "assistant", True),
    ]
    assert prove([rendered], tokenizer).messages == 2
    silent = render([Message("user", "a"), Message("assistant", "b", False)], tokenizer, "chatml")
    assert not any(silent.loss_mask)


def test_every_span_decodes_to_its_message(build, talk):
    tokenizer = build("byte_level")
    messages = talk(3, system="Be brief.")
    rendered = render(messages, tokenizer, "chatml")
    for message, span in zip(messages, rendered.spans, strict=True):
        assert message["content"] in tokenizer.decode(rendered.input_ids[span.start : span.stop])


def test_truncation_and_padding_left_on_by_an_earlier_call_do_nothing(build, talk):
    tokenizer = build("byte_level")
    tokenizer.truncation_side = "left"
    expected = render(talk(3), tokenizer, "llama2")
    tokenizer("some words that are more than four", truncation=True, max_length=4, padding="max_length")
    assert render(talk(3), tokenizer, "llama2") == expected


def test_pad_equal_to_eos_does_not_unlearn_the_stop(build, talk):
    tokenizer = build("byte_level", bos_token="<s>", eos_token="</s>", pad_token="</s>")
    assert learned(render(talk(3), tokenizer, "llama2")).count(tokenizer.eos_token_id) == 3


def test_digests_tell_templates_apart(build):
    tokenizer = build("byte_level")
    digests = {template_digest(tokenizer, name) for name in NAMED} | {template_digest(tokenizer, LLAMA2)}
    assert len(digests) == len(NAMED) + 1
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in digests)
    other = build("byte_level", bos_token="<s>", eos_token="<pad>")
    assert template_digest(tokenizer, "llama2") != template_digest(other, "llama2")
    assert template_digest(tokenizer, "llama2") == template_digest(build("llama_like"), "llama2")
    tokenizer.chat_template = LLAMA2
    assert template_digest(tokenizer) == template_digest(tokenizer, LLAMA2)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "without messages"),
        ([{"role": "tool", "content": "x"}], "message 0: role 'tool'"),
        ([{"role": "user", "content": "x"}, {"role": "assistant", "content": None}], "message 1: content is NoneType"),
        ([{"role": "user", "content": "x", "loss": "yes"}], "message 0: loss 'yes'"),
    ],
)
def test_messages_that_cannot_be(build, messages, words):
    with pytest.raises(UsageError, match=words):
        render(messages, build("byte_level"), "chatml")


def test_what_a_tokenizer_lacks_is_said(build, talk):
    bare = build("byte_level", unk_token=None)
    for template in ("llama2", "plain"):
        with pytest.raises(UsageError, match=r"this tokenizer has none; set `(bos|eos)_token`"):
            render(talk(1), bare, template)
    assert prove([render(talk(3), bare, "chatml")], bare).messages == 3
    with pytest.raises(UsageError, match="no chat template of its own; name one: llama2"):
        render(talk(1), bare)
    with pytest.raises(UnknownName, match="did you mean 'llama2'"):
        render(talk(1), bare, "lama2")
    with pytest.raises(UsageError, match=r"no fast .Rust. backend"):
        render(talk(1), object(), "chatml")
    with pytest.raises(UsageError, match="the last message is the assistant's"):
        generation_prompt(talk(1), bare, "chatml")
