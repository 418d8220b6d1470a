"""From named sources to proven rows: read, check who rendered them, render, mix, prove the mask of every row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from ..trajectories.errors import UsageError
from ..trajectories.formats import Conversation
from .mixture import Mixture, Recipe, Tally
from .rendering import (
    Ledger,
    Proof,
    Rendered,
    Row,
    prompts_are_prefixes,
    prove,
    render_rows,
    stop_ids,
    template_digest,
)
from .rows import Masked, masked
from .served import agreement, jinja
from .sources import Part, load

_PROBED = 32
"""Conversations of each source on which the Jinja text is held against the renderer."""


@dataclass(frozen=True)
class Prepared:
    """Rows ready for `train`, and everything that was found out on the way."""

    rows: list[Masked]
    sample: Rendered
    proof: Proof
    ledgers: dict[str, Ledger]
    tally: Tally
    recipe: Recipe
    template: dict[str, Any]
    stop_ids: tuple[int, ...]
    chat_template: str

    def report(self) -> dict[str, Any]:
        """The mixture for the training record: weights, counts and shares in all three units, what was cut or left out."""
        return {
            "recipe": asdict(self.recipe),
            "weights": self.tally.weights,
            "parts": {name: dict(counts) for name, counts in self.tally.parts.items()},
            "worlds": {f"{part}: {world}": dict(counts) for (part, world), counts in self.tally.worlds.items()},
            "shares": {unit: self.tally.shares(unit) for unit in ("rows", "tokens", "loss")},
            "ledger": {
                source: {world: dict(counts) for world, counts in ledger.count.items()}
                for source, ledger in self.ledgers.items()
            },
            "proof": self.proof._asdict(),
        }


def prepare(
    parts: Sequence[Part],
    tokenizer: Any,
    *,
    template: str | None = None,
    max_length: int,
    recipe: Recipe | None = None,
    limit: int | None = None,
    thoughts: bool = True,
    allow_template_mismatch: bool = False,
) -> Prepared:
    """Read every source, render it, mix the rows, and prove the mask of each row that will be trained on.

    Args:
        parts: Sources and weights.
        tokenizer: The model's.
        template: A template's name, Jinja text, or None for the tokenizer's own.
        max_length: Rows are cut to it by whole exchanges; what that costs is in the ledgers.
        recipe: How the parts are mixed.
        limit: Rows of the mixture; None is all there are.
        thoughts: Without them an assistant's turn is its action alone.
        allow_template_mismatch: Train on episodes that a model made under another template all the same.

    Raises:
        DataError: a malformed record, by file, record and field.
        UsageError: episodes of another template, no row left, a recipe that never ends without a limit.
        MaskError: a row whose mask is not exactly its assistant's words.
    """
    recipe = recipe or Recipe()
    ledgers: dict[str, Ledger] = {}
    shelves: dict[str, tuple[float, list[Row]]] = {}
    probes: list[Conversation] = []
    for part in parts:
        ledger = ledgers[part.source] = Ledger()
        stream = _tapped(load(part.source, thoughts=thoughts), probes, _PROBED)
        made = render_rows(
            stream, tokenizer, template, max_length=max_length, ledger=ledger, other_template=allow_template_mismatch
        )
        rows = list(made)
        if not rows:
            raise UsageError(f"{part.source}: no row of it can be trained on:\n{ledger}")
        shelves[part.source] = (part.weight, rows)
    if recipe.ends == "cycle" and limit is None:
        raise UsageError("a mixture whose parts start over never ends; say how many rows with --limit")
    mixture = Mixture(shelves, recipe)
    tally = Tally({name: weight for name, (weight, _) in shelves.items()})
    drawn = list(islice(mixture.stream(tally=tally), limit))
    if not drawn:
        raise UsageError("the mixture holds no row; look at its weights and --limit")
    proof = prove((each.row.rendered for each in drawn), tokenizer)
    same, prompts = agreement((each.messages for each in probes), tokenizer, template)
    ends = stop_ids(tokenizer, template)
    return Prepared(
        rows=[masked(each.row.rendered, f"{each.part} {each.row.id}") for each in drawn],
        sample=drawn[0].row.rendered,
        proof=proof,
        ledgers=ledgers,
        tally=tally,
        recipe=recipe,
        template={
            "name": template,
            "digest": template_digest(tokenizer, template),
            "served_alike": same,
            "served_probes": prompts,
            "prompts_are_prefixes": prompts_are_prefixes(tokenizer, template),
        },
        stop_ids=tuple(ends) if len(ends) == 1 else (),
        chat_template=jinja(template, tokenizer),
    )


def _tapped(stream: Iterable[Conversation], kept: list[Conversation], most: int) -> Iterator[Conversation]:
    """Pass rows on, keeping the first `most` of them."""
    for index, each in enumerate(stream):
        if index < most:
            kept.append(each)
        yield each
