"""From trajectories alone to a model that acts: a tokenizer, a small Llama, a language-model phase, then SFT.

The first phase learns from every token, the world's as well as the agent's: names are copied all over a world's text, and
copying them is what the second phase, which learns from the agent's tokens alone, never picks up on its own.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import SFTConfig
from ..from_scratch import make_model, make_tokenizer
from ..mixture import Recipe as Mix
from ..prepare import Prepared, prepare
from ..rows import Masked
from ..sources import Part, load

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Report = Callable[[str, dict[str, float]], None]
"""Is given the phase and each point of its loss curve."""

NAME = re.compile(r"(?<![A-Za-z])[a-z]+ \d{1,2}(?!\d)|\[SEP\]")
"""What becomes one token: a thing with its number ("cabinet 3"), so that to name it is one decision, and WebShop's separator."""


OFTEN = 0.03
"""Of how many messages a phrase must be a part, on average, to become one token; a task's own sentence is far rarer."""


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


def entities(texts: Sequence[str]) -> list[str]:
    """Names, and the phrases that a world says around them again and again ("You arrive at", ", you see a"): a token each.

    Rows become half as long, and a name's neighbours in a list are one token away.
    """
    names = {name for text in texts for name in NAME.findall(text)}
    around = Counter(phrase for text in texts for each in NAME.split(text) if (phrase := each.strip()))
    often = len(texts) * OFTEN
    return sorted(names | {phrase for phrase, count in around.items() if count >= often})


def begin(runs: Sequence[Path], out: Path, recipe: Recipe) -> Beginning:
    """Make tokenizer and model from the runs' own words, render the episodes, and save the untrained model in `out`.

    Args:
        runs: Run folders; each gives its episodes, equally many tokens a run.
        out: A folder for the untrained checkpoint.
        recipe: Sizes and seed.

    Raises:
        DataError: a run that cannot be read.
        UsageError: no episode that can be trained on.
    """
    texts = [message.content for run in runs for row in load(str(run)) for message in row.messages]
    tokenizer = make_tokenizer(texts, entities=entities(texts))
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
