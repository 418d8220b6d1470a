import dataclasses

import pytest

from agentbank.training import Ledger, MaskError, TooLong, prove, render, render_rows, template_digest
from agentbank.trajectories import Message, UsageError
from agentbank.trajectories.formats import Conversation


def conversation(turns, world="shop", id="c", size=5, head=2):
    messages = [Message("system", "Manual. " * head, False)]
    for turn in range(turns):
        messages.append(Message("user", f"seen{turn} " + "word " * size))
        messages.append(Message("assistant", f"act{turn}"))
    return Conversation(id, tuple(messages), {"env": world})


def said(rendered, tokenizer):
    return tokenizer.decode(rendered.input_ids)


@pytest.mark.parametrize("template", ["llama2", "llama3", "chatml", "plain"])
def test_too_long_loses_the_oldest_exchanges_but_head_and_finish(build, template):
    tokenizer = build("byte_level", ["<|im_end|>", "<|im_start|>"])
    messages = conversation(12).messages
    whole = render(messages, tokenizer, template)
    shortest = len(render([*messages[:3], *messages[-2:]], tokenizer, template).input_ids)
    for limit in range(shortest, len(whole.input_ids) + 20, 7):
        cut = render(messages, tokenizer, template, max_length=limit)
        assert len(cut.input_ids) <= limit
        assert prove([cut], tokenizer).messages >= 2
        text = said(cut, tokenizer)
        assert "seen0" in text and "act0" in text and "seen11" in text and "act11" in text
        kept = [span.message for span in cut.spans if span.role == "assistant"]
        assert kept == [2, *range(kept[1], 25, 2)], "oldest first, in order, no gap but one"
        assert kept == [span.message + 1 for span in cut.spans if span.role == "user"], "answers keep their question"
        if kept[1] > 4:
            longer = [*messages[:3], *messages[kept[1] - 3 :]]
            assert len(render(longer, tokenizer, template).input_ids) > limit, "no more than needed"
    with pytest.raises(TooLong, match="first and the last of 12 exchanges alone"):
        render(messages, tokenizer, template, max_length=shortest - 1)


def test_a_single_turn_is_never_cut_inside(build):
    with pytest.raises(TooLong, match="raise max_length or leave this row out"):
        render(conversation(1, size=500).messages, build("byte_level"), "chatml", max_length=100)


def test_examples_in_the_prompt_belong_to_the_head(build):
    tokenizer = build("byte_level")
    example = [Message("user", "example"), Message("assistant", "shown", False)]
    messages = [*example, *conversation(8).messages[1:], Message("user", "the end")]
    limit = len(render(messages, tokenizer, "llama3").input_ids) - 40
    text = said(render(messages, tokenizer, "llama3", max_length=limit), tokenizer)
    assert "example" in text and "shown" in text and "the end" in text and "act7" in text
    assert "act1" not in text


def test_the_ledger_counts_what_was_cut_and_left_out(build):
    tokenizer = build("byte_level")
    mute = Conversation("mute", (Message("user", "a"), Message("assistant", "b", False)), {"env": "shop"})
    odd = Conversation("odd", (Message("user", "q"), Message("system", "s"), Message("assistant", "a")), {"env": "odd"})
    rows = [conversation(2, id="a"), conversation(12, id="b"), mute, conversation(2, "house", "c", size=900), odd]
    ledger = Ledger()
    kept = list(render_rows(rows, tokenizer, "llama2", max_length=400, ledger=ledger, batch=2))
    assert [row.id for row in kept] == ["a", "b"]
    assert [row.tokens for row in kept] == [len(row.rendered.input_ids) for row in kept]
    shop = ledger.count["shop"]
    whole = render(rows[1].messages, tokenizer, "llama2")
    assert (shop["rows"], shop["kept"], shop["cut"], shop["nothing_to_train"]) == (3, 2, 1, 1)
    assert shop["tokens_cut"] == len(whole.input_ids) - kept[1].tokens
    assert shop["loss_tokens_cut"] == whole.loss_tokens - kept[1].loss_tokens > 0
    assert shop["exchanges_cut"] == 12 - sum(span.trained for span in kept[1].rendered.spans)
    assert ledger.count["house"] == {"rows": 1, "too_long": 1}
    assert ledger.count["odd"] == {"rows": 1, "refused": 1}
    assert ledger.total["rows"] == 5
    assert "odd: first refusal: odd: message 1: template 'llama2' takes a system message only" in str(ledger)
    for row in (mute, rows[3], odd):
        with pytest.raises(UsageError, match=r"mute|alone have more|only at the front"):
            list(render_rows([row], tokenizer, "llama2", max_length=400, strict=True))


def test_batches_change_nothing(build):
    tokenizer = build("llama_like")
    rows = [conversation(turns, id=str(turns)) for turns in range(1, 9)]
    alone = [render(row.messages, tokenizer, "llama2") for row in rows]
    assert [row.rendered for row in render_rows(rows, tokenizer, "llama2", batch=3)] == alone


def test_another_template_than_the_rollouts_is_refused_unless_allowed(build):
    tokenizer = build("byte_level")
    digest = template_digest(tokenizer, "llama2")

    def played(under):
        row = conversation(2)
        return Conversation(row.id, row.messages, {**row.meta, "episode": {"agent": {"template": under}}})

    assert len(list(render_rows([played(digest), played(None)], tokenizer, "llama2"))) == 2
    with pytest.raises(UsageError, match=f"played under chat template {digest}"):
        list(render_rows([played(digest)], tokenizer, "chatml"))
    assert len(list(render_rows([played(digest)], tokenizer, "chatml", other_template=True))) == 1


@pytest.mark.parametrize("kind", ["byte_level", "llama_like", "metaspace", "words"])
def test_the_proof_catches_every_slip(build, kind):
    tokenizer = build(kind)
    good = render(conversation(3).messages, tokenizer, "llama2")
    assert prove([good] * 300, tokenizer).rows == 300
    first = next(span for span in good.spans if span.trained)

    def with_mask(index, value):
        mask = list(good.loss_mask)
        mask[index] = value
        return dataclasses.replace(good, loss_mask=mask)

    with pytest.raises(MaskError, match=r"row 1: token 0 .* is learned outside"):
        prove([good, with_mask(0, True)], tokenizer)
    with pytest.raises(MaskError, match=rf"row 0: token {first.stop - 1} .* of a learned message is not learned"):
        prove([with_mask(first.stop - 1, False)], tokenizer)
    for shift in (-1, 1):
        moved = [s._replace(start=s.start + shift, stop=s.stop + shift) if s == first else s for s in good.spans]
        mask = [any(s.trained and s.start <= i < s.stop for s in moved) for i in range(len(good.input_ids))]
        with pytest.raises(MaskError, match=r"row 0, message 2: learned .* but the message is ' act0 </s>'"):
            prove([dataclasses.replace(good, loss_mask=mask, spans=tuple(moved))], tokenizer)
    with pytest.raises(MaskError, match="nothing in it is learned"):
        prove([dataclasses.replace(good, loss_mask=[False] * len(good.loss_mask))], tokenizer)
    with pytest.raises(MaskError, match="mask entries"):
        prove([dataclasses.replace(good, loss_mask=good.loss_mask[:-1])], tokenizer)
