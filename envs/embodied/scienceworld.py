"""ScienceWorld: elementary-school science experiments in a house of ten rooms, on upstream's own engine.

Paper: Wang et al. 2022, "ScienceWorld: Is your Agent Smarter than a 5th Grader?" (arXiv 2203.07540). The tasks are in
the engine (``pip install scienceworld``), so there is no data to fetch. A task is a name and a variation, for instance
``scienceworld/test/boil/21``, and its text (ours, in upstream's shape): "Your task is to freeze milk. First, focus on
the substance. Then, take actions that will cause it to change its state of matter."
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from ...trajectories.errors import UnknownName, UsageError
from ..core import Outcome, Standard, Task, TextEnv
from . import scienceworld_tasks

if TYPE_CHECKING:
    from .scienceworld_engine import Engine

LONGEST = 1_000
"""Characters of an action that are handed to the engine; its own longest actions have about a hundred."""

NOT_UNDERSTOOD = ("No known action matches that input", "Unknown action.", "ERROR:")
"""How the engine's answer begins when it could do nothing with an action."""

MANUAL = """\
One action a line, in English, on things that you see: for example `open door to kitchen` or `pick up metal pot`.
You are in a house with several rooms and a yard, and have a science task to do. OBJ stands for a thing that you can
see or hold, LOC for a place. The actions:
look around / look at OBJ / look in OBJ: describe the room, a thing, a container's content
inventory: list what you hold
task: repeat the task
go to LOC: move to a neighbouring place{teleport}
open OBJ / close OBJ: a door or a container
pick up OBJ / put down OBJ / move OBJ to OBJ
pour OBJ into OBJ / dunk OBJ into OBJ / mix OBJ: a container's content
activate OBJ / deactivate OBJ / use OBJ / use OBJ on OBJ: devices and tools
read OBJ / eat OBJ / flush OBJ
{electric}focus on OBJ: tell that this is the thing the task asks for; a wrong one ends the episode with score 0
wait / wait1: let ten steps or one step of time pass
Where a name fits several things you are asked which one: answer with its number alone.
The score grows with each part of the task that is done."""

TELEPORT = "\nteleport to LOC: move to any place at once"
ELECTRIC = "connect OBJ to OBJ / disconnect OBJ: electrical terminals\n"


class ScienceWorld(TextEnv):
    """Thirty kinds of science task on the real engine, one JVM an instance.

    The first observation is the task's text and a first look around; afterwards it is the engine's text, unchanged.
    Reward is the increase of the score, and never below 0. Score is the engine's 0..100 over 100; the engine's -100
    (a wrong ``focus on``) ends the episode with score 0 and ``info["failed_task"]``. Success is the full score. Points
    that the engine gives for the starting position alone count only once the agent has earned one of its own.
    Further info: ``engine_score`` (-100..100, as upstream gives it), ``failed_task`` (bool).

    Without a `max_steps` of yours an episode has 100 actions, upstream's default, and more for the eleven tasks whose
    gold path is longer (`scienceworld_tasks.LONGER`).
    """

    def __init__(self, *, simplifications: str = "easy", memory: int = 512, **standard: Unpack[Standard]) -> None:
        """Set up; the JVM starts at the first `reset`.

        Args:
            simplifications: "easy" (as in AgentTuning, ETO and the paper's agents), "" for none, or a comma list of
                the engine's: teleportAction, selfWateringFlowerPots, openContainers, openDoors, noElectricalAction.
            memory: most MiB of the JVM's heap.
            **standard: as for every world.

        Raises:
            UnknownName: no such simplification.
            UsageError: `memory` is below 64.
        """
        super().__init__(**standard)
        for name in filter(None, simplifications.split(",")):
            if name not in ("easy", *scienceworld_tasks.SIMPLIFICATIONS):
                raise UnknownName("simplification", name, ["easy", *scienceworld_tasks.SIMPLIFICATIONS])
        if memory < 64:
            raise UsageError(f"memory is in MiB and at least 64, not {memory}")
        self.simplifications, self.memory = simplifications, memory
        self._limit_is_ours = standard.get("max_steps") is None
        easy = simplifications == "easy"
        self.manual = MANUAL.format(
            teleport=TELEPORT if easy or "teleportAction" in simplifications else "",
            electric="" if "noElectricalAction" in simplifications else ELECTRIC,
        )
        self._engine: Engine | None = None
        self._score = self._given = 0

    def tasks(self) -> Sequence[Task]:
        """All variations of this split, in the paper's order; no JVM is started for it."""
        return scienceworld_tasks.tasks(self.split, self.simplifications)

    def start(self, task: Task) -> str:
        """The task's text and the first look around.

        Raises:
            Fault: the JVM cannot be started or died.
        """
        if self._engine is None or not self._engine.alive:
            from .scienceworld_engine import Engine

            self.close_engine()
            self._engine = Engine(self.memory)
        if self._limit_is_ours:
            self.max_steps = scienceworld_tasks.LONGER.get(task.data[0], scienceworld_tasks.STEPS)
        return self._begin(self._engine, task)

    def _begin(self, engine: Engine, task: Task) -> str:
        name, variation = task.data
        engine.load(name, variation, self.simplifications)
        look = engine.act("look around")
        self._given, self._score = look.score, 0
        return f"{engine.description()}\n\n{look.text}"

    def respond(self, action: str) -> Outcome:
        """Hand the action to the engine."""
        if len(action) > LONGEST:
            return Outcome(f"That action is too long. {self.hint()}", info={"valid": False})
        answer = self._running().act(action)
        score = 0 if answer.score <= self._given else answer.score
        reward = max(score - self._score, 0) / 100
        self._score = score
        return Outcome(
            answer.text,
            reward,
            answer.completed or answer.score < 0,
            {
                "valid": not answer.text.startswith(NOT_UNDERSTOOD),
                "score": score / 100,
                "success": score == 100,
                "engine_score": answer.score,
                "failed_task": answer.score < 0,
            },
        )

    def expert(self, task: Task) -> Sequence[str] | None:
        """The engine's own solution, tried out; None where it does not win. The episode is left where it stands."""
        engine = self._running()
        name, variation = task.data
        actions = engine.gold(name, variation, self.simplifications)
        self._begin(engine, task)
        won = _until_won(engine, actions)
        self._begin(engine, task)
        for action in self.history:
            self.respond(action)
        return won

    def actions(self) -> Sequence[str]:
        """All actions that the engine understands now, some hundreds; asking does not change the world."""
        return self._running().valid_actions()

    def _running(self) -> Engine:
        if self._engine is None:
            raise UsageError("no episode is under way; call reset() first")
        return self._engine

    def close_engine(self) -> None:
        """End the JVM; the next `reset` starts a new one."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def close(self) -> None:
        """End the JVM."""
        self.close_engine()
        super().close()


def _until_won(engine: Engine, actions: Sequence[str]) -> list[str] | None:
    """The actions up to the one that brings the full score; None if none does."""
    for number, action in enumerate(actions, 1):
        answer = engine.act(action)
        if answer.completed or answer.score < 0:
            return list(actions[:number]) if answer.score == 100 else None
    return None
