import asyncio

import pytest

from agentbank.agents import make_agent
from agentbank.agents.core import Agent, Limits
from agentbank.envs import make
from agentbank.harness import rollout
from agentbank.trajectories import ContextOverflow, Fault, Reply, Turn, chat


class Says(Agent):
    """Says what it is told to, then raises what it is told to."""

    name = "says"
    version = "3"

    def __init__(self, *lines, then=None, pause=0.0):
        self.lines, self.then, self.pause = list(lines), then, pause

    async def begin(self, brief):
        self.brief = brief
        return ()

    async def act(self, view):
        await asyncio.sleep(self.pause)
        if not self.lines:
            if self.then is not None:
                raise self.then
            return Turn("", stop=True)
        line = self.lines.pop(0)
        return Turn(line, action=line, calls=(Reply(line, 10, 5),))


def play(agent, task="count/test/9", limits=None, **options):
    env = make("count", **options)
    try:
        return asyncio.run(rollout(env, agent, task, seed=1, limits=limits or Limits()))
    finally:
        env.close()


def test_the_record_holds_all_that_happened(count):
    episode = play(make_agent("expert")())
    assert episode.ending == "done" and episode.outcome.score == 1.0 and episode.outcome.success
    assert [step.turn.action for step in episode.steps] == [str(i) for i in range(1, 10)]
    assert episode.steps[0].observation == "Count to 9." and episode.final == "9!"
    assert episode.steps[0].action_source == "gold"
    assert episode.outcome.reward == 1.0 and episode.task.seed == 1 and episode.env.max_steps == 20
    assert episode.seconds > 0 and episode.started > 1e9


def test_the_chat_is_a_view(count):
    episode = play(Says("1", "2"))
    messages = chat(episode)
    assert [m.role for m in messages] == ["user", "assistant", "user", "assistant"]
    assert [m.content for m in messages] == ["Count to 9.", "1", "1!", "2"]
    assert [m.loss for m in messages] == [False, True, False, True]


def test_stopping_by_itself(count):
    episode = play(Says("1"))
    assert episode.ending == "stopped" and episode.outcome.score == pytest.approx(1 / 9) and episode.valid


def test_gold_goes_only_to_those_who_declare_the_need(count):
    agent = Says("1")
    play(agent)
    assert agent.brief.gold is None and "next number" in agent.brief.manual


def test_limits_of_steps_time_and_tokens(count):
    assert play(Says(*"1234567"), max_steps=3).ending == "max_steps"
    slow = play(Says(*"1234567", pause=0.05), limits=Limits(seconds=0.12))
    assert slow.ending == "time" and slow.valid and 1 <= len(slow.steps) <= 3
    short = play(Says(*"1234567"), limits=Limits(tokens=30))
    assert short.ending == "tokens" and len(short.steps) == 2


def test_context_overflow_is_an_ending_of_its_own(count):
    episode = play(Says("1", then=ContextOverflow("full")))
    assert episode.ending == "context" and episode.valid and episode.error is None


@pytest.mark.parametrize(
    ("trouble", "boundary"),
    [
        (Fault("model", "down"), "model"),
        (Fault("grader", "x"), "grader"),
        (ValueError("bug"), "agent"),
        (TimeoutError("t"), "agent"),
    ],
)
def test_our_failures_are_failures_with_their_boundary(count, trouble, boundary):
    episode = play(Says("1", then=trouble))
    assert episode.ending == "failed" and not episode.valid
    assert episode.error.boundary == boundary and episode.error.kind == type(trouble).__name__
    assert len(episode.steps) == 1, "what happened before the failure is kept"


def test_a_world_that_breaks_is_a_failure_at_env(count):
    episode = play(Says("1", "2"), trouble="raise")
    assert episode.ending == "failed" and episode.error.boundary == "env" and "ZeroDivisionError" in episode.error.kind


def test_an_unknown_task_is_a_failure_not_a_zero(count):
    episode = play(Says("1"), task="count/test/99")
    assert episode.ending == "failed" and "did you mean" in episode.error.message


def test_invalid_actions_are_counted(count):
    episode = play(Says("x", "1"))
    assert [step.valid for step in episode.steps] == [False, True]
