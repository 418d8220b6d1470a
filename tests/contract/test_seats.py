"""Whatever kind of seat a world has, the harness gets the same words out of it; and a killed parent leaves nobody."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from agentbank.envs import make, specs
from agentbank.harness.seat import Inline, Process, Threaded
from agentbank.trajectories import Fault

NOTHING = frozenset()


async def words(seat, actions):
    try:
        opened = await seat.open(None, 3, NOTHING)
        answers = [await seat.step(action, NOTHING) for action in actions]
        return opened._replace(env=None), answers
    finally:
        await seat.close()


def test_every_kind_of_seat_gives_the_same_words(world, fresh):
    fresh()
    spec, options = specs()[world], {"data": "sample", "split": "test"}
    actions = ["look", "search[a]", "\ud800", ""]
    process = asyncio.run(words(Process(spec, options), actions))
    inline = asyncio.run(words(Inline(make(world, **options)), actions))
    assert process == inline
    if spec.lives != "process":
        with ThreadPoolExecutor(2) as threads:
            assert asyncio.run(words(Threaded(make(world, **options), threads), actions)) == inline


def test_a_killed_parent_leaves_no_worker(world, fresh):
    fresh()
    code = (
        "import asyncio, sys\n"
        "from agentbank.envs import specs\n"
        "from agentbank.harness.seat import Process\n"
        "async def go():\n"
        f"    seat = Process(specs()[{world!r}], {{'data': 'sample'}})\n"
        "    await seat.open(None, 0, frozenset())\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(go())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout.readline() == "ready\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        assert family
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family):
        assert time.monotonic() < deadline, f"left behind: {family}"
        time.sleep(0.1)


def test_a_worker_that_dies_is_a_fault(world, fresh):
    fresh()

    async def go():
        seat = Process(specs()[world], {"data": "sample"})
        try:
            await seat.open(None, 0, NOTHING)
            seat.process.kill()
            await seat.process.wait()
            with pytest.raises(Fault) as caught:
                await seat.step("look", NOTHING)
            assert caught.value.boundary == "env"
        finally:
            await seat.close()

    asyncio.run(go())
