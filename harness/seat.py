"""A seat: one world, wherever it lives (in this thread, in a worker thread, in a process of its own)."""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, Protocol

import msgspec

from ..agents.core import Need
from ..envs import EnvSpec, TextEnv, make
from ..trajectories import EnvRef, Fault, TaskRef


class Opened(NamedTuple):
    """A world after its reset: what the agent may be told, and what the record needs."""

    observation: str
    task: TaskRef
    env: EnvRef
    manual: str
    action_kind: str
    gold: Sequence[str] | None
    actions: Sequence[str] | None


class Answer(NamedTuple):
    """A world after one action."""

    observation: str
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    actions: Sequence[str] | None


class Seat(Protocol):
    """What a rollout needs of a world. `needs` says what to ask beyond the words: "gold", "actions"."""

    async def open(self, task: str | None, seed: int, needs: frozenset[Need]) -> Opened:
        """Reset to a task (None: one drawn by the seed)."""
        ...

    async def step(self, action: str, needs: frozenset[Need]) -> Answer:
        """Carry out one action."""
        ...

    async def close(self) -> None:
        """Release the world."""
        ...


def open_world(env: TextEnv, task: str | None, seed: int, needs: frozenset[Need]) -> Opened:
    """Reset `env` and gather what an episode's head records."""
    observation, _ = env.reset(seed=seed, options={"task": task} if task else None)
    chosen = env.task
    assert chosen is not None  # reset() sets it or raises
    options = {key: value for key, value in env.recipe.items() if key not in ("id", "split", "data", "max_steps")}
    return Opened(
        observation,
        TaskRef(env.about.id, chosen.id, chosen.split, chosen.digest, seed),
        EnvRef(env.about.version, env.fidelity, env.source.kind, env.max_steps, options),
        env.manual,
        env.about.action_kind,
        env.expert(chosen) if "gold" in needs else None,
        env.actions() if "actions" in needs else None,
    )


def step_world(env: TextEnv, action: str, needs: frozenset[Need]) -> Answer:
    """Step `env`, and ask what is possible next where the agent needs it and the episode goes on."""
    observation, reward, terminated, truncated, info = env.step(action)
    more = "actions" in needs and not (terminated or truncated)
    return Answer(observation, reward, terminated, truncated, info, env.actions() if more else None)


class Inline:
    """A world stepped right here, in the event loop's thread: for worlds that answer in microseconds."""

    def __init__(self, env: TextEnv) -> None:
        """Hold the world."""
        self.env = env

    async def open(self, task: str | None, seed: int, needs: frozenset[Need]) -> Opened:
        """Reset in place."""
        return open_world(self.env, task, seed, needs)

    async def step(self, action: str, needs: frozenset[Need]) -> Answer:
        """Step in place."""
        return step_world(self.env, action, needs)

    async def close(self) -> None:
        """Close the world."""
        self.env.close()


class Threaded:
    """A world that may block: each call runs in a shared thread pool, one call at a time."""

    def __init__(self, env: TextEnv, executor: Executor) -> None:
        """Hold the world and the threads it borrows."""
        self.env, self.executor = env, executor

    async def open(self, task: str | None, seed: int, needs: frozenset[Need]) -> Opened:
        """Reset in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, open_world, self.env, task, seed, needs)

    async def step(self, action: str, needs: frozenset[Need]) -> Answer:
        """Step in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, step_world, self.env, action, needs)

    async def close(self) -> None:
        """Close the world in a thread."""
        await asyncio.get_running_loop().run_in_executor(self.executor, self.env.close)


class Process:
    """A world in a process of its own, spoken to over pipes; it ends when its standard input does, even after SIGKILL.

    The worker runs in a session of its own, so a Ctrl-C in the terminal reaches only the parent, which closes it.
    """

    def __init__(self, spec: EnvSpec, options: Mapping[str, Any]) -> None:
        """Start nothing yet; the first `open` does."""
        self.spec, self.options = spec, dict(options)
        self.process: asyncio.subprocess.Process | None = None

    async def _ask(self, request: Sequence[Any]) -> Any:
        process = self.process
        assert process is not None and process.stdin is not None and process.stdout is not None  # PIPE was asked for
        data = msgspec.msgpack.encode(request)
        try:
            process.stdin.write(struct.pack("<I", len(data)) + data)
            await process.stdin.drain()
            (length,) = struct.unpack("<I", await process.stdout.readexactly(4))
            kind, value = msgspec.msgpack.decode(await process.stdout.readexactly(length))
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            code = await process.wait()
            raise Fault("env", f"{self.spec.id}: its worker process died (exit code {code})") from error
        if kind == "fault":
            raise Fault(value[0], value[1])
        return value

    async def open(self, task: str | None, seed: int, needs: frozenset[Need]) -> Opened:
        """Start the worker where there is none, and reset its world."""
        if self.process is None:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "agentbank.harness.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            # The caller's import path goes along: worlds registered by a script must be found there too.
            await self._ask(["make", msgspec.to_builtins(self.spec), self.options, sys.path])
        return msgspec.convert(await self._ask(["open", task, seed, sorted(needs)]), Opened)

    async def step(self, action: str, needs: frozenset[Need]) -> Answer:
        """Step the worker's world."""
        # A lone surrogate cannot cross the pipe; the world would refuse it in any case, with the same words.
        sent = action.encode("utf-8", "surrogatepass")
        return msgspec.convert(await self._ask(["step", sent, sorted(needs)]), Answer)

    async def close(self) -> None:
        """End the worker: politely by closing its input, then by force."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def seat(spec: EnvSpec, options: Mapping[str, Any], executor: Executor) -> Seat:
    """A new seat of the kind that the world's spec asks for."""
    if spec.lives == "process":
        return Process(spec, options)
    env = make(spec.id, **options)
    return Threaded(env, executor) if spec.lives == "thread" else Inline(env)
