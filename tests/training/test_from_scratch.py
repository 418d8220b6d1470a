import pytest
import small
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agentbank.training import prove, render, template_digest
from agentbank.training.from_scratch import SPECIAL, make_model, make_tokenizer
from agentbank.trajectories.errors import UsageError

WORDS = small.tokenizer()
PAIRS = make_tokenizer(small.TEXTS, kind="bpe", vocabulary=300)


@pytest.mark.parametrize("made", [WORDS, PAIRS], ids=["words", "bpe"])
@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_comes_back(made, text):
    ids = made(text, add_special_tokens=False)["input_ids"]
    assert made.decode(ids, skip_special_tokens=False) == text and made.unk_token_id not in ids


def test_an_entity_is_one_token_with_and_without_its_space():
    pieces = WORDS.tokenize("cabinet 12: a mug 3 in cabinet 12")
    assert len(WORDS.tokenize("cabinet 12")) == 1 and len(WORDS.tokenize(" cabinet 12")) == 1
    assert len([each for each in pieces if "cabinet" in each]) == 2
    assert len(WORDS.tokenize("cabinet 123")) > 1 and len(WORDS.tokenize("xcabinet 12")) > 1


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("mug mug 1 mug 12", ["mug", " mug 1", " mug 12"]),
        ("mug 12 (red) mug 12 (blue)", ["mug 12 (red)", " mug 12"]),
        ("mug 123 mu 1", ["mug", " mu"]),
        ("[SEP] mug [SEP] cup", ["[SEP] mug", " [SEP] "]),
    ],
)
def test_the_longest_of_names_that_begin_alike_is_taken(text, whole):
    names = ["mug", "mug 1", "mug 12", "mug 12 (red)", "mu", "[SEP] ", "[SEP] mug"]
    made = make_tokenizer(["cup", " (blue) cup"], entities=names)
    ids = made(text, add_special_tokens=False)["input_ids"]
    told = [made.decode([each]) for each in ids]
    assert [each for each in told if each.strip() in {name.strip() for name in names}] == whole
    assert "".join(told) == text


def test_frequent_words_are_one_token():
    assert WORDS.tokenize("You arrive at") == ["You", "Ġarrive", "Ġat"]


def test_the_same_texts_make_the_same_tokenizer():
    assert small.tokenizer().get_vocab() == WORDS.get_vocab()
    again = make_tokenizer(small.TEXTS, kind="bpe", vocabulary=300)
    assert again.get_vocab() == PAIRS.get_vocab()


@pytest.mark.parametrize("made", [WORDS, PAIRS], ids=["words", "bpe"])
def test_its_template_is_plain_and_its_masks_are_proven(made):
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": " take mug 3 [now]"},
        {"role": "user", "content": "Done."},
        {"role": "assistant", "content": "go to cabinet 12"},
    ]
    own, plain = render(chat, made), render(chat, made, "plain")
    assert own.input_ids == plain.input_ids and own.loss_mask == plain.loss_mask
    assert prove([own], made).exact == 2 and template_digest(made) == template_digest(made)
    assert all(made.convert_tokens_to_ids(token) == index for index, token in enumerate(SPECIAL))


@pytest.mark.parametrize(
    ("texts", "options", "said"),
    [
        ([], {}, "there were none"),
        (["a"], {"vocabulary": 100}, "it needs 263 or more"),
        (["a"], {"kind": "bpe", "entities": ["b"]}, "one token per entity"),
    ],
)
def test_what_cannot_be_made_is_said(texts, options, said):
    with pytest.raises(UsageError, match=said):
        make_tokenizer(texts, **options)


def test_a_seed_fixes_the_weights_and_leaves_the_global_state():
    torch.manual_seed(5)
    want = torch.rand(3)
    torch.manual_seed(5)
    one = small.model(seed=1)
    assert torch.equal(torch.rand(3), want)
    assert torch.equal(one.lm_head.weight, small.model(seed=1).lm_head.weight)
    assert not torch.equal(one.lm_head.weight, small.model(seed=2).lm_head.weight)
    assert one.lm_head.weight is one.model.embed_tokens.weight
    with pytest.raises(UsageError, match="not divisible"):
        make_model(WORDS, width=65, heads=2)
