"""A real Docker engine for the tests: the machine's own, or one started by hand where dockerd is installed.

``python tests/docker_engine.py`` starts one, builds the sandbox's image, and runs the command given after it.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

STATE = Path(os.environ.get("AGENTBANK_DOCKER", "/tmp/agentbank-docker"))
FLAGS = ["--iptables=false", "--bridge=none", "--storage-driver=overlay2", "--log-level=error"]


def answers(host: str | None) -> bool:
    env = os.environ | ({"DOCKER_HOST": host} if host else {})
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "version"], env=env, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def engine() -> Iterator[str]:
    """Make an engine answer at ``DOCKER_HOST`` for a while; yields why it cannot ("" where it can)."""
    ours = f"unix://{STATE}/docker.sock"
    if answers(None):
        yield ""
    elif answers(ours):
        os.environ["DOCKER_HOST"] = ours
        yield ""
    elif shutil.which("dockerd") is None or os.geteuid() != 0:
        yield "no Docker engine answers, and none can be started here (dockerd and root's rights are needed)"
    else:
        yield from start(ours)


def start(host: str) -> Iterator[str]:
    """Start dockerd with everything of its own below STATE; end it afterwards (the images stay for the next time)."""
    STATE.mkdir(parents=True, exist_ok=True)
    folders = ["--data-root", STATE / "data", "--exec-root", STATE / "run", "--pidfile", STATE / "pid"]
    with (STATE / "log").open("wb") as log:
        daemon = subprocess.Popen(["dockerd", "-H", host, *map(str, folders), *FLAGS], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while not answers(host) and daemon.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        if not answers(host):
            yield f"dockerd did not come up: {(STATE / 'log').read_text()[-1500:]}"
            return
        os.environ["DOCKER_HOST"] = host
        yield ""
    finally:
        daemon.terminate()
        daemon.wait(30)


def image() -> None:
    """Build the sandbox's image unless it is there."""
    import docker

    from agentbank.envs.sandboxes.docker import client
    from agentbank.envs.sandboxes.docker_images import DEFAULT, build_image

    try:
        client().images.get(DEFAULT)
    except docker.errors.ImageNotFound:
        build_image(registry=False)


if __name__ == "__main__":
    with engine() as problem:
        if problem:
            sys.exit(problem)
        image()
        sys.exit(subprocess.run(sys.argv[1:], check=False).returncode if sys.argv[1:] else 0)
