import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from agentbank.training import render
from agentbank.training.from_scratch import make_tokenizer
from agentbank.training.served import agreement, jinja

MARKS = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|im_start|>", "<|im_end|>", "[INST]", "[/INST]"]
texts = st.text(alphabet="ab 12\n[]<>é", max_size=12)
turns = st.lists(st.tuples(texts, texts), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def tokenizer():
    made = make_tokenizer(["search[red mug] click[Buy Now]\nOK."], vocabulary=400)
    made.add_tokens(MARKS, special_tokens=True)
    return made


@pytest.mark.parametrize("name", ["llama2", "llama2-bare", "llama3", "chatml", "plain"])
@settings(max_examples=40, deadline=None)
@given(pairs=turns, system=st.none() | texts)
def test_the_jinja_text_lays_out_what_the_renderer_does(tokenizer, name, pairs, system):
    messages = [{"role": "system", "content": system}] if system is not None else []
    for said, answered in pairs:
        messages += [{"role": "user", "content": said}, {"role": "assistant", "content": answered}]
    text = tokenizer.apply_chat_template(messages, chat_template=jinja(name, tokenizer), tokenize=False)
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == render(messages, tokenizer, name).input_ids
    assert agreement([messages], tokenizer, name) == (len(pairs), len(pairs))


def test_plain_without_role_tokens_is_a_line_a_message():
    engine = Tokenizer(models.BPE(unk_token=None))
    engine.pre_tokenizer, engine.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    engine.train_from_iterator(["go take mug"], trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False))
    bare = PreTrainedTokenizerFast(tokenizer_object=engine, bos_token="<s>", eos_token="</s>")
    messages = [{"role": "user", "content": "go"}, {"role": "assistant", "content": "take mug"}]
    assert bare.apply_chat_template(messages, chat_template=jinja("plain", bare), tokenize=False) == (
        "<s>go\n> take mug</s>\n"
    )
    assert agreement([messages], bare, "plain") == (1, 1)


def test_two_users_in_a_row_share_one_instruction(tokenizer):
    messages = [
        {"role": "user", "content": " a"},
        {"role": "user", "content": "b "},
        {"role": "assistant", "content": "c"},
    ]
    text = tokenizer.apply_chat_template(messages, chat_template=jinja("llama2", tokenizer), tokenize=False)
    assert text.count("[INST]") == 1
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == render(messages, tokenizer, "llama2").input_ids
