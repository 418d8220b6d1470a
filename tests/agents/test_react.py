import asyncio

import pytest

from agentbank.agents import Brief, View, make_agent
from agentbank.agents.models.scripted import Scripted, by_turn
from agentbank.trajectories.errors import ContextOverflow, Fault, UnknownName, UsageError
from agentbank.trajectories.record import (
    AgentRef,
    EnvRef,
    Episode,
    Message,
    Reply,
    Result,
    Step,
    TaskRef,
    chat,
)

BRIEF = Brief("shop", "search[words] looks for {words}; buy[number] buys.", "discrete", seed=3)
CORRECTION = "No action was found in that reply. Answer again, in exactly this form:\nThought: ...\nAction: ..."


class Recording(Scripted):
    """A script that keeps each chat that it was asked with, and the limits."""

    def __init__(self, replies):
        super().__init__(replies)
        self.chats, self.limits = [], []

    async def complete(self, chat, **limits):
        self.chats.append([(each.role, each.content) for each in chat])
        self.limits.append(limits)
        return await super().complete(chat, **limits)


def play(replies, observations=("obs 1", "obs 2", "obs 3"), *, name="react", brief=BRIEF, **options):
    """Let the agent answer the observations; return its turns, the model, and the episode that a harness records."""
    model = replies if isinstance(replies, Scripted) else Recording(replies)
    agent = make_agent(name, model=model, **options)()

    async def episode():
        prompt = await agent.begin(brief)
        return prompt, [await agent.act(View(each)) for each in observations]

    prompt, turns = asyncio.run(episode())
    steps = tuple(Step(seen, turn) for seen, turn in zip(observations, turns, strict=True))
    record = Episode(
        id="0",
        task=TaskRef("shop", "shop/1", "test", "d", 3),
        env=EnvRef("1", "sample", "sample", 9),
        agent=agent.ref(),
        prompt=prompt,
        steps=steps,
        final="",
        ending="max_steps",
        outcome=Result(0, False, 0),
    )
    return turns, model, record


def pairs(messages):
    return [(each.role, each.content) for each in messages]


@pytest.mark.parametrize("lead", ["system", "user"])
@pytest.mark.parametrize("name", ["react", "act"])
def test_the_record_gives_back_exactly_what_the_model_saw(name, lead):
    replies = ["Thought: a\nAction: search[x]\n", "Action: b \n\nmore", "  Thought: c\nAction: buy[1]"]
    _, model, record = play(replies, name=name, lead=lead)
    whole = pairs(chat(record))
    for seen, said in zip(model.chats, replies, strict=True):
        assert seen == whole[: len(seen)]
        assert whole[len(seen)] == ("assistant", said)
    assert len(whole) == len(model.chats[-1]) + 1
    roles = [role for role, _ in whole if role != "system"]
    assert roles == ["user", "assistant"] * (len(roles) // 2)


def test_a_correction_is_asked_for_once_kept_in_the_calls_and_out_of_the_conversation():
    costs = [
        Reply("hmm", 10, 2),
        Reply("Thought: sorry\nAction: search[x]", 20, 5),
        Reply("Thought: b\nAction: buy[1]"),
    ]
    turns, model, record = play(costs, ("obs 1", "obs 2"))
    assert (turns[0].text, turns[0].action, turns[0].parsed) == (costs[1].text, "search[x]", "strict")
    assert turns[0].calls == tuple(costs[:2]) and list(record.replies()) == costs
    assert model.chats[1] == [*model.chats[0], ("assistant", "hmm"), ("user", CORRECTION)]
    assert model.chats[2] == pairs(chat(record))[:-1]
    assert "hmm" not in str(model.chats[2])
    assert model.limits[0]["seed"] != model.limits[1]["seed"]


def test_a_second_reply_without_action_is_an_invalid_turn():
    turns, model, record = play(["hmm", "I do not know.", "Thought: b\nAction: buy[1]"], ("obs 1", "obs 2"))
    assert (turns[0].action, turns[0].parsed, turns[0].text, turns[0].stop) == ("", "none", "I do not know.", False)
    assert len(turns[0].calls) == 2 and turns[1].action == "buy[1]"
    assert model.chats[2] == pairs(chat(record))[:-1]


def test_without_corrections_the_first_reply_stands():
    turns, _, _ = play(["hmm"], ("obs",), corrections=0)
    assert (turns[0].text, turns[0].parsed, len(turns[0].calls)) == ("hmm", "none", 1)


@pytest.mark.parametrize("text", ["", "q" * 2_000_000, "\x00\ud7ff", "Thought: and so on " * 50])
def test_a_models_nonsense_is_an_invalid_turn_never_an_error(text):
    turns, _, _ = play([text, text], ("obs",))
    assert (turns[0].action, turns[0].parsed, turns[0].text) == ("", "none", text)


def test_the_first_of_several_actions_counts():
    turns, _, _ = play(["Thought: t\nAction: search[a]\nAction: buy[1]"], ("obs",))
    assert (turns[0].action, turns[0].parsed) == ("search[a]", "lenient")


def test_the_manual_stands_in_the_prompt_as_it_is_and_is_not_trained_on():
    _, _, record = play(["Action: a"], ("obs",))
    assert len(record.prompt) == 1 and BRIEF.manual in record.prompt[0].content
    assert "Thought:" in record.prompt[0].content and "{manual}" not in record.prompt[0].content
    assert [each.loss for each in chat(record)] == [False, False, True]
    _, _, record = play(["Action: a"], ("obs",), name="act")
    assert "Thought:" not in record.prompt[0].content and record.agent.name == "act"


def test_code_is_asked_for_and_read_as_code():
    brief = Brief("sql", "Write SQL.", "code")
    turns, _, record = play(["Thought: t\nAction:\n```sql\nSELECT a\nFROM b\n```"], ("obs",), brief=brief)
    assert (turns[0].action, turns[0].parsed) == ("SELECT a\nFROM b", "strict")
    assert "fenced" in record.prompt[0].content


def test_limits_seed_and_the_stop_string_reach_the_model():
    brief = Brief("shop", "m", "discrete", seed=5, reply_tokens=77)
    _, model, _ = play(["Action: a"] * 3, brief=brief)
    assert {(each["max_tokens"], each["stop"]) for each in model.limits} == {(77, ("\nObservation:",))}
    assert len({each["seed"] for each in model.limits}) == 3
    _, again, _ = play(["Action: a"] * 3, brief=brief)
    assert again.limits == model.limits


def test_overflow_and_faults_pass_through():
    for error in (ContextOverflow("full"), Fault("model", "down")):

        def fail(chat, error=error):
            raise error

        with pytest.raises(type(error)):
            play(fail, ("obs",))


def test_where_only_the_correction_does_not_fit_the_first_reply_stands():
    def script(chat):
        if "No action was found" in chat[-1].content:
            raise ContextOverflow("full")
        return "hmm" if chat[-1].content == "obs 1" else "Thought: t\nAction: go"

    turns, _, _ = play(script, ("obs 1", "obs 2"))
    assert (turns[0].text, turns[0].parsed, len(turns[0].calls)) == ("hmm", "none", 1)
    assert turns[1].action == "go"


def test_episodes_share_a_model_and_nothing_else():
    model = Scripted(by_turn(["Thought: a\nAction: one", "Thought: b\nAction: two"]))
    factory = make_agent("react", model=model)

    async def episode():
        agent = factory()
        await agent.begin(BRIEF)
        return [(await agent.act(View(f"obs {n}"))).action for n in range(3)]

    async def many():
        return await asyncio.gather(*(episode() for _ in range(50)))

    assert asyncio.run(many()) == [["one", "two", "two"]] * 50


def test_the_record_names_agent_options_and_model():
    _, _, record = play(["Action: a"], ("obs",), corrections="0")
    assert record.agent == AgentRef("react", "1", {"lead": "system", "corrections": 0}, "scripted", {}, None)


def test_a_model_is_needed_and_options_are_checked():
    with pytest.raises(UsageError, match="needs a model"):
        make_agent("react")
    with pytest.raises(UnknownName, match="did you mean 'corrections'"):
        make_agent("react", model=Scripted(["a"]), correction=1)
    with pytest.raises(UsageError, match="corrections must be 0 or 1"):
        make_agent("react", model=Scripted(["a"]), corrections=2)
    with pytest.raises(UsageError, match="lead"):
        make_agent("act", model=Scripted(["a"]), lead="assistant")


def test_messages_are_what_a_model_may_render():
    _, _, record = play(["Action: a"], ("obs",))
    assert all(isinstance(each, Message) for each in chat(record))
