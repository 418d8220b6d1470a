"""Files of the room: read, written, listed and wiped without ever following a symbolic link."""

from __future__ import annotations

import io
import os
import stat
from typing import Any

from .room import Refused, Room

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link"}
NOT_FILES = ("/proc", "/sys", "/dev")


def walk_to(room: Room, path: str, *, make: bool = False) -> tuple[int, str]:
    """The open folder that holds `path`, and its last name; every step refuses symbolic links."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not path.startswith("/") or ".." in parts or not parts or "\0" in path:
        raise Refused(f"{path!r}: expected an absolute path without '..'")
    folder = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    for part in parts[:-1]:
        try:
            if make:
                try:
                    os.mkdir(part, 0o755, dir_fd=folder)
                    give(room, part, folder)
                except FileExistsError:
                    make = True  # the usual case: it is there, and the next open tells what it is
            deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        except OSError as error:
            raise Refused(f"{path}: {part!r}: {error.strerror}") from None
        finally:
            os.close(folder)
        folder = deeper
    return folder, parts[-1]


def give(room: Room, name: str, folder: int) -> None:
    """Make the room's user the owner."""
    owner = room.owner(None)
    if owner:
        os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)


def read(room: Room, head: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
    folder, name = walk_to(room, head["path"])
    try:
        # O_NONBLOCK: a named pipe must not hold the server up.
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        raise Refused(f"{head['path']}: {error.strerror}") from None
    finally:
        os.close(folder)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise Refused(f"{head['path']}: not a regular file")
    with open(fd, "rb") as file:
        if found.st_size > head["limit"]:
            raise Refused(f"{head['path']}: {found.st_size} bytes, more than the {head['limit']} that may be read")
        return {}, file.read(head["limit"])


def write(room: Room, head: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
    folder, name = walk_to(room, head["path"], make=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(name, flags, 0o600, dir_fd=folder)
        with open(fd, "wb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Refused(f"{head['path']}: not a regular file")
            file.write(blob)
            file.flush()
            os.fchmod(fd, head["mode"])
        give(room, name, folder)
    except OSError as error:
        raise Refused(f"{head['path']}: {error.strerror}") from None
    finally:
        os.close(folder)
    return {}, b""


def untar(room: Room, head: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
    import tarfile  # only here: it is a third of the server's start

    folder, _ = walk_to(room, head["at"].rstrip("/") + "/x", make=True)
    os.close(folder)
    owner = room.owner(None)

    def admit(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        if entry.name.startswith("/") or ".." in entry.name.split("/"):
            raise Refused(f"{entry.name}: leaves the folder it is laid into")
        if not (entry.isreg() or entry.isdir() or entry.issym() or entry.islnk() or entry.isfifo()):
            raise Refused(f"{entry.name}: neither file, folder, link nor pipe")
        return entry

    try:
        with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
            for entry in archive:
                entry = admit(entry)
                archive.extract(entry, head["at"], set_attrs=not entry.isdir(), numeric_owner=True)
                if owner:
                    os.chown(os.path.join(head["at"], entry.name), *owner, follow_symlinks=False)
            for entry in reversed(archive.getmembers()):
                if entry.isdir():
                    target = os.path.join(head["at"], entry.name)
                    os.chmod(target, entry.mode & 0o7777)
                    os.utime(target, (entry.mtime, entry.mtime))
    except (OSError, tarfile.TarError) as error:
        raise Refused(f"laying a tree over {head['at']}: {error}") from None
    return {}, b""


def snapshot(room: Room, head: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
    entries: dict[str, tuple[str, int, int, str]] = {}
    skip = {*NOT_FILES, *head["skip"]}
    for root in head["roots"]:
        device = os.lstat(root).st_dev
        waiting = [root.rstrip("/") or "/"]
        while waiting:
            folder = waiting.pop()
            try:
                listed = sorted(os.scandir(folder), key=lambda each: each.name)
            except OSError as error:
                raise Refused(f"{folder}: {error.strerror}") from None
            for each in listed:
                path = each.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                found = each.stat(follow_symlinks=False)
                if path in skip or (found.st_dev != device and shared(each.path)):
                    continue
                kind = KINDS.get(stat.S_IFMT(found.st_mode), "other")
                digest, size = "", 0
                if kind == "dir":
                    waiting.append(each.path)
                elif kind == "link":
                    digest = os.fsencode(os.readlink(each.path)).decode("utf-8", "backslashreplace")
                elif kind == "file":
                    digest, size = md5(each.path), found.st_size
                entries[path] = (kind, stat.S_IMODE(found.st_mode), size, digest)
    return {"entries": entries}, b""


def shared(path: str) -> bool:
    """Whether this is a file system mounted read-only: the machine's own, which nobody here can change."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def md5(path: str) -> str:
    import hashlib

    total = hashlib.md5(usedforsecurity=False)
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with open(fd, "rb") as file:
        while part := file.read(1 << 20):
            total.update(part)
    return total.hexdigest()


def wipe(folder: str) -> None:
    """Empty a folder. Folders below folders are first drawn up to the top: no depth of nesting can outgrow us."""
    count = 0
    while True:
        names = os.listdir(folder)
        if not names:
            return
        for name in names:
            path = os.path.join(folder, name)
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                os.unlink(path)
                continue
            os.chmod(path, 0o700)
            for inner in os.listdir(path):
                below = os.path.join(path, inner)
                if stat.S_ISDIR(os.lstat(below).st_mode):
                    os.chmod(below, 0o700)
                    while os.path.lexists(target := os.path.join(folder, f"wiped-{count}")):
                        count += 1
                    os.rename(below, target)
                else:
                    os.unlink(below)
            os.rmdir(path)
