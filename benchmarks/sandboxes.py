"""Python programs a second in each kind of sandbox, one at a time and eight at once.

    python benchmarks/sandboxes.py [--seconds 4] [--json]
    python tests/docker_engine.py python benchmarks/sandboxes.py      (with a Docker engine started for it)

The same program (``print(1)``) by: a warm sandbox (bubblewrap, docker), bubblewrap started for each call, `docker exec`
(the SDK's ``exec_run``), and a plain ``python -c`` with no isolation. The ways take turns in short slices of one run, so
that the ratios hold whatever else the machine does; the third column is the time of a call alone, at the tenth percentile,
which other work on the machine troubles least.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from agentbank.envs.sandboxes import Limits, open_sandbox, pythons, why_none

PROGRAM = "print(1)"
SLICES = 8
Call = Callable[[], None]


def warm(provider: str, stack: ExitStack) -> Call:
    box = stack.enter_context(open_sandbox(provider))

    def call() -> None:
        assert box.python(PROGRAM).stdout == b"1\n"

    return call


def python() -> str:
    found = pythons.find()
    assert found
    return found[0]


def spawned(stack: ExitStack) -> Call:
    shared = [word for name in ("/usr", "/bin", "/lib", "/lib64") for word in ("--ro-bind-try", name, name)]
    argv = [
        "bwrap",
        "--unshare-all",
        "--tmpfs",
        "/",
        *shared,
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        python(),
        "-c",
        PROGRAM,
    ]
    return lambda: plainly(argv)


def plain(stack: ExitStack) -> Call:
    argv = [python(), "-c", PROGRAM]
    return lambda: plainly(argv)


def plainly(argv: list[str]) -> None:
    assert subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout == b"1\n"


def executed(stack: ExitStack) -> Call:
    from agentbank.envs.sandboxes.docker import client

    box = stack.enter_context(open_sandbox("docker", limits=Limits(pids=128)))
    container = client().containers.get(box.link.container)

    def call() -> None:
        assert container.exec_run(["python3", "-c", PROGRAM]).output == b"1\n"

    return call


WAYS: dict[str, Callable[[ExitStack], Call]] = {"bubblewrap, warm": lambda stack: warm("bubblewrap", stack)}
WAYS |= {"bubblewrap, a start each": spawned, "plain python -c (no sandbox)": plain}
DOCKER = {"docker, warm": lambda stack: warm("docker", stack), "docker exec": executed}


def rate(calls: list[Call], seconds: float) -> tuple[float, list[float]]:
    """Calls a second of all threads together, one thread a call; and the seconds of each call."""
    took: list[float] = []
    began = time.perf_counter()
    end = began + seconds

    def work(place: int) -> None:
        while (start := time.perf_counter()) < end:
            calls[place]()
            took.append(time.perf_counter() - start)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(calls))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return len(took) / (time.perf_counter() - began), took


def measure(seconds: float) -> dict[str, dict[str, float]]:
    ways = WAYS | (DOCKER if not why_none("docker") else {})
    found: dict[str, dict[str, float]] = {name: {} for name in ways}
    with ExitStack() as stack:
        calls = {name: [way(stack) for _ in range(8)] for name, way in ways.items()}
        for name in calls:
            calls[name][0]()
        for width in (1, 8):
            slices: dict[str, list[tuple[float, list[float]]]] = {name: [] for name in ways}
            for _ in range(SLICES):
                for name in ways:
                    slices[name].append(rate(calls[name][:width], seconds / SLICES))
            for name, parts in slices.items():
                found[name][f"{width} at once"] = statistics.median(each for each, _ in parts)
                if width == 1:
                    times = sorted(one for _, took in parts for one in took)
                    found[name]["ms"] = 1000 * times[len(times) // 10]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=4, help="a way and width")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.seconds)
    if options.json:
        json.dump(found, sys.stdout, indent=2)
        return
    slowest = found.get("docker exec") or found["bubblewrap, a start each"]
    beside = "docker exec" if "docker exec" in found else "a start each"
    print(
        f"| calls a second (times {beside}) | 1 at once | 8 at once | ms a call, 10th percentile |\n|---|---|---|---|"
    )
    for name, rates in found.items():
        cells = [f"{rates[width]:.0f} ({rates[width] / slowest[width]:.1f})" for width in ("1 at once", "8 at once")]
        print(f"| {name} | {cells[0]} | {cells[1]} | {rates['ms']:.1f} ({slowest['ms'] / rates['ms']:.1f}) |")


if __name__ == "__main__":
    main()
