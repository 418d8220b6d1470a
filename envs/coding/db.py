"""DB: a question about one table, or a change to be made to it, worked out in SQL (AgentBench's database task).

Paper: Liu et al. 2023 (arXiv 2308.03688); the form of the actions is AgentInstruct's too (Zeng et al. 2023, arXiv 2310.12823).
Data: https://github.com/THUDM/AgentBench, data/dbbench/ (standard.jsonl, dev.jsonl). A record (made up)::

    {"description": "How many boats are red?", "label": ["2"], "type": ["counting"], "source": "wikisql",
     "add_description": "The name of this table is Boats, and the headers of this table are Name,Colour.",
     "table": {"table_name": "Boats", "table_info": {"columns": [{"name": "Name", "type": "TEXT"}, ...],
               "rows": [["Tern", "red"], ...]}}, "sql": {"query": "SELECT COUNT(*) FROM Boats WHERE Colour = 'red'"}}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Unpack

from ...trajectories.errors import UsageError
from ..core import Outcome, Standard, Task, TextEnv
from . import db_records
from .db_judge import judge, judge_2023, table_digest
from .db_records import Request
from .sql.answer import Server, Session
from .sql.codes import numbered
from .sql.serve import alone, known

MANUAL = """\
Understood are one SQL statement of MySQL's dialect (bare, or in a ```sql block) and Final Answer: ["...", ...], one an action.
Answer the question, or make the change that is asked for, by operating a MySQL database. Two forms of action:
Action: Operation
```sql
SELECT * FROM `table` WHERE condition;
```
runs one statement and shows MySQL's raw response.
Action: Answer
Final Answer: ["ANSWER1", "ANSWER2"]
ends the episode (so does answer[...]). The answer must be exact. Where the database was to be changed it may be anything."""

LIMIT = 800
"""Characters of a response that are shown, as upstream."""
_SAID = re.compile(r"^\s*(?:Action:\s*)?(Operation|Answer)\b", re.IGNORECASE | re.MULTILINE)
_BLOCK = re.compile(r"```(?:sql|mysql)?[ \t]*\n?(.*?)```", re.IGNORECASE | re.DOTALL)
_FINAL = re.compile(r"Final Answer:(.*)", re.IGNORECASE | re.DOTALL)
_BARE = re.compile(r"\s*answer\s*(?:\[(.*)\]|\((.*)\))\s*", re.IGNORECASE | re.DOTALL)
_SQL = re.compile(
    r"\s*\(*\s*(select|insert|update|delete|replace|with|show|describe|desc|explain|create|alter|drop|truncate|use|set"
    r"|begin|start|commit|rollback|rename)\b",
    re.IGNORECASE,
)


def read_action(action: str) -> tuple[str, str]:
    """What an action is: ("sql", statement), ("answer", text) or ("", "") where it is neither.

    Where a text holds both, the word after ``Action:`` decides, as upstream; without one, the statement comes first.
    """
    said = _SAID.search(action)
    final, block, bare = _FINAL.search(action), _BLOCK.search(action), _BARE.fullmatch(action)
    if bare:
        inner = (bare[1] if bare[1] is not None else bare[2]).strip()
        return "answer", inner if bare[1] is None else f"[{inner}]"
    if final and (not block or (said is not None and said[1].lower() == "answer")):
        return "answer", final[1].strip().split("\n", 1)[0].strip()
    if block:
        return "sql", block[1].strip()
    return ("sql", action.strip()) if _SQL.match(action) else ("", "")


@lru_cache(maxsize=4096)
def _gold_digest(server: str, digest: str, task: Task) -> str:
    """The digest of the table after the gold statement, for a record that does not give it."""
    request: Request = task.data
    serving = alone(server, request.database)
    session = serving.open(db_records.NAME)
    try:
        session.run(request.gold)
        return _digest(session, request)
    finally:
        session.close()
        serving.close()


def _digest(session: Session, request: Request) -> str:
    """The digest of the tables as they are now; several are sorted and joined. A table that is gone has none."""
    digests = []
    for table in request.database.tables.values():
        columns = ", ".join(f"`{column.name}`" for column in table.columns)
        answer = session.run(f"SELECT {columns} FROM `{table.name}`")
        digests.append("gone" if answer.rows is None else table_digest(answer.rows))
    return "_".join(sorted(digests))


class Database(TextEnv):
    """Operate a database that holds one table, then answer. Reward and score are 1 or 0, given by the answer.

    Info after the answer: ``kind`` (the record's type, upstream's categories), ``exact`` (right by the stricter rule
    of the 2023 release).
    """

    def __init__(self, *, server: str = "sqlite", **standard: Unpack[Standard]) -> None:
        """Choose the server; nothing is read or started before it is needed.

        Args:
            server: "sqlite" (embedded) or "mysql" (a private MariaDB of this process).
            **standard: as for every world.

        Raises:
            UnknownName: no such server.
        """
        super().__init__(**standard)
        self.server = known(server)
        self.manual = MANUAL
        self._server: Server | None = None
        self._session: Session | None = None
        self._request: Request | None = None

    def tasks(self) -> Sequence[Task]:
        """The tasks of this split, in the file's order."""
        return db_records.read(self.source.path or db_records.SAMPLE, self.split)

    def start(self, task: Task) -> str:
        """Make the table; the question and what the table is called.

        Raises:
            MissingPart: the server is not installed.
            Fault: the server does not answer.
        """
        before = self._server
        self._end()
        self._request = task.data
        self._server = alone(self.server, task.data.database)
        if before is not None:
            # Only now, so that a MariaDB of our own is not stopped and started between two episodes.
            before.close()
        self._session = self._server.open(db_records.NAME, self.seed)
        return self._request.text

    def respond(self, action: str) -> Outcome:
        """Run the statement, or judge the answer."""
        kind, text = read_action(action)
        if kind == "answer":
            return self._judged(text)
        if not kind or not text:
            return Outcome(f"Neither a statement nor an answer. {self.hint()}", info={"valid": False})
        answer = self._open().run(text)
        if answer.error is not None:
            return Outcome(_cut(numbered(answer.error)), info={"valid": False})
        return Outcome(_cut(str(answer.rows or [])))

    def _open(self) -> Session:
        if self._session is None:
            raise UsageError("this world is closed; call reset() first")
        return self._session

    def _judged(self, text: str) -> Outcome:
        request, task = self._request, self.task
        if request is None or task is None:
            raise UsageError("this world is closed; call reset() first")
        if request.writes:
            gold = request.md5 or _gold_digest(self.server, task.digest, task)
            right = exact = _digest(self._open(), request) == gold
        else:
            right, exact = judge(text, request.label), judge_2023(text, request.label)
        score = float(right)
        info = {"score": score, "success": right, "exact": exact, "kind": request.kind}
        return Outcome(f"Answered; reward = {score}", score, True, info)

    def expert(self, task: Task) -> Sequence[str]:
        """For a change the gold statement and an answer, else the labels."""
        request: Request = task.data
        answer = f"Action: Answer\nFinal Answer: {list(request.label)!r}"
        if not request.writes:
            return [answer]
        return [f"Action: Operation\n```sql\n{request.gold}\n```", 'Action: Answer\nFinal Answer: ["done"]']

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


def _cut(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LIMIT else text[:LIMIT] + "[TRUNCATED]"
