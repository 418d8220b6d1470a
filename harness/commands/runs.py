"""Commands that play episodes: eval, collect, play, panel, demo, and their report."""

from __future__ import annotations

import asyncio
import inspect
import json
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ...agents import make_agent
from ...envs import select
from ...trajectories import Store, UsageError
from ..demo import WORLDS, configurations, ready
from ..demo import show as show_demo
from ..plan import Config, lots, read_panel
from ..pool import Pool
from ..progress import Progress
from ..report import Report, markdown, show
from ..rollout import rollout
from ..runner import Finished, report_folder, run
from .settings import pairs, world_options

Env = Annotated[
    str, typer.Option("--env", "-e", help="Worlds, skills or groups: webshop,alfworld | web | held-in | all.")
]
OptionalEnv = Annotated[
    str | None, typer.Option("--env", "-e", help="Worlds, skills, groups: webshop,alfworld | web | all.")
]
Out = Annotated[Path, typer.Option("--out", help="Run folder; one that holds this same run is resumed.")]
Split = Annotated[str, typer.Option(help="train, test, or what the world calls its splits.")]
ModelName = Annotated[
    str | None,
    typer.Option("--model", "-m", help="openai:NAME, vllm:CHECKPOINT, transformers:CHECKPOINT, scripted:FILE."),
]
BaseUrl = Annotated[
    str | None, typer.Option(help="Address of the OpenAI-compatible server, such as http://127.0.0.1:8000/v1.")
]
Seed = Annotated[int, typer.Option(help="Which tasks are drawn, and the seed of each episode.")]
MaxSteps = Annotated[int | None, typer.Option(min=1, help="Steps an episode; default: the world's own.")]
WorldOption = Annotated[
    list[str] | None, typer.Option("-o", "--option", help="World option KEY=VALUE or WORLD.KEY=VALUE.")
]
Data = Annotated[list[str] | None, typer.Option(help="Data folder, WORLD=FOLDER, or 'sample'.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to standard output, nothing else.")]
Count = Annotated[int | None, typer.Option("-n", min=1, help="Episodes a world. [default: 100]")]
Every = Annotated[bool, typer.Option("--all", help="Every task of the split once, instead of -n.")]
Trials = Annotated[int, typer.Option("--trials", "-k", min=1, help="Episodes a task; over 1 gives pass@k.")]
Seconds = Annotated[float | None, typer.Option(help="Wall-clock limit of one episode.")]
Tokens = Annotated[int | None, typer.Option(min=1, help="Limit of prompt and completion tokens of one episode.")]
Tasks = Annotated[Path | None, typer.Option(help="Run the tasks of this panel file (see `agentbank panel`).")]
Temperature = Annotated[float | None, typer.Option(min=0, help="Sampling temperature of the model.")]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Tokens of one reply.")]
ModelOption = Annotated[list[str] | None, typer.Option(help="Further model option KEY=VALUE.")]
AgentOption = Annotated[list[str] | None, typer.Option(help="Agent option KEY=VALUE.")]
Concurrency = Annotated[int, typer.Option("--concurrency", "-j", min=1, help="Episodes in flight at once.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes for worlds that need one each. [default: the cores]")
]


def evaluate(
    out: Out,
    env: OptionalEnv = None,
    agent: Annotated[str, typer.Option("--agent", "-a", help="react, act, expert, random, noop, human.")] = "react",
    model: ModelName = None,
    base_url: BaseUrl = None,
    n: Count = None,
    every: Every = False,
    split: Split = "test",
    seed: Seed = 0,
    trials: Trials = 1,
    max_steps: MaxSteps = None,
    seconds: Seconds = None,
    tokens: Tokens = None,
    tasks: Tasks = None,
    data: Data = None,
    option: WorldOption = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    model_option: ModelOption = None,
    agent_option: AgentOption = None,
    concurrency: Concurrency = 64,
    workers: Workers = None,
    as_json: AsJson = False,
) -> int:
    """Play episodes and judge the agent.

    Examples:
    `agentbank eval --env webshop --agent expert -n 20 --out runs/expert`

    `agentbank eval --env held-in -m openai:my-model --base-url http://127.0.0.1:8000/v1 -n 50 --out runs/a`

    The same command again resumes: finished episodes are kept, failed ones are tried again.
    """
    named = env if env is not None else [world for world, _ in read_panel(tasks)] if tasks is not None else []
    worlds = select(named)
    sampling = {"temperature": temperature, "max_tokens": max_tokens}
    chosen = {key: value for key, value in sampling.items() if value is not None}
    config = Config(
        worlds=tuple(each.id for each in worlds),
        split=split,
        agent=agent,
        agent_options=pairs(agent_option or (), "--agent-option"),
        model=model,
        model_options=chosen | pairs(model_option or (), "--model-option"),
        n=None if every else (n or 100),
        trials=trials,
        seed=seed,
        max_steps=max_steps,
        seconds=seconds,
        tokens=tokens,
        world_options=world_options(worlds, option or (), data or ()),
        panel=tasks,
        concurrency=concurrency,
        workers=workers,
        base_url=base_url,
    )
    done = play_all(config, out, quiet=as_json)
    present(done.report, str(out), as_json)
    if done.interrupted:
        return 130
    return 3 if done.report.failed else 0


def with_defaults(command: Callable[..., int], doc: str, **defaults: Any) -> Callable[..., int]:
    """The same command under other defaults and another help text."""

    def same(**settings: Any) -> int:
        return command(**settings)

    signature = inspect.signature(command, eval_str=True)
    changed = [each.replace(default=defaults.get(name, each.default)) for name, each in signature.parameters.items()]
    same.__signature__ = signature.replace(parameters=changed)  # type: ignore[attr-defined]
    same.__doc__ = doc
    return same


collect = with_defaults(
    evaluate,
    """Record trajectories to train on: `eval` with the defaults of collecting (the expert, the train split).

    Example:

    `agentbank collect --env alfworld --agent expert -n 500 --out runs/gold`
    """,
    agent="expert",
    split="train",
)


def play_all(config: Config, out: Path, *, quiet: bool) -> Finished:
    """Run with a progress bar on standard error; the first Ctrl-C ends it politely, keeping what is finished."""

    async def go() -> Finished:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # we are inside one
        loop.add_signal_handler(signal.SIGINT, task.cancel)
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        with Progress(quiet=quiet) as progress:
            return await run(config, out, progress)

    return asyncio.run(go())


def present(result: Report, title: str, as_json: bool) -> None:
    """Show a report, for people or for a shell."""
    if as_json:
        print(json.dumps(result.to_json()))
    else:
        show(result, title)


def report(
    folder: Annotated[list[Path], typer.Argument(help="Run folders.")],
    as_json: AsJson = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
) -> int:
    """Judge run folders again from their records, and write their `report.json`."""
    failed = 0
    found: dict[str, Any] = {}
    for path in folder:
        result = report_folder(path)
        failed += result.failed
        found[str(path)] = result.to_json()
        if as_markdown:
            print(markdown(result))
        elif not as_json:
            show(result, str(path))
    if as_json:
        print(json.dumps(found if len(folder) > 1 else found[str(folder[0])]))
    return 3 if failed else 0


def panel(
    env: Env,
    split: Split = "test",
    n: Count = None,
    every: Every = False,
    seed: Seed = 0,
    data: Data = None,
    option: WorldOption = None,
) -> int:
    """Print a fixed list of tasks, ids and digests, for `--tasks` on any machine.

    Example:
    `agentbank panel --env webshop -n 50 > panel.json`
    """
    worlds = select(env)
    config = Config(
        worlds=tuple(each.id for each in worlds),
        split=split,
        n=None if every else (n or 100),
        seed=seed,
        world_options=world_options(worlds, option or (), data or ()),
    )
    chosen = lots(config)
    tasks = [{"id": task.id, "digest": task.digest} for lot in chosen for task in lot.tasks()]
    print(json.dumps({"panel": {lot.spec.id: lot.panel for lot in chosen}, "tasks": tasks}, indent=1))
    return 0


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the demo's runs.")] = Path("runs/demo"),
    n: Annotated[int | None, typer.Option("-n", min=1, help="Episodes a world and agent. [default: 20; 100]")] = None,
    workers: Workers = None,
    train: Annotated[bool, typer.Option("--train", help="The closed loop: train a small model from nothing.")] = False,
    env: Annotated[str, typer.Option("--env", "-e", help="Worlds of the closed loop.")] = "alfworld,webshop",
    together: Annotated[bool, typer.Option("--together", help="One model for all the worlds of the loop.")] = False,
    seed: Seed = 0,
) -> int:
    """Run the main job on the bundled worlds: expert, random and no-op agents (and a model), and a report.

    A model joins in where `OPENAI_BASE_URL` and `AGENTBANK_MODEL` name one.

    With `--train`: collect expert trajectories, train a small model on them from scratch, and judge it on unseen test tasks
    before and after, on a CPU, with nothing downloaded. `closed_loop.json` in the folder holds the result and the arguments of
    `agentbank eval` that repeat it.
    """
    if train:
        return train_demo(env, out, together, n or 100, seed, workers)
    worlds, notes = ready(select(",".join(WORLDS)))
    reports = {}
    for agent, config in configurations(worlds, n or 20).items():
        done = play_all(replace(config, workers=workers), out / agent, quiet=False)
        if done.interrupted:
            return 130
        reports[agent] = done.report
    show_demo(reports, notes, out)
    return 3 if any(each.failed for each in reports.values()) else 0


def train_demo(env: str, out: Path, together: bool, n: int, seed: int, workers: int | None) -> int:
    """The closed loop in the worlds of `env`: a model each, or one for all."""
    from .. import closed_loop

    def play(config: Config, folder: Path) -> Finished:
        return play_all(replace(config, workers=workers), folder, quiet=False)

    chosen = closed_loop.families(select(env))
    groups = [chosen] if together else [{world: family} for world, family in chosen.items()]
    results = []
    for group in groups:
        recipe = closed_loop.TOGETHER if len(group) > 1 else next(iter(group.values())).recipe
        try:
            results.append(closed_loop.close_loop(group, out / "+".join(group), recipe, play, n, seed))
        except closed_loop.Interrupted:
            return 130
        closed_loop.write(results, out)
    closed_loop.show(results, out)
    return 0


def play(
    world: Annotated[str, typer.Argument(help="The world to act in.")],
    task: Annotated[str | None, typer.Option(help="Task id; default: one drawn by the seed.")] = None,
    split: Split = "test",
    seed: Seed = 0,
    max_steps: MaxSteps = None,
    data: Data = None,
    option: WorldOption = None,
    out: Annotated[Path, typer.Option("--out", help="Where the episode is recorded.")] = Path("runs/play"),
    as_json: AsJson = False,
) -> int:
    """Act in a world yourself; the episode is recorded like any other.

    Example:
    `agentbank play webshop --seed 7`
    """
    known = select(world)
    if len(known) != 1:
        raise UsageError(f"{world!r} stands for {len(known)} worlds; play one: {', '.join(each.id for each in known)}")
    spec = known[0]
    config = Config(
        worlds=(spec.id,),
        split=split,
        agent="human",
        max_steps=max_steps,
        world_options=world_options(known, option or (), data or ()),
    )

    async def go() -> Any:
        pool = Pool(spec, config.options(spec.id, split))
        try:
            async with pool.lend() as loan:
                agent = make_agent("human")()
                run_id = f"play-{time.time_ns()}"
                return await rollout(loan.seat, agent, task, seed=seed, run=run_id)
        finally:
            await pool.close()

    episode = asyncio.run(go())
    path = out / "episodes.jsonl" if episode.valid else out / "failures.jsonl"
    with Store(path) as store:
        store.append(episode)
    summary = {
        "id": episode.id,
        "task": episode.task.id,
        "ending": episode.ending,
        "score": episode.outcome.score,
        "success": episode.outcome.success,
        "steps": len(episode.steps),
        "file": str(path),
    }
    if as_json:
        print(json.dumps(summary))
    elif episode.error is not None:
        print(f"\nfailed at {episode.error.boundary}: {episode.error.message}")
    else:
        print(
            f"\n{episode.ending}: score {episode.outcome.score:.2f} in {len(episode.steps)} steps; recorded in {path}"
        )
    return 0 if episode.valid else 3


def add(app: typer.Typer) -> None:
    """Mount these commands."""
    app.command("eval")(evaluate)
    app.command("collect")(collect)
    for command in (play, report, panel, demo):
        app.command()(command)
