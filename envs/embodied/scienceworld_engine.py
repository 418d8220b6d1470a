"""ScienceWorld's own engine: one Java process a world, deterministic, and never left behind."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import subprocess
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from py4j.java_gateway import GatewayParameters, JavaGateway, find_jar_path
from py4j.protocol import Py4JError

from ...trajectories.errors import Fault, MissingPart
from ..data import cache_root

T = TypeVar("T")

ANSWER_SECONDS = 120
"""The engine answers in milliseconds; one that is silent for this long is taken for dead."""

SCRAMBLE = 0x5DEECE66D
"""Java's `Random.setSeed` takes its argument xor this as the new state (documented there)."""

FLAGS = (
    # The engine walks through hash sets of objects, so the order of what a room holds hangs on the JVM's identity
    # hashes: another history of the process, another order. With one hash for all, the order is that of insertion.
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:hashCode=2",
    # Listing the valid actions draws from the engine's one random generator; its state is put back through this door.
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "-XX:+UseSerialGC",
    # Otherwise a killed JVM leaves a file in the temporary folder.
    "-XX:-UsePerfData",
)


class Answer(NamedTuple):
    """What the engine says to one action: its text, its score (-100..100), and whether the task is over."""

    text: str
    score: int
    completed: bool


class Engine:
    """One JVM with ScienceWorld in it. Any failure of it is a `Fault`, after which the engine is closed.

    The wheel's Python wrapper is left out: it lists all valid actions at every step (50 ms, seven times the step
    itself), and so moves the random generator; this class talks to the same Java object that the wrapper does.
    """

    def __init__(self, memory: int) -> None:
        """Start a JVM with a heap of at most `memory` MiB.

        Raises:
            MissingPart: no Java, or one that does not know the flags that the engine needs to be deterministic.
            Fault: the JVM started, but cannot be talked to.
        """
        java = shutil.which("java")
        if java is None:
            raise MissingPart(
                "scienceworld needs Java 11 or newer on PATH (Debian: apt-get install default-jre-headless)"
            )
        # At every load the engine writes a list of its object types where it was started; the list is always the same.
        folder = cache_root() / "scienceworld"
        folder.mkdir(parents=True, exist_ok=True)
        self.process, port, token = _launch(java, memory, folder)
        parameters = GatewayParameters(
            port=port,
            auth_token=token,
            read_timeout=ANSWER_SECONDS,
            # Else py4j tells the JVM of every proxy that Python forgets, and calls at its closed door long afterwards.
            enable_memory_management=False,
        )
        self._gateway = JavaGateway(gateway_parameters=parameters)
        self._reap = weakref.finalize(self, _reap, os.getpid(), self.process, self._gateway)
        with self._faults():
            java_lang, java_io = self._gateway.jvm.java.lang, self._gateway.jvm.java.io
            # The engine prints pages at every step, and nobody reads them.
            java_lang.System.setOut(java_io.PrintStream(java_io.OutputStream.nullOutputStream()))
            self._join = java_lang.String.join
            self._world = self._gateway.jvm.scienceworld.runtime.pythonapi.PythonInterface()
            self._random, self._random_state = _generator(self._gateway)
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def alive(self) -> bool:
        """Whether the JVM can still be asked."""
        return self._reap.alive and self.process.poll() is None

    def load(self, name: str, variation: int, simplifications: str) -> None:
        """Bring a task variation to its beginning; the engine's random generator is seeded with the variation.

        Raises:
            Fault: the engine does not know this variation.
        """
        problem = self._ask(lambda: self._world.load(name, variation, simplifications, False))
        if problem:
            raise Fault("env", f"the ScienceWorld engine cannot load {name} {variation}: {problem}")

    def gold(self, name: str, variation: int, simplifications: str) -> list[str]:
        """The engine's own solution. The state is lost: the variation stands at its beginning afterwards."""

        def ask() -> list[str]:
            self._world.load(name, variation, simplifications, True)
            return self._lines(self._world.getGoldActionSequence())

        return self._ask(ask)

    def description(self) -> str:
        """The task in words."""
        return self._ask(lambda: str(self._world.getTaskDescription()))

    def act(self, action: str) -> Answer:
        """Carry out one action."""

        def ask() -> Answer:
            text = str(self._world.step(action))
            return Answer(text, round(100 * self._world.getScore()), bool(self._world.getCompleted()))

        return self._ask(ask)

    def valid_actions(self) -> list[str]:
        """All actions that the engine would understand now, sorted; the world's future is not touched by asking."""

        def ask() -> list[str]:
            before = self._random_state()
            found = self._lines(self._world.getValidActionObjectCombinations())
            self._random.setSeed(before ^ SCRAMBLE)
            return found

        return self._ask(ask)

    def close(self) -> None:
        """End the JVM; it may be dead already."""
        self._reap()

    def _lines(self, java_list: Any) -> list[str]:
        """A Java list of one-line strings, in one call instead of one for each; the JVM may forget it then."""
        text = str(self._join("\n", java_list))
        self._gateway.detach(java_list)
        return text.split("\n") if text else []

    def _ask(self, question: Callable[[], T]) -> T:
        if not self.alive:
            raise Fault(
                "env", f"the ScienceWorld JVM is dead (exit code {self.process.poll()}); reset starts a new one"
            )
        with self._faults():
            return question()

    @contextlib.contextmanager
    def _faults(self) -> Any:
        try:
            yield
        except (Py4JError, OSError) as error:
            code = self.process.poll()
            self.close()
            state = "gave no usable answer" if code is None else f"is dead (exit code {code})"
            raise Fault("env", f"the ScienceWorld JVM {state}: {_said(error)}") from error
        except BaseException:
            # Interrupted between question and answer (Ctrl-C): the next question would read this one's answer.
            self.close()
            raise


def _said(error: Exception) -> str:
    """What an error says; a Java error asks the JVM for its text, which a dead one cannot give."""
    try:
        return str(error)[:500] or type(error).__name__
    except (Py4JError, OSError):
        return type(error).__name__


def _launch(java: str, memory: int, folder: Path) -> tuple[subprocess.Popen[bytes], int, str]:
    """Start py4j's server in a new JVM; its first lines are the port and the token that callers must show."""
    # The jar alone is wanted of the package, so it is found without an import.
    jar = importlib.metadata.distribution("scienceworld").locate_file("scienceworld/scienceworld.jar")
    command = [java, f"-Xmx{memory}m", *FLAGS, "-classpath", os.pathsep.join((find_jar_path(), str(jar)))]
    process = subprocess.Popen(
        # The JVM reads its input and ends at the end of it, so it cannot outlive us, however we die.
        [*command, "py4j.GatewayServer", "--die-on-broken-pipe", "--enable-auth", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Ctrl-C is for us to handle: the episode under way may be finished first.
        start_new_session=True,
        cwd=folder,
    )
    assert process.stdout is not None and process.stdin is not None
    said: list[str] = []
    try:
        # Java may first print what it found in JAVA_TOOL_OPTIONS.
        for line in process.stdout:
            text = line.decode(errors="replace").strip()
            if text.isdigit():
                return process, int(text), process.stdout.readline().decode().strip()
            said.append(text)
    except BaseException:
        process.kill()
        raise
    process.stdin.close()
    process.stdout.close()
    process.wait()
    raise MissingPart(f"the JVM for scienceworld ({java}, Java 11 or newer is needed) did not start: {' '.join(said)}")


def _generator(gateway: Any) -> tuple[Any, Callable[[], int]]:
    """Scala's one random generator (Java's `Random` behind it), and a way to read its state."""
    classes = gateway.jvm.java.lang.Class
    generator = classes.forName("scala.util.Random$").getField("MODULE$").get(None).self()
    state = classes.forName("java.util.Random").getDeclaredField("seed")
    state.setAccessible(True)
    return generator, lambda: int(state.get(generator))


def _reap(owner: int, process: subprocess.Popen[bytes], gateway: Any) -> None:
    """End the JVM and release its pipes and sockets; in a forked child it is not ours to end."""
    if os.getpid() != owner:
        return
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    gateway.close()
