"""Upstream's own engine: TextWorld on Fast Downward, with alfworld's naming of things. The reference, not the default.

It is slow (25 to 65 ms a step, a second a game), never unmaps the library that each environment loads, and is not safe in
threads: it sets `sys.argv` and `sys.stdout` while it loads. One lock serves all instances of a process.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....trajectories.errors import Fault, MissingPart
from .engine import NOTHING, Answer, Engine
from .game import Game
from .relations import EMPTY, Relation, State

_lock = threading.RLock()
_idle: list[Any] = []
# Each PddlEnv maps its own copy of Fast Downward's library, which cannot be unmapped without a crash at exit; so used
# ones serve again, and there are never more than were in use at once.


class TextWorldEngine(Engine):
    """One game in TextWorld; `game` (compiled by us) only tells how near the goal is."""

    def __init__(self, source: Path | Mapping[str, Any], game: Game) -> None:
        """Load nothing yet.

        Raises:
            MissingPart: textworld or alfworld is not installed.
        """
        try:
            import alfworld.agents.environment.alfred_tw_env as upstream
            import textworld
            from textworld.envs.pddl import PddlEnv
        except ImportError as error:
            raise MissingPart(
                f"engine='textworld' needs upstream's packages ({error}); pip install 'agentbank[alfworld]', "
                "or take engine='native', which says the same words"
            ) from error
        self._source = source if isinstance(source, Mapping) else str(source)
        self.game = game
        infos = textworld.EnvInfos(won=True, admissible_commands=True, extras=["gamefile"])
        with _lock:
            self._base = _idle.pop() if _idle else PddlEnv(infos)
        self._env = upstream.AlfredInfos(upstream.AlfredDemangler(self._base, shuffle=False))
        self._state: Any = None

    def start(self) -> str:
        """Begin; the room and the task in words."""
        with _lock:
            arguments = sys.argv
            try:
                self._env.load(self._source)
                self._state = self._env.reset()
            except Exception as error:
                raise Fault("env", f"TextWorld could not load {self.game.problem.name}: {error!r}") from error
            finally:
                sys.argv = arguments
            return str(self._state.feedback)

    def step(self, command: str) -> Answer:
        """Carry out a command, if it is possible now."""
        valid = command.strip() in self._state["_valid_commands"]
        with _lock:
            try:
                self._state, _, _ = self._env.step(command)
            except Exception as error:
                raise Fault("env", f"TextWorld broke on {command!r}: {error!r}") from error
        return Answer(str(self._state.feedback) if valid else NOTHING, bool(self._state["won"]), valid)

    def commands(self) -> Sequence[str]:
        """What is possible now, in alphabetical order."""
        return list(self._state["admissible_commands"])

    def progress(self) -> float:
        """The share of the goal's conditions that hold, 0..1."""
        facts: dict[str, set[tuple[str, ...]]] = {}
        for fact in self._state["_facts"]:
            facts.setdefault(fact.name, set()).add(tuple(each.name for each in fact.arguments))
        state: State = {name: Relation(facts[name]) if name in facts else EMPTY for name in self.game.goal.reads}
        return self.game.goal.progress(state)

    def copy(self) -> None:
        """TextWorld cannot copy itself; a fork is a replay."""
        return

    def close(self) -> None:
        """Free Fast Downward's states, and leave its library to the next instance."""
        with _lock:
            if self._base is not None:
                self._base.downward_lib.cleanup()
                _idle.append(self._base)
            self._base = self._env = self._state = None
