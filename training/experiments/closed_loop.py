"""From trajectories alone to a model that acts: a tokenizer, a small Llama, a language-model phase, then SFT.

The first phase learns from every token, the world's as well as the agent's: names are copied all over a world's text, and
copying them is what the second phase, which learns from the agent's tokens alone, never picks up on its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import SFTConfig
from ..from_scratch import make_model, make_tokenizer
from ..mixture import Recipe as Mix
from ..prepare import Prepared, prepare
from ..rows import Masked
from ..sources import Part, load
from .words import Words

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Report = Callable[[str, dict[str, float]], None]
"""Is given the phase and each point of its loss curve."""


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how long."""

    width: int = 128
    layers: int = 3
    heads: int = 4
    context: int = 2048
    max_length: int = 1024
    batch_size: int = 16
    """Episodes a step."""
    reading: int = 1800
    """Steps of the language-model phase."""
    acting: int = 900
    """Steps of SFT."""
    reading_rate: float = 2e-3
    acting_rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True)
class Beginning:
    """A model that has learned nothing yet, its tokenizer, and the rows that it will learn from."""

    model: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast
    prepared: Prepared

    @property
    def parameters(self) -> int:
        """How many weights there are."""
        return sum(each.numel() for each in self.model.parameters())


def begin(runs: Mapping[Path, Words], out: Path, recipe: Recipe) -> Beginning:
    """Make tokenizer and model from the runs' own words, render the episodes, and save the untrained model in `out`.

    Args:
        runs: Run folders, and what becomes one token in each; each gives its episodes, equally many tokens a run.
        out: A folder for the untrained checkpoint.
        recipe: Sizes and seed.

    Raises:
        DataError: a run that cannot be read.
        UsageError: no episode that can be trained on.
    """
    told = {run: [[message.content for message in row.messages] for row in load(str(run))] for run in runs}
    tokenizer = make_tokenizer(
        [text for episodes in told.values() for texts in episodes for text in texts],
        entities=sorted({token for run, words in runs.items() for token in words.tokens(told[run])}),
    )
    model = make_model(
        tokenizer,
        width=recipe.width,
        layers=recipe.layers,
        heads=recipe.heads,
        context=recipe.context,
        seed=recipe.seed,
    )
    parts = [Part(str(run)) for run in runs]
    if len(runs) == 1:
        prepared = prepare(parts, tokenizer, max_length=recipe.max_length)
    else:
        mix = Mix(by="tokens", ends="cycle", seed=recipe.seed)
        rows = recipe.batch_size * max(recipe.reading, recipe.acting)
        prepared = prepare(parts, tokenizer, max_length=recipe.max_length, recipe=mix, limit=rows)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return Beginning(model, tokenizer, prepared)


def learn(start: Beginning, out: Path, recipe: Recipe, report: Report) -> dict[str, Any]:
    """Both phases; the finished checkpoint lies in ``out / "checkpoint"``.

    Returns:
        Seconds, steps, tokens and tokens a second of each phase, and its last loss.
    """
    from ..sft import train

    rows = start.prepared.rows
    phases = {
        "reading": (
            recipe.reading,
            recipe.reading_rate,
            [Masked(row.input_ids, row.input_ids, row.source) for row in rows],
        ),
        "acting": (recipe.acting, recipe.acting_rate, rows),
    }
    told: dict[str, Any] = {}
    for phase, (steps, rate, learned) in phases.items():
        began = time.monotonic()
        config = SFTConfig(
            max_length=recipe.max_length,
            micro_tokens=4 * recipe.max_length,
            epochs=1 + steps * recipe.batch_size // len(rows),
            max_steps=steps,
            batch_size=recipe.batch_size,
            learning_rate=rate,
            beta2=0.98,
            weight_decay=0.01,
            seed=recipe.seed,
            save_every=steps,
            keep_checkpoints=1,
            log_every=min(50, steps),
            precision="fp32",
            device="cpu",
        )
        folder = out / ("checkpoint" if phase == "acting" else phase)
        done = train(
            config,
            learned,
            folder,
            model=start.model,
            tokenizer=start.tokenizer,
            template=start.prepared.template,
            mixture=start.prepared.report(),
            stop_ids=start.prepared.stop_ids,
            report=lambda point, phase=phase: report(phase, point),  # type: ignore[misc]
        )
        told[phase] = {
            "seconds": round(time.monotonic() - began, 1),
            "steps": steps,
            "rows": len(rows),
            "tokens_per_second": done.record["tokens_per_second"],
            "loss": done.losses[-1],
        }
    return told
