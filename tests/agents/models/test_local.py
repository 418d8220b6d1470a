import asyncio
import hashlib
import sys
from pathlib import Path

import pytest
import tiny

from agentbank.agents import Brief, View, make_agent, make_model
from agentbank.agents.models.template import digest_of_folder
from agentbank.trajectories.errors import ContextOverflow, DataError, UnknownName, UsageError
from agentbank.trajectories.record import Message

pytest.importorskip("torch")
pytest.importorskip("transformers")

CHATS = [
    [Message("system", "How to act here: answer."), Message("user", "open the fridge " * n + str(n))]
    for n in range(1, 9)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny.write_checkpoint(tmp_path_factory.mktemp("tiny"))


def ask(model, chats, **limits):
    async def all_at_once():
        try:
            return await asyncio.gather(*(model.complete(chat, **limits) for chat in chats))
        finally:
            await model.close()

    return asyncio.run(all_at_once())


def one_by_one(model, chats, **limits):
    async def each():
        try:
            return [await model.complete(chat, **limits) for chat in chats]
        finally:
            await model.close()

    return asyncio.run(each())


def test_a_batch_gives_the_same_greedy_replies_as_one_by_one(folder):
    alone = one_by_one(make_model(f"hf:{folder}", max_tokens=24), CHATS)
    batched = ask(make_model(f"transformers:{folder}", max_tokens=24, max_batch=8), CHATS)
    assert [each.completion_ids for each in batched] == [each.completion_ids for each in alone]
    assert [each.text for each in batched] == [each.text for each in alone]
    assert len({each.text for each in batched}) > 1
    assert all(each.prompt_tokens == len(each.prompt_ids) > 0 for each in batched)
    assert all(each.completion_tokens == len(each.completion_ids) <= 24 for each in batched)


def test_the_batch_is_one_call_of_generate(folder):
    model = make_model(f"hf:{folder}", max_tokens=4, max_batch=8)
    sizes = []
    inner = model._model.generate

    def counting(**given):
        sizes.append(len(given["input_ids"]))
        return inner(**given)

    model._model.generate = counting
    ask(model, [*CHATS, CHATS[0]])
    assert sizes == [8, 1]


def test_greedy_is_what_transformers_itself_gives(folder):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = [{"role": each.role, "content": each.content} for each in CHATS[2]]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    plain = AutoModelForCausalLM.from_pretrained(folder).generate(**ids, max_new_tokens=20, do_sample=False)
    reply = ask(make_model(f"hf:{folder}", max_tokens=20), [CHATS[2]])[0]
    assert reply.prompt_ids == tuple(ids["input_ids"][0].tolist())
    assert reply.completion_ids == tuple(plain[0, ids["input_ids"].shape[1] :].tolist())


def test_sampling_is_fixed_by_the_seed_and_untouched_by_the_batch(folder):
    options = {"temperature": 1.5, "top_p": 0.9, "max_tokens": 16}
    alone = one_by_one(make_model(f"hf:{folder}", **options), CHATS, seed=5)
    batched = ask(make_model(f"hf:{folder}", **options), CHATS, seed=5)
    other = ask(make_model(f"hf:{folder}", **options), CHATS, seed=6)
    assert [each.completion_ids for each in batched] == [each.completion_ids for each in alone]
    assert [each.completion_ids for each in batched] != [each.completion_ids for each in other]


def test_sampling_follows_the_distribution():
    import torch

    from agentbank.agents.models.batch import Sampler

    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(4000, 1)
    drawn = Sampler(range(4000), 1.0, 1.0)(None, logits).argmax(-1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert torch.allclose(shares, torch.tensor([0.5, 0.3, 0.15, 0.05]), atol=0.03)
    cut = Sampler(range(4000), 1.0, 0.7)(None, logits).argmax(-1)
    assert set(cut.tolist()) == {0, 1}


def test_stop_strings_and_limits_hold_row_by_row(folder):
    free = ask(make_model(f"hf:{folder}", max_tokens=24), CHATS)
    # The middle of what the model says by itself, as the stop string.
    text = next(each.text for each in free if len(each.text) > 12)
    stop = text[5:8]
    held = ask(make_model(f"hf:{folder}", max_tokens=24), CHATS, stop=(stop,))
    for before, after in zip(free, held, strict=True):
        assert after.text == before.text.partition(stop)[0]
        assert after.completion_ids == before.completion_ids[: len(after.completion_ids)]
        assert (after.finish_reason == "stop") or stop not in before.text
    short = ask(make_model(f"hf:{folder}", max_tokens=24), CHATS, max_tokens=3)
    assert [each.completion_ids for each in short] == [each.completion_ids[:3] for each in free]


def test_overflow_is_found_before_generating(folder):
    model = make_model(f"hf:{folder}")
    with pytest.raises(ContextOverflow, match="window of 256"):
        ask(model, [[Message("user", "open the fridge " * 200)]])


def test_the_reply_is_held_inside_the_window(folder):
    reply = ask(make_model(f"hf:{folder}", context=40), [[Message("user", "go")]])[0]
    assert reply.prompt_tokens + reply.completion_tokens <= 40


def test_the_template_is_named_by_its_digest_and_can_be_replaced(folder, tmp_path):
    expected = hashlib.sha256(tiny.TEMPLATE.encode()).hexdigest()[:16]
    assert make_model(f"hf:{folder}").template == expected == digest_of_folder(folder)
    other = tmp_path / "other.jinja"
    other.write_text("{% for m in messages %}{{ m['content'] }}|{% endfor %}")
    model = make_model(f"hf:{folder}", template=str(other), max_tokens=2)
    assert model.template == hashlib.sha256(other.read_bytes()).hexdigest()[:16]
    assert model.tokenizer.decode(ask(model, [[Message("user", "apple")]])[0].prompt_ids) == "apple|"


def test_another_renderer_can_take_over(folder):
    model = make_model(f"hf:{folder}", max_tokens=2)
    model.tokenise = lambda chat: [7, 8, 9]
    assert ask(model, [CHATS[0]])[0].prompt_ids == (7, 8, 9)


def test_a_checkpoint_without_template_names_the_option(tmp_path):
    bare = tiny.write_checkpoint(tmp_path / "bare", template=None)
    with pytest.raises(UsageError, match="template=FILE"):
        make_model(f"hf:{bare}")
    with pytest.raises(DataError, match=r"gone\.jinja"):
        make_model(f"hf:{bare}", template="gone.jinja")


def test_a_template_that_refuses_a_role_names_the_mend(tmp_path):
    strict = "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    folder = tiny.write_checkpoint(tmp_path / "strict", template=strict + "{{ m['content'] }}{% endfor %}")
    model = make_model(f"hf:{folder}", max_tokens=4)
    with pytest.raises(UsageError, match="lead=user"):
        ask(model, [CHATS[0]])
    model = make_model(f"hf:{folder}", max_tokens=4)
    agent = make_agent("react", model=model, lead="user", corrections=0)()

    async def turn():
        await agent.begin(Brief("world", "Act.", "discrete"))
        return await agent.act(View("go"))

    assert asyncio.run(turn()).calls[0].prompt_ids


def test_wrong_names_are_told(tmp_path, folder):
    with pytest.raises(UsageError, match="no checkpoint"):
        make_model(f"hf:{tmp_path / 'nothing'}")
    with pytest.raises(UnknownName, match="did you mean 'max_batch'"):
        make_model(f"hf:{folder}", max_bach=3)
    with pytest.raises(UsageError, match="no torch type"):
        make_model(f"hf:{folder}", dtype="float33")


def test_an_engine_that_fails_is_told_to_each_chat_and_serves_on(folder):
    from agentbank.trajectories.errors import Fault

    model = make_model(f"hf:{folder}", max_tokens=2)
    render = model.tokenise
    model.tokenise = lambda chat: [10**6] if chat[0].content == "bad" else render(chat)

    async def both():
        with pytest.raises(Fault) as caught:
            await model.complete([Message("user", "bad")])
        assert caught.value.boundary == "model"
        good = await model.complete(CHATS[0])
        await model.close()
        return good

    assert asyncio.run(both()).completion_tokens == 2


def test_the_package_imports_without_torch():
    import subprocess

    code = "import sys, agentbank.agents; print([m for m in ('torch', 'transformers', 'aiohttp') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
