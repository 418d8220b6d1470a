"""How AgentBench's DB task judges: an answer against its label, a changed table by its digest.

Source: src/server/tasks/dbbench/result_processor.py of THUDM/AgentBench @ 578c5e9 (`judge`), and the evaluation of the
2023 release, ``metrics`` in src/server/tasks/dbbench/__init__.py (`judge_2023`).
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

_NOTHING = frozenset({"none", "null", "undefined", "nan", "inf", "infinity", "-inf", "-infinity", ""})
TOLERANCE = 1e-2
_GROUP_CONCAT = 1024
"""MySQL's group_concat_max_len: the digest covers no more than that of the row digests."""
_LONGEST = 20_000


def table_digest(rows: Iterable[Sequence[Any]]) -> str:
    """Upstream's digest of a table's rows, their order left out; each row counts with five hex digits of its MD5.

    It equals ``md5(group_concat(substring(md5(concat_ws(',', columns)), 1, 5) order by 1))`` of MySQL. NULLs are left out
    of a row. A table without rows has the digest "None".
    """
    parts = sorted(_md5(",".join(str(value) for value in row if value is not None))[:5] for row in rows)
    return _md5(",".join(parts)[:_GROUP_CONCAT]) if parts else "None"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _literal(text: str) -> Any:
    """The value that a Python literal stands for.

    Raises:
        ValueError: it is none, or one too long to be read safely.
    """
    if len(text) > _LONGEST:
        raise ValueError("too long")
    try:
        return ast.literal_eval(text)
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _plain(value: Any) -> str:
    """One value as it is compared: no quotes, percent signs or thousands' commas; all that means nothing is 0."""
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    text = str(value).strip().strip("'\"").strip()
    if text.endswith("%"):
        return text[:-1].strip()
    if "," in text and not (text.startswith("[") or text.endswith("]")):
        text = text.replace(",", "")
    return "0" if text.lower() in _NOTHING else text


def _split(text: str) -> list[str]:
    """A list that is no Python literal, cut at the commas outside quotes."""
    items, current, quoted = [], "", False
    for each in text:
        if each in "'\"":
            quoted = not quoted
        elif each == "," and not quoted:
            items.append(current)
            current = ""
        else:
            current += each
    return [_plain(item) for item in [*items, current] if item]


def values(answer: str | Sequence[Any]) -> list[str]:
    """The plain values of an answer: a list, a list's text, a result's text (``[(28,)]``), or one value."""
    if not isinstance(answer, str):
        return [_plain(each) for each in answer]
    text = answer.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return [_plain(text)]
    try:
        given = _literal(text)
    except ValueError:
        return _split(text[1:-1])
    if not isinstance(given, list):
        return [_plain(text)]
    if given and all(isinstance(each, tuple) for each in given):
        return [_plain(each) for each in given if len(each) == 1]
    return [_plain(each) for each in given]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _paired(said: list[float], wanted: list[float]) -> bool:
    left = list(wanted)
    for value in said:
        near = next((i for i, each in enumerate(left) if abs(each - value) <= TOLERANCE), None)
        if near is None:
            return False
        left.pop(near)
    return not left


def judge(answer: str, label: Sequence[Any]) -> bool:
    """Upstream's present rule: one value by number (within 0.01) or text, several numbers in pairs, else as sets."""
    said, wanted = values(answer), values(label)
    numbers = [_number(each) for each in said], [_number(each) for each in wanted]
    if None not in numbers[0] and None not in numbers[1]:
        return _paired([x for x in numbers[0] if x is not None], [x for x in numbers[1] if x is not None])
    if len(said) == 1 and len(wanted) == 1:
        return said[0] == wanted[0]
    return set(said) == set(wanted)


def judge_2023(answer: str, label: Sequence[Any]) -> bool:
    """The rule of the 2023 release: exact numbers or texts, sets where there is more than one."""
    try:
        said = list(_literal(answer.strip()))
    except (ValueError, TypeError):
        said = [answer]
    if len(said) == 1 and len(label) == 1:
        try:
            return float(said[0]) == float(label[0])
        except (ValueError, TypeError):
            return bool(said[0] == label[0])
    try:
        return set(said) == set(label)
    except TypeError:
        return False
