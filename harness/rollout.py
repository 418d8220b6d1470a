"""One episode: introduce an agent to a world, take turns until an end, and write down all of it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ..agents.core import Agent, Brief, Limits, Need, View
from ..envs import TextEnv
from ..trajectories import (
    AgentRef,
    ContextOverflow,
    EnvRef,
    Episode,
    Failure,
    Fault,
    Message,
    Result,
    Step,
    TaskRef,
    Turn,
    episode_id,
)
from ..trajectories.errors import Boundary
from ..trajectories.record import Ending
from .seat import Answer, Inline, Opened, Seat

HEAD = ("task", "seed", "fidelity", "data", "valid")
"""Info keys that the episode's head or the step itself holds already."""


NO_LIMITS = Limits()


class Broke(Exception):
    """Carries a failure, by boundary, out of the loop."""

    def __init__(self, boundary: Boundary, cause: Exception) -> None:
        super().__init__(str(cause))
        where = cause.boundary if isinstance(cause, Fault) else boundary
        self.failure = Failure(where, type(cause).__name__, str(cause)[:2000])


async def rollout(
    env: TextEnv | Seat,
    agent: Agent,
    task: str | None = None,
    *,
    seed: int = 0,
    limits: Limits = NO_LIMITS,
    who: AgentRef | None = None,
    run: str = "",
    trial: int = 0,
) -> Episode:
    """Play one episode and return its record, whatever happens: a fault of ours ends it as `failed`.

    Args:
        env: A world made by `make` (stepped in this thread), or a seat of the harness's pool.
        agent: A fresh agent; it keeps its history in itself.
        task: Task id; None draws one by `seed`.
        seed: With the task id it fixes the world's side of the episode.
        limits: Of time and tokens; the step limit belongs to the world (`max_steps`).
        who: How the record names the agent and its model.
        run: Identity of the run, part of the episode's id.
        trial: Which of several tries at this task.
    """
    seat: Seat = Inline(env) if isinstance(env, TextEnv) else env
    keeper = _Keeper(agent, seat, limits, seed)
    started, clock = time.time(), time.perf_counter()
    error: Failure | None = None
    ending: Ending
    try:
        ending = await keeper.play(task)
    except Broke as broke:
        ending, error = "failed", broke.failure
    opened = keeper.opened
    head = opened.task if opened else TaskRef("", task or "", "", "", seed)
    return Episode(
        id=episode_id(run, head.id, seed, trial),
        task=head,
        env=opened.env if opened else EnvRef("", "sample", "", 0),
        agent=who or AgentRef(agent.name, agent.version),
        prompt=keeper.prompt,
        steps=tuple(keeper.steps),
        final=keeper.seen,
        ending=ending,
        outcome=Result(keeper.score, keeper.success, keeper.reward),
        error=error,
        trial=trial,
        group=head.id if trial else None,
        started=started,
        seconds=time.perf_counter() - clock,
    )


class OutOfTime(Exception):
    """The episode's own time is up; an ending, not a failure."""


class _Keeper:
    """Keeps the minutes of one episode while it is played."""

    def __init__(self, agent: Agent, seat: Seat, limits: Limits, seed: int) -> None:
        self.agent, self.seat, self.limits, self.seed = agent, seat, limits, seed
        self.needs: frozenset[Need] = agent.needs
        self.opened: Opened | None = None
        self.prompt: tuple[Message, ...] = ()
        self.steps: list[Step] = []
        self.seen = ""
        self.score, self.success, self.reward = 0.0, False, 0.0
        self.tokens = 0
        self.deadline = time.perf_counter() + limits.seconds if limits.seconds else None

    async def play(self, task: str | None) -> Ending:
        try:
            opened = self.opened = await self.seat.open(task, self.seed, self.needs)
        except Exception as error:
            raise Broke("env", error) from error
        self.seen = opened.observation
        brief = Brief(
            opened.task.env,
            opened.manual,
            opened.action_kind,
            self.seed,
            opened.gold,
            reply_tokens=self.limits.reply_tokens,
        )
        try:
            self.prompt = await self.agent.begin(brief)
        except Exception as error:
            raise Broke("agent", error) from error
        view = View(opened.observation, opened.actions)
        while True:
            try:
                turn = await self._turn(view)
            except ContextOverflow:
                return "context"
            except OutOfTime:
                return "time"
            if turn.stop:
                return "stopped"
            try:
                answer = await self.seat.step(turn.action, self.needs)
            except Exception as error:
                raise Broke("env", error) from error
            self._note(view.text, turn, answer)
            if answer.terminated:
                return "done"
            if answer.truncated:
                return "max_steps"
            if self.limits.tokens is not None and self.tokens >= self.limits.tokens:
                return "tokens"
            view = View(answer.observation, answer.actions)

    async def _turn(self, view: View) -> Turn:
        left = None if self.deadline is None else self.deadline - time.perf_counter()
        clock = asyncio.timeout(left)
        try:
            async with clock:
                return await self.agent.act(view)
        except ContextOverflow:
            raise
        except Exception as error:
            if isinstance(error, TimeoutError) and clock.expired():
                raise OutOfTime from error
            raise Broke("agent", error) from error

    def _note(self, seen: str, turn: Turn, answer: Answer) -> None:
        info: dict[str, Any] = {key: value for key, value in answer.info.items() if key not in HEAD}
        valid = bool(answer.info.get("valid", True)) and turn.parsed != "none"
        self.steps.append(
            Step(seen, turn, answer.reward, valid, self.agent.action_source, self.agent.thought_source, info)
        )
        self.seen = answer.observation
        self.score, self.success = float(info.get("score", 0.0)), bool(info.get("success", False))
        self.reward += answer.reward
        self.tokens += sum(reply.prompt_tokens + reply.completion_tokens for reply in turn.calls)
