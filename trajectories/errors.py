"""The exception tree: what can go wrong, and whose mistake it was.

AgentBankError
├── UsageError           a person asked for what cannot be; the text holds the mend (exit code 2)
│   ├── UnknownName      no such world, split, task, agent, model, command: "did you mean ...?"
│   ├── DataError        a file is missing, torn or of the wrong layout: file, record, field
│   └── MissingPart      a package, program or server that is needed is not here
├── ContextOverflow      the model's window is full; an ending of its own, not a failure
└── Fault                ours, not the agent's: recorded with the boundary that it crossed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from os import PathLike
from typing import Literal

Boundary = Literal["env", "model", "sandbox", "grader", "agent"]


class AgentBankError(Exception):
    """Any error that AgentBank raises on purpose."""


class UsageError(AgentBankError):
    """The call cannot be carried out as asked; the message says how it can."""


class UnknownName(UsageError):
    """A name that nothing goes by, with the nearest that exist."""

    def __init__(self, kind: str, name: str, choices: Iterable[str]) -> None:
        """Build the sentence: ``no world 'webshp'; did you mean 'webshop'?``."""
        known = sorted(choices)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        if near:
            mend = "did you mean " + " or ".join(repr(each) for each in near) + "?"
        elif len(known) <= 12:
            mend = "there are: " + ", ".join(known) if known else "there are none"
        else:
            mend = f"there are {len(known)}, such as {', '.join(known[:4])}"
        super().__init__(f"no {kind} {name!r}; {mend}")
        self.kind, self.name, self.near = kind, name, near


class DataError(UsageError):
    """A data file that cannot be used, named down to the field where possible."""

    def __init__(
        self,
        path: str | PathLike[str],
        problem: str,
        *,
        record: int | str | None = None,
        field: str | None = None,
    ) -> None:
        """Name the file, the record (line number or id) and the field."""
        where = str(path)
        if record is not None:
            where += f", record {record}"
        if field is not None:
            where += f", field {field!r}"
        super().__init__(f"{where}: {problem}")
        self.path, self.record, self.field = str(path), record, field


class MissingPart(UsageError):
    """Something that must be installed or started first; the message says how."""


class ContextOverflow(AgentBankError):
    """The conversation no longer fits the model's window."""


class Fault(AgentBankError):
    """An infrastructure failure: never the agent's 0, always a `failed` episode."""

    def __init__(self, boundary: Boundary, message: str) -> None:
        """Remember where it broke: env, model, sandbox, grader or agent."""
        super().__init__(message)
        self.boundary: Boundary = boundary

    def __reduce__(self) -> tuple[type[Fault], tuple[Boundary, str]]:
        """Cross process borders with the boundary intact."""
        return (type(self), (self.boundary, str(self)))
