"""`agentbank train`: from named data to a checkpoint, or to a plan of it (`--dry-run`)."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from ..trajectories.errors import UsageError
from .config import SFTConfig, configure
from .flags import with_flags

app = typer.Typer(no_args_is_help=True, help="Train a model on episodes and conversations.")


@app.callback()
def _group() -> None:
    """Train a model on episodes and conversations."""


@app.command()
@with_flags(SFTConfig)
def sft(
    data: Annotated[list[str], typer.Option(help="SOURCE=WEIGHT, several: a run folder, a file, hf:NAME.")],
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint.")] = Path("checkpoint"),
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[SOURCE=WEIGHT]...")] = None,
    preset: Annotated[
        str | None, typer.Option(help="samoyed-7b, samoyed-13b, agentlm-7b, agentlm-13b, agentlm-70b.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings in a TOML file; flags win.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen, and show one row; train nothing.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest complete checkpoint in --out.")
    ] = False,
    allow_template_mismatch: Annotated[
        bool, typer.Option("--allow-template-mismatch", help="Take episodes made under another template.")
    ] = False,
    by: Annotated[Literal["rows", "tokens", "loss"], typer.Option(help="What weights are shares of.")] = "rows",
    pick: Annotated[
        Literal["share", "draw"] | None, typer.Option(help="Exact shares, or each row drawn by chance (AgentTuning).")
    ] = None,
    ends: Annotated[
        Literal["stop", "cycle", "proportional"],
        typer.Option(help="When a part runs out: stop, start it over, go on without."),
    ] = "stop",
    temperature: Annotated[float, typer.Option(help="1 keeps worlds at their size, larger makes them equal.")] = 1.0,
    cap: Annotated[int | None, typer.Option(help="Most rows of one world in one part.")] = None,
    limit: Annotated[int | None, typer.Option(help="Rows of the mixture.")] = None,
    thoughts: Annotated[bool, typer.Option(help="With the agent's thoughts, or its actions alone.")] = True,
    **settings: Any,
) -> None:
    """Fine-tune a model on a mixture of episodes and conversations, loss on the assistant's words alone."""
    import transformers

    from .mixture import Recipe
    from .prepare import prepare
    from .presets import named
    from .sft import train
    from .sources import parse_parts
    from .start import load_tokenizer

    first = int(os.environ.get("RANK", "0")) == 0
    say = Console(quiet=not first).print
    transformers.logging.disable_progress_bar()
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    chosen = configure(preset, config, {name: value for name, value in settings.items() if value not in (None, ())})
    if not chosen.model:
        raise UsageError("no model to start from; name one with --model or --preset")
    tokenizer = load_tokenizer(chosen)
    recipe = Recipe(
        by=by,
        ends=ends,
        temperature=temperature,
        cap=cap,
        seed=chosen.seed,
        pick=pick or (named(preset).pick if preset else "share"),
    )
    ready = prepare(
        parse_parts([*data, *(more or [])]),
        tokenizer,
        template=chosen.template,
        max_length=chosen.max_length,
        recipe=recipe,
        limit=limit,
        thoughts=thoughts,
        allow_template_mismatch=allow_template_mismatch,
    )
    tokenizer.chat_template = ready.chat_template
    say(str(ready.tally), highlight=False)
    for source, ledger in ready.ledgers.items():
        if ledger.total["rows"] != ledger.total["kept"] or ledger.total["cut"]:
            say(f"{source}: left out or cut\n{ledger}", highlight=False)
    say(f"{ready.proof}", highlight=False)
    probes = ready.template["served_probes"]
    if ready.template["served_alike"] != probes:
        say(
            f"[yellow]a server's prompts are ours in {ready.template['served_alike']} of {probes} probes: its tokenizer merges "
            "across the edges of turns[/yellow]"
        )
    if not ready.template["prompts_are_prefixes"]:
        say(
            "[yellow]this template rewrites turns once they are history (a thinking block, say): a rollout's prompts are not "
            "prefixes of what is trained on; a template that keeps them is safer, such as --template chatml[/yellow]"
        )
    if dry_run:
        _show(chosen, ready.rows, tokenizer, preset, say)
        return
    from .start import load

    model, _ = load(chosen)
    done = train(
        chosen,
        ready.rows,
        out,
        model=model,
        tokenizer=tokenizer,
        resume=resume,
        template=ready.template,
        mixture=ready.report(),
        preset=preset,
        stop_ids=ready.stop_ids,
        report=lambda point: say(
            f"step {point['step']:.0f} of {point['steps']:.0f}  loss {point['loss']:.4f}  "
            f"learning rate {point['learning_rate']:.2e}  gradient {point['grad_norm']:.3f}",
            highlight=False,
        ),
    )
    say(
        f"{out}: loss {done.losses[0]:.4f} -> {done.losses[-1]:.4f}, {done.record['steps']} steps, "
        f"{done.record['tokens_per_second']:,} tokens/s",
        highlight=False,
    )


def _show(config: SFTConfig, rows: Any, tokenizer: Any, preset: str | None, say: Any) -> None:
    """The plan, the settings with their sources, and one row in colour."""
    from .plan import coloured, describe, plan
    from .presets import named

    say(describe(plan(config, rows, processes=int(os.environ.get("WORLD_SIZE", "1")))), highlight=False)
    if preset:
        found = named(preset)
        say(f"preset        {found.name}, {found.paper}", highlight=False)
        for name, (value, source) in found.sources(asdict(config)).items():
            say(f"  {name:24}{value!r:34}{source}", highlight=False, markup=False)
        say(f"  mixture                 {dict(found.mixture)}  {found.mixture_source}", highlight=False, markup=False)
    say("one row (green is trained, dim is not):", highlight=False)
    say(coloured(rows[0], tokenizer))
