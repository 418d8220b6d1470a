"""InterCode-SQL: a question about a MySQL database, answered by querying it.

Paper: Yang et al. 2023 (arXiv 2306.14898); the questions are those of Spider's dev set (Yu et al. 2018).
Data: https://github.com/princeton-nlp/intercode, data/sql/spider/ (ic_spider_dev.json, ic_spider_dbs.sql). A record (made up)::

    {"db": "harbour", "query": "How many ships are older than 40 years?", "hardness": "easy",
     "gold": "SELECT COUNT(*) FROM ship WHERE Age > 40", "db_tables": {"ship": ["Ship_ID", "Name", "Age"]}}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from ...trajectories.errors import UsageError
from ..core import Outcome, Standard, Task, TextEnv
from . import intercode_records
from .intercode_records import Question
from .intercode_reward import reward
from .sql.answer import Answer, Server, Session
from .sql.serve import known, serve

MANUAL = """\
Understood are one SQL statement of MySQL's dialect (bare, or in a ```sql block) and submit, one an action.
Answer the question by querying a MySQL database; the question's database is in use. The output of your last statement is
your answer: the rows that the question asks for, in its order, and no others.
SHOW TABLES and DESCRIBE <table> tell what there is.
submit ends the episode and has the last output judged."""

_BLOCK = re.compile(r"```(?:sql|mysql)?[ \t]*\n?(.*?)```", re.IGNORECASE | re.DOTALL)


def statement_of(action: str) -> str:
    """The SQL of an action: its first fenced block, else the whole text."""
    found = _BLOCK.search(action)
    return (found[1] if found else action).strip()


class InterCodeSQL(TextEnv):
    """Query, look, query again, submit. The score after each step is upstream's reward of the last output.

    Info: ``reward_now`` is upstream's reward as it is, -1..1 (a reversed order makes it negative); ``score`` is the
    same, never below 0. The step's reward is 0 but for `submit`, whose reward is the score, as upstream.
    """

    def __init__(
        self,
        *,
        server: str = "sqlite",
        ordered: bool = True,
        observation_limit: int = 50_000,
        **standard: Unpack[Standard],
    ) -> None:
        """Choose the server; nothing is read or started before it is needed.

        Args:
            server: "sqlite" (embedded) or "mysql" (a private MariaDB of this process).
            ordered: whether the order of rows counts, as in upstream's code; False scores as its published episodes.
            observation_limit: characters of one output that are shown; what is left out is counted. Upstream has none.
            **standard: as for every world.

        Raises:
            UnknownName: no such server.
        """
        super().__init__(**standard)
        self.server = known(server)
        self.ordered, self.observation_limit = ordered, observation_limit
        if observation_limit < 100:
            raise UsageError(f"observation_limit must be at least 100, not {observation_limit}")
        self.manual = MANUAL
        self._server: Server | None = None
        self._session: Session | None = None
        self._gold: Sequence[object] = ()
        self._last: Answer | None = None

    @property
    def folder(self) -> Path:
        """Where the tasks and the dump lie."""
        return self.source.path or intercode_records.SAMPLE

    def tasks(self) -> Sequence[Task]:
        """The questions of this split, in the file's order."""
        return intercode_records.read(self.folder, self.split)

    def start(self, task: Task) -> str:
        """Open the database, untouched by any other episode; the question.

        Raises:
            MissingPart: the server is not installed.
            Fault: the server does not answer.
        """
        self._end()
        question: Question = task.data
        server = self._serving()
        self._session = server.open(question.database, self.seed)
        # On the untouched database, so that no write of the agent can change what is right.
        self._gold = server.once(question.database, question.gold).rows or []
        self._last = None
        return question.query

    def respond(self, action: str) -> Outcome:
        """Run the statement, or judge the last output."""
        statement = statement_of(action)
        if statement.lower() == "submit":
            now = self._now()
            return Outcome(f"Submitted; reward = {max(now, 0.0)}", max(now, 0.0), True, self._info_of(now))
        if not statement:
            return Outcome(f"That action is empty. {self.hint()}", info={"valid": False, **self._info_of(self._now())})
        if self._session is None:
            raise UsageError("this world is closed; call reset() first")
        self._last = self._session.run(statement)
        return Outcome(self._shown_output(), info={"valid": self._last.error is None, **self._info_of(self._now())})

    def _shown_output(self) -> str:
        answer = self._last
        if answer is None:
            return "None"
        text = str(answer.rows) if answer.error is None else f"Error executing query: {answer.error}"
        limit = self.observation_limit
        # Lone surrogates and NULs do not survive a record; they are shown as what they are.
        text = text.encode("utf-8", "backslashreplace").decode()
        return text if len(text) <= limit else f"{text[:limit]}... [{len(text) - limit} more characters]"

    def _now(self) -> float:
        rows = self._last.rows if self._last is not None else None
        return reward(rows, self._gold, self.ordered)

    def _info_of(self, now: float) -> dict[str, object]:
        return {"score": max(now, 0.0), "success": now == 1.0, "reward_now": now}

    def expert(self, task: Task) -> Sequence[str] | None:
        """The gold statement, then submit; None where the server itself refuses the gold statement."""
        question: Question = task.data
        if self._serving().once(question.database, question.gold).error is not None:
            return None
        return [question.gold, "submit"]

    def _serving(self) -> Server:
        if self._server is None:
            self._server = serve(self.server, intercode_records.dump(self.folder, self.split))
        return self._server

    def _end(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def close(self) -> None:
        """Give the session and the server back."""
        self._end()
        if self._server is not None:
            self._server.close()
            self._server = None
