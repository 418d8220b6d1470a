"""InterCode-Bash's tasks and file systems, read from the official folder, and laid into a sandbox."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from ...trajectories.errors import DataError, Fault
from ..core import Task
from ..data import Source, read_json, read_text
from ..data import field as taken
from ..sandboxes import Sandbox

NUMBERS = (1, 2, 3, 4)
ROOTS = ("/testbed", "/system", "/workspace", "/backup")
"""Where upstream's set-up scripts put their files."""
BUILT = 1_685_059_200
"""When the files that have no time of their own were made (seconds): a fixed day, so that listings are the same."""
AT_THE_ROOT = (
    {"path": "/.dockerenv", "type": "file", "mode": "755", "content": ""},
    {"path": "/.gitignore", "type": "file", "mode": "644", "content": ""},
)
"""What upstream's machine has in its root besides: ``/.*`` means something there."""
PRUNE = "find {} -mindepth 0 -depth -type d -empty -delete 2>/dev/null; true"


@dataclass(frozen=True, slots=True)
class Tree:
    """One file system: entries of a manifest, or the script that makes it. Empty folders are left out.

    Upstream resets its containers with ``git clean -fd``, which takes empty folders away before the first command.
    """

    entries: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    script: str = field(default="", repr=False)

    def lay(self, box: Sandbox, now: int | None) -> None:
        """Lay the tree into a fresh sandbox; files without a time of their own get `now` (None: the fixed day).

        Raises:
            Fault: it cannot be laid.
        """
        blob = packed((*AT_THE_ROOT, *self.entries), BUILT if now is None else now)
        box.ask({"do": "untar", "at": "/"}, blob, 60.0)
        if self.script:
            done = box.run(["/bin/bash", "-c", self.script], cwd="/", timeout_s=60.0)
            box.run(PRUNE.format(" ".join(ROOTS)), cwd="/")
            if done.timed_out:
                raise Fault("sandbox", "the file system's set-up script did not end")


def packed(entries: tuple[Mapping[str, Any], ...], built: int) -> bytes:
    """A tar of the entries."""
    files = [each["path"] for each in entries if each["type"] != "dir"]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for each in entries:
            if each["type"] == "dir" and not any(path.startswith(each["path"] + "/") for path in files):
                continue
            entry = tarfile.TarInfo(each["path"].lstrip("/"))
            entry.mode = int(each["mode"], 8)
            entry.mtime = int(datetime.fromisoformat(each["mtime"]).timestamp()) if "mtime" in each else built
            data = b""
            if each["type"] == "dir":
                entry.type = tarfile.DIRTYPE
            elif each["type"] == "link":
                entry.type, entry.linkname = tarfile.SYMTYPE, each["target"]
            else:
                data = (
                    base64.b64decode(each["content_base64"]) if "content_base64" in each else each["content"].encode()
                )
                entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def folder_of(source: Source) -> Path:
    """The folder: the person's, or ours beside this file, in the same layout."""
    return source.path or Path(__file__).parent / "bash_sample"


@cache
def load(source: Source) -> tuple[Task, ...]:
    """The tasks, file system by file system, in the files' order; `data` is {query, gold, file_system}.

    Raises:
        DataError: no file of tasks, or a record is not as expected.
    """
    root = folder_of(source)
    tasks: list[Task] = []
    for number in NUMBERS:
        name = f"nl2bash_fs_{number}.json"
        found = [path for path in (root / name, root / "data/nl2bash" / name) if path.is_file()]
        for place, row in enumerate(read_json(found[0]) if found else ()):
            gold = taken(row, "gold", (str, list), found[0], place)
            data = {"query": taken(row, "query", str, found[0], place), "gold": gold, "file_system": number}
            tasks.append(Task(f"intercode_bash/test/fs{number}-{place}", "test", data))
    if not tasks:
        raise DataError(root, "no nl2bash_fs_1.json .. nl2bash_fs_4.json")
    return tuple(tasks)


@cache
def trees(source: Source) -> dict[int, Tree]:
    """The file systems by number: file_systems/manifest.json, else upstream's setup_nl2b_fs_N.sh. 4 may have none.

    Raises:
        DataError: neither is there, or an entry is not as expected.
    """
    root = folder_of(source)
    manifest = root / "file_systems/manifest.json"
    if manifest.is_file():
        return {
            int(name[-1]): Tree(entries=tuple(checked(rows, manifest))) for name, rows in read_json(manifest).items()
        }
    made = {}
    for number in NUMBERS:
        for folder in (root, root / "docker/bash_scripts"):
            path = folder / f"setup_nl2b_fs_{number}.sh"
            if path.is_file():
                made[number] = Tree(script=read_text(path))
    if not made:
        raise DataError(root, "neither file_systems/manifest.json nor setup_nl2b_fs_1.sh .. _4.sh")
    return made


def checked(rows: Any, path: Path) -> list[Mapping[str, Any]]:
    """The entries of one file system, each with what `packed` reads."""
    needs = {"dir": (), "link": ("target",), "file": ()}
    for place, row in enumerate(rows):
        kind = taken(row, "type", str, path, place)
        if kind not in needs:
            raise DataError(path, f"expected file, dir or link, found {kind}", record=place, field="type")
        for name in ("path", "mode", *needs[kind]):
            taken(row, name, str, path, place)
        if kind == "file" and "content_base64" not in row:
            taken(row, "content", str, path, place)
        if "mtime" in row:
            try:
                datetime.fromisoformat(taken(row, "mtime", str, path, place))
            except ValueError as error:
                raise DataError(path, str(error), record=place, field="mtime") from error
    return list(rows)
