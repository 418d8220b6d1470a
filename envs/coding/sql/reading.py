"""Reads MySQL's dialect into a tree, and says where it is wrong in MySQL's words."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from .answer import Refused

_AGGREGATES = "AVG COUNT MAX MIN SUM STD STDDEV STDDEV_POP STDDEV_SAMP VARIANCE VAR_POP VAR_SAMP".split()
_SPECIAL = "CAST CONVERT EXTRACT GROUP_CONCAT POSITION SUBSTR SUBSTRING TRIM VALUES".split()
_FUNCTIONS_ONLY = set(
    "rank dense_rank row_number ntile lag lead first_value last_value nth_value cume_dist percent_rank".split()
)
_RESERVED = _FUNCTIONS_ONLY | {
    "show",
    "groups",
    "system",
    "keys",
    "lateral",
    "of",
    "read",
    "window",
    "option",
    "condition",
}
_SYNTAX = (
    "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the "
    "right syntax to use near '{near}' at line {line}"
)


class Spoken(MySQL):
    """MySQL as the agent speaks it: functions keep their names, but for those that aggregate or have a grammar."""

    class Parser(MySQL.Parser):  # type: ignore[misc, valid-type]
        """Every other function stays an `exp.Anonymous`."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {name: MySQL.Parser.FUNCTIONS[name] for name in _AGGREGATES}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {name: MySQL.Parser.FUNCTION_PARSERS[name] for name in _SPECIAL}


def _syntax(statement: str, at: int) -> Refused:
    line = statement.count("\n", 0, at) + 1
    return Refused(_SYNTAX.format(near=statement[at:][:80], line=line))


def parse(statement: str) -> exp.Expr:
    """The tree of one statement.

    Raises:
        Refused: it is none, or more than one; the text is MySQL's, with the place where we stopped reading.
    """
    try:
        tokens = sqlglot.tokenize(statement, read=Spoken)
        _check_reserved(statement, tokens)
        trees = [tree for tree in Spoken().parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, statement) if tree]
    except SqlglotError as error:
        raise _syntax(statement, _place(statement, error)) from None
    except RecursionError:
        raise Refused("Thread stack overrun: the statement is nested too deeply") from None
    if not trees:
        raise Refused("Query was empty")
    if len(trees) > 1:
        raise Refused("Use multi=True when executing multiple statements")
    tree = trees[0]
    if not isinstance(tree, exp.Query | exp.DML | exp.DDL | exp.Show | exp.Describe | exp.Use | exp.Drop | exp.Alter
                      | exp.TruncateTable | exp.Command | exp.Set | exp.Transaction | exp.Commit | exp.Rollback
                      | exp.Update | exp.Delete):  # fmt: skip
        raise _syntax(statement, 0)
    for select in tree.find_all(exp.Select):
        if not select.expressions:
            clause = select.args.get("from_") or select.args.get("from")
            found = re.search(r"(?i)select\s+(from\b)", statement) if clause else None
            raise _syntax(statement, found.start(1) if found else len(statement))
    return tree


def _place(statement: str, error: SqlglotError) -> int:
    details = getattr(error, "errors", None)
    if not details or details[0].get("line") is None:
        return 0
    about = details[0]
    head, mark = about.get("start_context") or "", about.get("highlight") or ""
    at = statement.find(head + mark + (about.get("end_context") or ""))
    where = max(at, 0) + len(head)
    # "Expecting )" and "required keyword" point at the last good token; MySQL at the next.
    if str(about.get("description", "")).startswith(("Expecting", "Required")):
        where += len(mark)
        where += len(statement[where:]) - len(statement[where:].lstrip())
    return where


def _check_reserved(statement: str, tokens: list[Token]) -> None:
    """MySQL's reserved words that the parser would take for names."""
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        word = token.text.lower()
        if word not in _RESERVED or token.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
            continue
        if before is None or before.token_type == TokenType.DOT or (after and after.token_type == TokenType.L_PAREN):
            continue
        if word in _FUNCTIONS_ONLY:
            raise _syntax(statement, after.start if after else len(statement))
        if word in ("show", "groups", "system", "lateral") or (
            word == "window" and before.token_type == TokenType.FROM
        ):
            raise _syntax(statement, token.start)


def localise(tree: exp.Expr) -> None:
    """Before names are resolved: ``TIMESTAMPDIFF(YEAR, ...)``'s unit is no column."""
    for call in tree.find_all(exp.Anonymous):
        if str(call.this).lower() in ("timestampdiff", "timestampadd") and call.expressions:
            first = call.expressions[0]
            if isinstance(first, exp.Column):
                first.replace(exp.Literal.string(first.name.lower()))
