"""InterCode-Bash's reward: what changed in two file systems, as git would list it, and how alike two outputs are.

Source: Yang et al. 2023, arXiv 2306.14898, section 3.2; upstream's intercode/envs/bash/bash_env.py.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from ..sandboxes.core import Snapshot

IGNORED = frozenset("bin boot dev etc home lib media opt proc root run sbin srv sys usr var .dockerenv".split())
"""Names that upstream's .gitignore leaves out, wherever in the tree they stand."""
LINKS = 8
"""Symbolic links followed at most, one after another."""
WORD = re.compile(r"\b\w\w+\b")
UNQUOTED = re.compile(r"[!#-\[\]-~]+")
TRACKED = ("file", "link")

Change = tuple[str, str]
"""A path without its first slash (a folder's ends with one), and git's letter: M, T, D or ??."""


class Side(NamedTuple):
    """One of the two machines after its commands: its file system, what changed in it, and the last output.

    `output` is None where the output was no text.
    """

    files: Snapshot
    changes: frozenset[Change]
    output: str | None


class Parts(NamedTuple):
    """The reward's three parts, 0..0.33 each, and the reward, 0.01..1."""

    file_diff: float
    file_changes: float
    answer_similarity: float
    reward: float


def status(before: Snapshot, after: Snapshot) -> frozenset[Change]:
    """What ``git status --short`` would list, read as upstream reads it (a quirk: words in pairs).

    A file is tracked when it was there before. An untracked folder stands for all that is in it; empty folders, pipes
    and ignored names are not listed. A path with odd characters is quoted, and one with blanks falls apart into words.
    """
    tracked = {path for path, entry in before.items() if entry.kind in TRACKED and not ignored(path)}
    holding = {folder for path in tracked for folder in parents(path)}
    words: list[tuple[str, str]] = []
    for path in tracked:
        old, new = before[path], after.get(path)
        if new is None or new.kind not in TRACKED:
            words.append((path, "D"))
        elif new.kind != old.kind:
            words.append((path, "T"))
        elif new.digest != old.digest or (new.mode ^ old.mode) & 0o100:
            words.append((path, "M"))
    fresh = {
        next((f"{folder}/" for folder in parents(path) if folder not in holding), path)
        for path, entry in after.items()
        if entry.kind in TRACKED and path not in tracked and not ignored(path)
    }
    words += [(path, "??") for path in fresh]
    text = " ".join(f"{letter} {quoted(path[1:])}" for path, letter in sorted(words)).split()
    return frozenset(zip(text[1::2], text[::2], strict=False))


def ignored(path: str) -> bool:
    """Whether some part of the path is an ignored name."""
    return not IGNORED.isdisjoint(path.split("/"))


def parents(path: str) -> Iterable[str]:
    """The folders above a path, the outermost first, without the root."""
    parts = path.split("/")[1:-1]
    return ["/" + "/".join(parts[: end + 1]) for end in range(len(parts))]


def quoted(path: str) -> str:
    """As git prints a path: odd characters escaped, and quotes around it then."""
    if UNQUOTED.fullmatch(path):
        return path
    named = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
    shown = [f"\\{named[c]}" if c in named else chr(c) if 32 <= c < 127 else f"\\{c:03o}" for c in path.encode()]
    return '"' + "".join(shown) + '"'


def content(files: Snapshot, path: str) -> str:
    """The MD5 of what the path leads to; empty where upstream's md5sum would only print an error."""
    place = "/" + path
    for _ in range(LINKS):
        entry = files.get(place)
        if entry is None or entry.kind not in TRACKED:
            return ""
        if entry.kind == "file":
            return entry.digest
        place = posixpath.normpath(posixpath.join(posixpath.dirname(place), entry.digest))
    return ""


def similarity(one: str | None, other: str | None) -> float:
    """The cosine of two texts' TF-IDF vectors (0..1), in scikit-learn's default form, over just these two.

    Words have at least two letters, in lower case; a word's weight is its count times ln(3 / (1 + texts with it)) + 1.
    Two texts without any word are alike when they are equal.
    """
    if one is None or other is None:
        return float(one == other)
    counts = [Counter(WORD.findall(text.lower())) for text in (one, other)]
    rarity = {word: math.log(3 / (1 + sum(word in each for each in counts))) + 1 for each in counts for word in each}
    if not rarity:
        return float(one == other)
    weights = [{word: count * rarity[word] for word, count in each.items()} for each in counts]
    norms = [math.sqrt(sum(weight * weight for weight in each.values())) for each in weights]
    if not all(norms):
        return 0.0
    return min(
        1.0, sum(weight / norms[0] * weights[1].get(word, 0.0) / norms[1] for word, weight in weights[0].items())
    )


def judge(agent: Side, gold: Side) -> Parts:
    """Upstream's reward, by its own rounding.

    Contents are compared only of paths that both sides added, and only where the path has a dot: for the others
    upstream calls a program that its image does not have, and takes the same error for the same content.
    """
    apart = len(agent.changes ^ gold.changes)
    file_diff = round(0.33 * (1 - math.erf(apart)), 2)
    both = [path for path, letter in agent.changes & gold.changes if letter == "??"]
    right = sum("." not in path or content(agent.files, path) == content(gold.files, path) for path in both)
    file_changes = round(0.33 * (right / len(both)), 2) if both else 0.33
    answer = round(0.33 * similarity(agent.output, gold.output), 2)
    return Parts(file_diff, file_changes, answer, 0.01 + file_diff + file_changes + answer)
