"""ALFWorld: a household to move about in and put in order, by short commands (the text half of ALFRED).

Paper: Shridhar et al. 2021, "ALFWorld: Aligning Text and Embodied Environments for Interactive Learning",
arXiv 2010.03768.
Data: https://github.com/alfworld/alfworld/releases (``alfworld-download``): the tree `json_2.1.1`. One game, made up::

    json_2.1.1/valid_unseen/pick_and_place_simple-Mug-None-Desk-301/trial_T20190909_000000_000001/game.tw-pddl
    {"pddl_domain": "(define (domain alfred) ...", "grammar": "grammar :: ...", "pddl_problem": "(define (problem ...",
     "solvable": true}
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, Unpack

from ....trajectories.errors import DataError, UnknownName, UsageError
from ...core import Outcome, Standard, Task, TextEnv, digest
from .engine import Engine
from .engine_native import NativeEngine
from .explorer import explore
from .game import Game, kept_game, read_content, read_game
from .generator import VERSION, Size, content, generate
from .layout import FOLDERS, Skipped, listing
from .manual import manual
from .planner import plan

HELD_OUT = {"valid_seen": 140, "valid_unseen": 134}
"""Generated games a held-out split has: as many as the official one."""


class ALFWorld(TextEnv):
    """Official games where `data` is given, generated ones otherwise.

    Args:
        engine: ``native`` (ours; default) or ``textworld`` (upstream's: slow, not thread-safe).
        games: How many generated train games there are; the held-out splits are fixed.
        size: ``full`` or ``small`` generated households.
        gold: What the expert knows: ``plan`` (default) the true state of the room, so it walks straight to things unseen;
            ``explore`` only what it has read, so that its actions can be learned from text (generated games only).
    """

    manual = manual()

    def __init__(
        self,
        *,
        engine: Literal["native", "textworld"] = "native",
        games: int = 1_000,
        size: Size = "full",
        gold: Literal["plan", "explore"] = "plan",
        **standard: Unpack[Standard],
    ) -> None:
        """Find the data; no game is read before the first `reset`.

        Raises:
            UnknownName: no such engine, size or gold.
            UsageError: `games` is not at least 1.
        """
        super().__init__(**standard)
        if engine not in ("native", "textworld"):
            raise UnknownName("engine of alfworld", engine, ("native", "textworld"))
        if size not in ("full", "small"):
            raise UnknownName("size of alfworld's generated games", size, ("full", "small"))
        if games < 1:
            raise UsageError(f"games must be at least 1, not {games}")
        if gold not in ("plan", "explore"):
            raise UnknownName("gold of alfworld", gold, ("plan", "explore"))
        self.engine, self.games, self.size, self.gold = engine, games, size, gold
        self._engine: Engine | None = None

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """The games of this split that are not played, each with the reason; none among generated ones."""
        return listing(self.source.path, self.split).skipped if self.source.path else ()

    def tasks(self) -> Sequence[Task]:
        """The games of the split; ids name the official folder (``valid_unseen`` also where the split is ``test``)."""
        folder = FOLDERS[self.split]
        if self.source.path:
            return _official(self.source.path, self.split)
        return _generated(self.split, HELD_OUT.get(folder, self.games), self.size)

    def find(self, task_id: str) -> Task:
        """The task of that id.

        Raises:
            UnknownName: there is none.
            DataError: there is, but it is not played; with the reason.
        """
        try:
            return super().find(task_id)
        except UnknownName:
            for each in self.skipped:
                if task_id == f"alfworld/{FOLDERS[self.split]}/{each.name}":
                    raise DataError(each.path, f"this game is not played: {each.reason}") from None
            raise

    def start(self, task: Task) -> str:
        """The room and the task in words."""
        game = self._game(task)
        self.manual = manual(moves=game.moves)
        self._let_go()
        if self.engine == "textworld":
            from .engine_textworld import TextWorldEngine

            self._engine = TextWorldEngine(self._content(task), game)
        else:
            self._engine = NativeEngine(game)
        return self._engine.start()

    def respond(self, action: str) -> Outcome:
        """Carry out one command; what is not possible is answered "Nothing happens."."""
        engine = self._playing()
        text, won, valid = engine.step(action)
        score = 1.0 if won else 0.0
        info = {"valid": valid, "score": score, "success": won, "progress": engine.progress()}
        return Outcome(text, score, won, info)

    def actions(self) -> Sequence[str] | None:
        """Upstream's admissible commands."""
        return None if self._engine is None else self._engine.commands()

    def expert(self, task: Task) -> Sequence[str] | None:
        """A plan made from the true state of the room, or, with ``gold="explore"``, a search of it."""
        game = self._game(task)
        return plan(game) if self.gold == "plan" else explore(game)

    def fork(self) -> TextEnv:
        """A copy of the present state; with `engine="textworld"` a replay."""
        engine = None if self._engine is None else self._engine.copy()
        if engine is None:
            return super().fork()
        twin = copy.copy(self)
        twin._engine = engine
        twin.history, twin._info = list(self.history), dict(self._info)
        twin.rng, twin._np_random = copy.deepcopy((self.rng, self._np_random))
        return twin

    def close(self) -> None:
        """Let go of the game."""
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _playing(self) -> Engine:
        if self._engine is None:
            raise UsageError("no episode is under way; call reset() first")
        return self._engine

    def _game(self, task: Task) -> Game:
        if isinstance(task.data, str):
            path = Path(task.data)
            return kept_game(path, lambda: read_game(path))
        split, number, size, _ = task.data
        return kept_game((split, number, size), lambda: generate(split, number, size))

    def _content(self, task: Task) -> dict[str, object]:
        if isinstance(task.data, str):
            return read_content(Path(task.data))
        split, number, size, _ = task.data
        return content(split, number, size)


@lru_cache(maxsize=16)
def _official(root: Path, split: str) -> Sequence[Task]:
    games, folder = listing(root, split).games, FOLDERS[split]
    return tuple(Task(f"alfworld/{folder}/{each.name}", split, str(each.path), each.digest) for each in games)


@lru_cache(maxsize=16)
def _generated(split: str, games: int, size: Size) -> Sequence[Task]:
    folder = FOLDERS[split]
    own = "test" if folder == "valid_unseen" else folder
    tasks = []
    for number in range(games):
        # The generator is a function of this recipe, so its digest stands for the content.
        recipe = (own, number, size, VERSION)
        name = f"gen-{number:06}" if size == "full" else f"gen-small-{number:06}"
        tasks.append(Task(f"alfworld/{folder}/{name}", split, recipe, digest(recipe)))
    return tuple(tasks)
