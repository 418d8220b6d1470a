"""The image that docker sandboxes start from, made where a registry can be reached and where none can."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...trajectories.errors import Fault, MissingPart

DEFAULT = "agentbank-sandbox:1"
BASE = "python:3.11-slim"
PACKAGES = ("python3", "procps")


def build_image(
    name: str = DEFAULT,
    *,
    base: str = BASE,
    packages: Sequence[str] = (),
    registry: bool = True,
    suite: str = "bookworm",
) -> str:
    """Make the image: the registry's `base` under our name, else a Debian of its own by debootstrap (about a minute).

    Args:
        name: What to call it.
        base: The registry's image; it must have a bash and a python3.
        packages: Debian packages to have besides; with any, debootstrap makes the image.
        registry: Whether to ask a registry at all.
        suite: Debian's name for debootstrap.

    Returns:
        The image's id.

    Raises:
        MissingPart: no engine; or no registry answers and debootstrap is not installed.
        Fault: debootstrap or the engine failed.
    """
    from docker.errors import DockerException

    from .docker import client

    engine = client()
    if registry and not packages:
        try:
            pulled = engine.images.pull(base)
        except DockerException as error:
            reason = str(error)
        else:
            pulled.tag(name)
            return str(pulled.id)
    else:
        reason = "not asked"
    if shutil.which("debootstrap") is None:
        raise MissingPart(
            f"no registry gave {base} ({reason}) and debootstrap is missing (apt-get install debootstrap)"
        )
    with tempfile.TemporaryDirectory(prefix="agentbank-image-") as folder:
        root = Path(folder) / "root"
        debootstrap(root, [*PACKAGES, *packages], suite)
        return _load(engine, root, name)


def debootstrap(root: Path, packages: Sequence[str], suite: str = "bookworm") -> None:
    """Unpack a small Debian with `packages` into `root` (root's rights are needed).

    Raises:
        Fault: debootstrap failed; the message ends with its last words.
    """
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Fault("sandbox", f"debootstrap ended with {done.returncode}: {done.stdout[-800:]}{done.stderr[-800:]}")
    for name in ("passwd", "group"):
        with (root / "etc" / name).open("a") as file:
            file.write("agent:x:1000:1000:agent:/job:/bin/bash\n" if name == "passwd" else "agent:x:1000:\n")
    for waste in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / waste, ignore_errors=True)


def _load(engine: Any, root: Path, name: str) -> str:
    repository, _, tag = name.partition(":")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packer:
        assert packer.stdout
        engine.api.import_image_from_stream(packer.stdout, repository=repository, tag=tag or "latest")
    if packer.returncode:
        raise Fault("sandbox", f"tar ended with {packer.returncode}")
    return str(engine.images.get(name).id)
