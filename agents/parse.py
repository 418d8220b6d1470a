"""Reading a thought and an action out of a model's words: strictly as asked for, else leniently, else not at all."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Parsed = Literal["strict", "lenient", "none"]


class Read(NamedTuple):
    """What was read; `action` is empty where `parsed` is "none"."""

    thought: str
    action: str
    parsed: Parsed


_MARK = re.compile(
    r"^[ \t]*(?P<open>\*\*|__)?(?P<word>Thought|Think|Reasoning|Action|Act|Observation)(?P<number>[ \t]?\d{1,3})?"
    r"(?P<close>\*\*|__)?[ \t]{0,4}:(?P<tail>\*\*|__)?[ \t]*",
    re.MULTILINE | re.IGNORECASE,
)
_INLINE = re.compile(r"\bAction:[ \t]*")
_FENCE = re.compile(r"```(?:[\w.+-]*[ \t]*\n)?(?P<body>.*?)(?P<end>```|\Z)", re.DOTALL)
_ACTIONS = frozenset({"action", "act"})
_THOUGHTS = frozenset({"thought", "think", "reasoning"})


def read(text: str, *, code: bool = False, thoughts: bool = True) -> Read:
    """Find the first action in `text`.

    Strict is ``Thought: ...`` from the first character, one ``Action: ...`` that begins a line, and nothing after the
    action (``thoughts=False``: the action alone). Lenient is everything else in which an action can be found: no
    thought, other spellings (``Act:``, ``**Action:**``, ``Action 2:``), the action on the next line or in the middle
    of one, a fence or quotes around it, text or more actions after it, a ``<think>`` block before it.

    Args:
        text: the model's words, whole.
        code: an action is code: a fenced block, or all the text up to the next mark; else it is one line, or as many
            as its brackets span.
        thoughts: whether a thought is asked for. Where it is not, a bare first line counts as the action, leniently.
    """
    body = text.rpartition("</think>")[2] if "</think>" in text else text
    marks = list(_MARK.finditer(body))
    at = next((mark for mark in marks if mark["word"].lower() in _ACTIONS), None)
    if at is None:
        return _unmarked(body, code=code, thoughts=thoughts)
    thought, plain_thought = _thought(body[: at.start()], marks, at)
    rest = body[at.end() :]
    action, plain_action = _block(rest, marks, at) if code else _line(rest)
    if not action:
        return Read(thought, "", "none")
    strict = body is text and at["word"] == "Action" and _bare(at) and plain_action
    strict = strict and (plain_thought and bool(thought) if thoughts else at.start() == 0)
    return Read(thought, action, "strict" if strict else "lenient")


def _bare(mark: re.Match[str]) -> bool:
    return not (mark["open"] or mark["close"] or mark["tail"] or mark["number"]) and mark[0][0] not in " \t"


def _thought(before: str, marks: list[re.Match[str]], at: re.Match[str]) -> tuple[str, bool]:
    """The thought before the action, and whether it stands as asked for."""
    first = marks[0]
    if first is at or first["word"].lower() not in _THOUGHTS:
        return before.strip(), False
    plain = first.start() == 0 and first["word"] == "Thought" and _bare(first) and marks[1] is at
    return (before[: first.start()] + before[first.end() :]).strip(), plain


def _line(rest: str) -> tuple[str, bool]:
    """A one-line action (or as many lines as its brackets span), and whether nothing else surrounds it."""
    start = len(rest) - len(rest.lstrip())
    end = rest.find("\n", start)
    line = rest[start:] if end < 0 else rest[start:end]
    if line.startswith("```"):
        return _fenced(rest[start:])[0], False
    if end >= 0 and line.count("[") > line.count("]"):
        line = _bracketed(rest[start:]) or line
    plain = "\n" not in rest[:start] and not rest[start + len(line) :].strip()
    action = line.strip()
    bare = _unquoted(action)
    return bare, plain and bare == action


def _bracketed(text: str) -> str:
    """`text` up to the line on which its first square bracket closes; empty where it never does."""
    depth = 0
    for each in re.finditer(r"[\[\]]", text):
        depth += 1 if each[0] == "[" else -1
        if depth == 0:
            end = text.find("\n", each.end())
            return text if end < 0 else text[:end]
    return ""


def _unquoted(action: str) -> str:
    for mark in ("`", '"', "**"):
        if len(action) > 2 * len(mark) and action.startswith(mark) and action.endswith(mark):
            inner = action[len(mark) : -len(mark)]
            if mark not in inner:
                return inner.strip()
    return action


def _block(rest: str, marks: list[re.Match[str]], at: re.Match[str]) -> tuple[str, bool]:
    """A code action, and whether nothing else surrounds it."""
    body = rest.lstrip()
    if body.startswith("```"):
        return _fenced(body)
    after = next((mark.start() for mark in marks if mark.start() >= at.end()), None)
    own = rest if after is None else rest[: after - at.end()]
    if "```" in own:
        return _fenced(own[own.index("```") :])[0], False
    return own.strip(), after is None


def _fenced(text: str) -> tuple[str, bool]:
    """What stands in the fence that `text` begins with, and whether it is closed with nothing after it."""
    found = _FENCE.match(text)
    if found is None:
        return "", False
    closed = found["end"] == "```"
    return found["body"].strip("\n").rstrip(), closed and not text[found.end() :].strip()


def _unmarked(text: str, *, code: bool, thoughts: bool) -> Read:
    """An action without a mark of its own at the start of a line."""
    inline = _INLINE.search(text)
    if inline is not None:
        rest = text[inline.end() :]
        action = (_block(rest, [], inline) if code else _line(rest))[0]
        if action:
            return Read(_MARK.sub("", text[: inline.start()], count=1).strip(), action, "lenient")
    if code and "```" in text:
        start = text.index("```")
        action = _fenced(text[start:])[0]
        if action:
            return Read(_MARK.sub("", text[:start], count=1).strip(), action, "lenient")
    bare = "" if thoughts else text.strip() if code else _line(text)[0]
    return Read("", bare, "lenient" if bare else "none")
