"""What a world is: tasks, a start, an answer to each action. The rest of Gymnasium's contract is written here, once."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, NotRequired, TypedDict, Unpack

import gymnasium
import msgspec
import numpy as np
from gymnasium.spaces import Text

from ..trajectories.errors import Fault, UnknownName, UsageError
from ..trajectories.record import Fidelity
from .data import Archive, Source, locate

MAX_ACTION = 200_000
"""Characters of one action that a world is shown at most; a longer one is an invalid action."""

Lives = Literal["inline", "thread", "process"]


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a world. `data` holds everything, the key too, and never leaves the world.

    `id` is stable (``webshop/test/12``); `digest` is of the content, so that a changed task cannot pass for itself.
    """

    id: str
    split: str
    data: Any = field(default=None, repr=False, compare=False)
    digest: str = ""

    def __post_init__(self) -> None:
        """Derive the digest from the data where the world gave none."""
        if not self.digest:
            object.__setattr__(self, "digest", digest(self.data))


def digest(content: Any) -> str:
    """Sixteen hex digits of the content's canonical JSON (mappings by sorted key)."""
    encoded = msgspec.json.encode(content, order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:16]


def panel(tasks: Sequence[Task]) -> str:
    """The hash of a fixed list of tasks: ids and digests, order left out. It stands in every report."""
    lines = sorted(f"{task.id} {task.digest}" for task in tasks)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


class Outcome(NamedTuple):
    """A world's answer to one action.

    `reward` is in 0..1; `done` means the world has ended (terminated). `info` may hold `valid` (the action was
    understood; default True), `score` (0..1, as if the episode ended now), `success`, and what the world adds.
    """

    observation: str
    reward: float = 0.0
    done: bool = False
    info: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class EnvSpec:
    """What the registry knows of a world without importing it."""

    id: str
    entry_point: str
    """``.web.webshop:WebShop`` inside this package, or any importable ``package.module:Class``."""
    skill: Literal["reasoning", "maths", "coding", "web", "embodied"]
    group: Literal["held-in", "held-out", "agentinstruct"]
    max_steps: int
    metric: str
    """One line: what `score` is."""
    action_kind: Literal["language", "code", "discrete"]
    fidelity: Fidelity
    splits: tuple[str, ...] = ("train", "test")
    lives: Lives = "inline"
    """inline: many in a process, steps in microseconds; thread: many in a process, may block; process: one each."""
    needs: tuple[str, ...] = ()
    """``package:NAME`` (an importable module), ``program:NAME`` (on PATH), ``sandbox:any`` or ``sandbox:PROVIDER``."""
    paper: str = ""
    archives: tuple[Archive, ...] = ()
    version: str = "1"
    """Rises whenever the same actions could score differently."""


class AnyText(Text):
    """The space of all strings: Gymnasium's Text samples from it, and any `str` is contained."""

    def __init__(self, max_length: int) -> None:
        """Sample up to `max_length` characters."""
        super().__init__(max_length=max_length, min_length=0)

    def contains(self, x: Any) -> bool:
        """Whether `x` is text; a world answers every text, so none is outside."""
        return isinstance(x, str)


class Standard(TypedDict):
    """Keyword arguments that every world takes."""

    about: EnvSpec
    split: NotRequired[str]
    data: NotRequired[str | None]
    max_steps: NotRequired[int | None]
    render_mode: NotRequired[str | None]


class TextEnv(gymnasium.Env[str, str], ABC):
    """A world that answers text with text. A new one writes `tasks`, `start` and `respond`; the rest has defaults.

    `reset`, `step`, the step limit, the seed and the standard info keys (`task`, `seed`, `success`, `score`, `valid`,
    `fidelity`, `data`) are written here. An episode is fixed by (task id, seed); what is random in a world is drawn
    from `self.rng`, never from a global generator. Worlds with an engine release it in `close`.
    """

    manual: str = ""
    """How to act here, for an agent to read; may differ by the world's options (then set it in `__init__`)."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi"]}  # type: ignore[misc]

    def __init__(self, **standard: Unpack[Standard]) -> None:
        """Find the data and set the spaces; a world loads no engine before its first `reset`.

        Raises:
            UnknownName: no such split.
            DataError: `data` names a folder that is not there.
        """
        for name in standard:
            if name not in Standard.__annotations__:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument '{name}'")
        self.about = standard["about"]
        self.split = standard.get("split", "test")
        if self.split not in self.about.splits:
            raise UnknownName(f"split of {self.about.id}", self.split, self.about.splits)
        self.source: Source = locate(self.about.id, standard.get("data"))
        limit = standard.get("max_steps")
        self.max_steps = self.about.max_steps if limit is None else limit
        if self.max_steps < 1:
            raise UsageError(f"max_steps must be at least 1, not {self.max_steps}")
        self.render_mode = standard.get("render_mode")
        self.recipe: dict[str, Any] = {}
        self.action_space = AnyText(1_000)
        self.observation_space = AnyText(10_000)
        self.rng = np.random.default_rng(0)
        self.task: Task | None = None
        self.seed = 0
        self.history: list[str] = []
        self._over = True
        self._shown = ""
        self._info: dict[str, Any] = {}

    # --- what a world writes ------------------------------------------------------------------------------------

    @abstractmethod
    def tasks(self) -> Sequence[Task]:
        """The tasks of this world's split, in a fixed order; the same sequence object at each call, never changed."""

    @abstractmethod
    def start(self, task: Task) -> str:
        """Set the world to the beginning of `task` and return the first observation (the task's text in it)."""

    @abstractmethod
    def respond(self, action: str) -> Outcome:
        """Answer one action. Any text may come; what is not understood is answered, never raised."""

    def expert(self, task: Task) -> Sequence[str] | None:
        """Actions that solve `task` from its start, where the world knows them. Called after its `start`."""
        return None

    def actions(self) -> Sequence[str] | None:
        """What is possible now, where the world knows it."""
        return None

    # --- what every world has -----------------------------------------------------------------------------------

    @property
    def fidelity(self) -> Fidelity:
        """As the spec declares, but "sample" when the bundled tasks are loaded."""
        return "sample" if self.source.kind == "sample" and self.about.fidelity != "engine" else self.about.fidelity

    def find(self, task_id: str) -> Task:
        """The task of that id in this split.

        Raises:
            UnknownName: there is none.
        """
        index = index_of(self.tasks())
        if task_id not in index:
            raise UnknownName(f"task of {self.about.id} ({self.split})", task_id, index)
        return index[task_id]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin an episode: the task named in ``options={"task": id}``, or one drawn by the seed.

        Returns:
            The first observation, and the standard info keys.

        Raises:
            UnknownName: no such task.
            UsageError: the split holds no task.
        """
        super().reset(seed=seed)
        self.seed = int(self.np_random.integers(2**31)) if seed is None else seed
        wanted = (options or {}).get("task")
        if wanted is not None:
            task = self.find(wanted)
        else:
            tasks = self.tasks()
            if not len(tasks):
                raise UsageError(f"{self.about.id}: split {self.split!r} of {self.source} holds no task")
            task = tasks[int(np.random.default_rng(self.seed).integers(len(tasks)))]
        words = np.frombuffer(hashlib.sha256(task.id.encode()).digest(), dtype=np.uint32)
        self.rng = np.random.default_rng([self.seed, *words.tolist()])
        self.task, self.history, self._over = task, [], False
        self._info = {
            "task": task.id,
            "seed": self.seed,
            "success": False,
            "score": 0.0,
            "valid": True,
            "fidelity": self.fidelity,
            "data": self.source.kind,
        }
        self._shown = self.start(task)
        return self._shown, dict(self._info)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Answer one action; a bad one costs a step and is told what the world understands.

        Returns:
            observation, reward (0..1), terminated (the world has ended), truncated (`max_steps` is reached), info.

        Raises:
            UsageError: no episode is under way.
            Fault: an engine, server or grader broke; never the agent's mistake.
        """
        if self._over:
            raise UsageError("no episode is under way; call reset() first")
        problem = unreadable(action)
        if problem:
            outcome = Outcome(f"{problem} {self.hint()}".strip(), info={"valid": False})
            self.history.append("")
        else:
            outcome = self.respond(action)
            self.history.append(action)
        info = self._info | {"valid": True} | dict(outcome.info)
        reward, score = float(outcome.reward), float(info["score"])
        if not (math.isfinite(reward) and math.isfinite(score)):
            raise Fault("grader", f"{self.about.id}: reward {reward}, score {score} on task {info['task']}")
        info["score"], info["success"] = score, bool(info["success"])
        self._info = {key: info[key] for key in self._info}
        truncated = not outcome.done and len(self.history) >= self.max_steps
        self._over = outcome.done or truncated
        self._shown = outcome.observation
        return self._shown, reward, bool(outcome.done), truncated, info

    def hint(self) -> str:
        """One line that tells an agent what this world understands; the manual's first line by default."""
        return self.manual.strip().split("\n", 1)[0]

    def render(self) -> str | None:
        """The last observation, under ``render_mode="ansi"``."""
        return self._shown if self.render_mode == "ansi" else None

    def fork(self) -> TextEnv:
        """A second world in the present state: by replay here; engines that can copy themselves do it faster.

        Raises:
            UsageError: no episode is under way, or this world was not made by `make`.
            Fault: the replay did not lead to the same observation (boundary "env").
        """
        from .registry import make

        if self.task is None or not self.recipe:
            raise UsageError("fork() needs an episode under way in a world made by make()")
        twin = make(**self.recipe)
        try:
            shown, _ = twin.reset(seed=self.seed, options={"task": self.task.id})
            for action in self.history:
                shown, *_ = twin.step(action)
            if shown != self._shown:
                raise Fault("env", f"{self.about.id}: a replay of {self.task.id} led elsewhere")
        except BaseException:
            twin.close()
            raise
        return twin


_indexes: dict[int, tuple[Sequence[Task], dict[str, Task]]] = {}


def index_of(tasks: Sequence[Task]) -> dict[str, Task]:
    """Tasks by id. Kept by the list's identity, so that the thousand instances that share a list share its index."""
    key = id(tasks)
    held = _indexes.get(key)
    if held is None or held[0] is not tasks:
        if len(_indexes) >= 64:
            _indexes.pop(next(iter(_indexes)), None)
        held = _indexes[key] = (tasks, {task.id: task for task in tasks})
    return held[1]


def unreadable(action: Any) -> str:
    """Why this action cannot even be handed to a world, in a sentence; empty where it can."""
    if not isinstance(action, str):
        return f"An action is text, not {type(action).__name__}."
    if len(action) > MAX_ACTION:
        return f"That action has {len(action)} characters; at most {MAX_ACTION} are read."
    try:
        action.encode()
    except UnicodeEncodeError:
        return "That action is not valid Unicode text."
    return ""
