"""Sandboxes by bubblewrap: kernel namespaces without a daemon; no root is needed where user namespaces are allowed."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ...trajectories.errors import Fault, MissingPart, UsageError
from . import cgroups, pythons, seccomp
from .core import Image, Limits, Sandbox
from .inside import START, program
from .link import ProcessLink

FIRST_UID = 600_000_000
"""Under root, user N of a sandbox is user FIRST_UID + N of the machine: nobody there."""
START_S = 20.0
CAPS = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID", "FSETID")
SHARED = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt")
COPIED = ("etc", "home", "root", "srv")
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nagent:x:1000:1000:agent:/job:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost\n",
    "hostname": "sandbox\n",
}


@cache
def lacks() -> str:
    """Why bubblewrap cannot be used here, with the mend; empty where it can. A trial start decides, once."""
    path = shutil.which("bwrap")
    if path is None:
        return "bubblewrap is not installed (apt-get install bubblewrap)"
    if pythons.find() is None:
        return "no Python that a sandbox's user may read (apt-get install python3)"
    trial = [path, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    tried = subprocess.run(trial, capture_output=True, text=True, env={"PATH": os.defpath}, check=False)
    if tried.returncode:
        return f"bubblewrap cannot make namespaces here ({tried.stderr.strip()}); allow user namespaces, or use docker"
    return ""


def start(image: Image, limits: Limits) -> Sandbox:
    """Open a sandbox.

    Raises:
        MissingPart: bubblewrap, or the kernel's leave to use it, is missing; or `image.name` is no root directory.
        Fault: the start failed all the same.
    """
    missing = lacks()
    if missing:
        raise MissingPart(missing)
    if image.name and not Path(image.name, "usr").is_dir():
        raise MissingPart(f"{image.name} is no root directory (it has no usr); bubblewrap's images are unpacked ones")
    limited = os.geteuid() == 0 and cgroups.homes()
    notes = () if limited else ("no control groups: memory is limited a process, not in sum",)
    reopen = functools.partial(_open, image, limits)
    return Sandbox(reopen(), "bubblewrap", limits, image, notes, reopen if image.kept else None)


def _open(image: Image, limits: Limits) -> ProcessLink:
    try:
        return _opened(image, limits)
    except OSError as error:  # the machine's disk is full, its descriptors are used up
        raise Fault("sandbox", f"bubblewrap could not be set up: {error}") from error


def _opened(image: Image, limits: Limits) -> ProcessLink:
    root = Path(image.name or "/")
    mapped = os.geteuid() == 0
    uid = 0 if mapped or image.user == "root" else 1000
    with contextlib.ExitStack() as files:
        argv = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--unshare-user", "--as-pid-1", "--new-session"]
        argv += ["--hostname", "sandbox", "--uid", str(uid), "--gid", str(uid)]
        for cap in CAPS if uid == 0 else ():
            argv += ["--cap-add", f"CAP_{cap}"]
        fds: list[int] = []
        argv += _folders(image, limits, root, files, fds)
        found = pythons.find()
        assert found
        interpreter, shown = found
        if image.name:
            interpreter = _python_of(root)
        elif shown:
            argv += ["--ro-bind", str(shown), str(shown)]
        argv += [] if image.writable else ["--remount-ro", "/"]
        argv += ["--seccomp", str(_given(seccomp.program(), files, fds))]
        link = _launch([*argv, "--", interpreter, "-s", "-S", "-c", START], fds, limits, mapped=mapped)
    config = {
        "alone": True,
        "users": {"root": (0, 0), "agent": (1000, 1000)} if mapped else {image.user: None},
        "user": image.user,
        "home": "/root" if image.user == "root" else "/job",
        "workdir": image.workdir,
        "wipe": [] if image.kept else ["/job", "/tmp", "/dev/shm"],
        "memory": limits.memory,
        "disk": limits.disk,
        "nproc": limits.pids,
    }
    try:
        link.ask(config, b"", START_S)
        made = Sandbox(link, "bubblewrap", limits, image)
        for name in COPIED if image.name and image.writable else ():
            if (root / name).is_dir():
                made.put_tree(root / name, f"/{name}")
        if image.tree:
            made.put_tree(image.tree)
    except BaseException:
        link.close()
        raise
    return link


def _folders(image: Image, limits: Limits, root: Path, files: contextlib.ExitStack, fds: list[int]) -> Iterator[str]:
    """Bwrap's words for the file system: shared folders read-only, the rest in memory, each with its bound."""
    whole, part = str(limits.disk), str(limits.disk // 4)
    yield from ("--size", whole, "--tmpfs", "/", "--perms", "0755", "--dir", "/etc")
    for name in SHARED:
        folder = root / name
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), f"/{name}")
        elif name == "usr" and image.writable:
            # Folder by folder, so that /usr itself may be written.
            yield from ("--perms", "0755", "--dir", "/usr")
            for each in sorted(folder.iterdir()):
                words = ("--symlink", str(each.readlink())) if each.is_symlink() else ("--ro-bind", str(each))
                yield from (*words, f"/usr/{each.name}")
        elif folder.is_dir() and (name != "opt" or root != Path("/")):
            yield from ("--ro-bind", str(folder), f"/{name}")
    if root == Path("/"):
        for name in ("alternatives", "ld.so.cache"):
            if Path("/etc", name).exists():
                yield from ("--ro-bind", f"/etc/{name}", f"/etc/{name}")
        for name, text in ETC.items():
            yield from ("--perms", "0644", "--file", str(_given(text.encode(), files, fds)), f"/etc/{name}")
    elif not image.writable:
        for name in COPIED:
            yield from ("--ro-bind-try", str(root / name), f"/{name}")
    yield from ("--proc", "/proc", "--dev", "/dev")
    if image.writable:
        for name in ("root", "home", "var/log", "var/tmp", "srv", "mnt", "media", "opt", "run", "usr"):
            yield from ("--dir", f"/{name}")
        yield from ("--perms", "1777", "--dir", "/tmp", "--perms", "0777", "--dir", "/job")
    else:
        yield from ("--perms", "0777", "--size", str(limits.disk // 2), "--tmpfs", "/job")
        yield from ("--perms", "1777", "--size", part, "--tmpfs", "/tmp")
    yield from ("--perms", "1777", "--size", part, "--tmpfs", "/dev/shm", "--remount-ro", "/dev")


def _given(data: bytes, files: contextlib.ExitStack, fds: list[int]) -> int:
    """A descriptor from which bwrap reads `data`."""
    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (the stack closes it)
    file.write(data)
    file.seek(0)
    fds.append(file.fileno())
    return file.fileno()


def _python_of(root: Path) -> str:
    for name in ("usr/bin/python3", "usr/local/bin/python3"):
        if os.path.lexists(root / name):
            return f"/{name}"
    raise MissingPart(f"{root} has no Python 3, which the server inside a sandbox needs")


def _launch(argv: list[str], fds: list[int], limits: Limits, *, mapped: bool) -> ProcessLink:
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONHASHSEED": "0"}
    if not mapped:
        return ProcessLink(argv, env=env, first=program(), pass_fds=fds)
    group = cgroups.Group(limits.memory + (32 << 20), limits.pids + 4) if cgroups.homes() else None
    gate, opener = os.pipe()
    info, told = os.pipe()
    argv[1:1] = ["--userns-block-fd", str(gate), "--info-fd", str(told)]
    link = None
    try:
        after = group.remove if group else None
        link = ProcessLink(argv, env=env, pass_fds=[*fds, gate, told], first=program(), after=after, user=FIRST_UID)
        os.close(told)
        told = -1
        with open(info, "rb", closefd=False) as source:
            text = source.read()
        if not text:
            raise UsageError("bubblewrap ended before it began")
        child = json.loads(text)["child-pid"]
        if group:
            group.add(link.process.pid, child)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{child}/{name}").write_text(f"0 {FIRST_UID} 65536")
        os.write(opener, b"1")
    except BaseException as error:
        if link:
            link.close()
        if isinstance(error, (OSError, ValueError)):
            raise Fault("sandbox", f"bubblewrap could not be set up: {error}") from error
        raise
    finally:
        for fd in (gate, opener, info, told):
            if fd >= 0:
                os.close(fd)
    return link
