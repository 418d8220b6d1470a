"""Conversations into rows for training, in batches, with a ledger of what was cut or left out, world by world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ...trajectories.errors import UsageError
from ...trajectories.formats import Conversation
from .fit import TooLong, fit
from .layout import Layout, trained
from .render import bind, lay_and_mark
from .tokens import Rendered, encode, mark


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation ready for training: whose it is, its render, and how many tokens it has and learns."""

    id: str
    world: str
    skill: str
    rendered: Rendered
    tokens: int
    loss_tokens: int


@dataclass
class Ledger:
    """What truncation and refusal cost, per world; `count` is world -> what -> how many.

    Entries: `rows` seen, `kept`, `cut` (kept, but shortened), `exchanges_cut`, `tokens_cut`, `loss_tokens_cut`, and
    rows left out: `too_long` (first and last exchange alone exceed the limit), `nothing_to_train` (no learned
    message), `refused` (the template or tokenizer refuses the row; the first reason of each world is in `reasons`).
    """

    count: dict[str, Counter[str]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def note(self, world: str, **what: int) -> None:
        """Add to a world's entries."""
        self.count.setdefault(world, Counter()).update(what)

    @property
    def total(self) -> Counter[str]:
        """All worlds together."""
        return sum(self.count.values(), Counter())

    def __str__(self) -> str:
        names = ["rows", "kept", "cut", "exchanges_cut", "tokens_cut", "loss_tokens_cut"]
        names += ["too_long", "nothing_to_train", "refused"]
        lines = ["world".ljust(20) + "".join(name.rjust(len(name) + 2) for name in names)]
        for world, counts in [*sorted(self.count.items()), ("all", self.total)]:
            lines.append(world.ljust(20) + "".join(f"{counts[name]:>{len(name) + 2},}" for name in names))
        lines += [f"{world}: first refusal: {reason}" for world, reason in sorted(self.reasons.items())]
        return "\n".join(lines)


def render_rows(
    conversations: Iterable[Conversation],
    tokenizer: Any,
    template: str | None = None,
    *,
    max_length: int | None = None,
    ledger: Ledger | None = None,
    strict: bool = False,
    other_template: bool = False,
    batch: int = 64,
) -> Iterator[Row]:
    """Render conversations as a stream, `batch` at a time so that the tokenizer can use every core.

    A row that cannot be trained on is left out and counted in `ledger`: nothing to train, too long even when
    shortened, refused by the template. With `strict` the first of them is raised instead.

    Raises:
        UsageError: `strict`, and a row was to be left out; a tokenizer or template that no row can use; a row whose
        agent read
            another template, unless `other_template` allows it.
    """
    bound = bind(tokenizer, template)
    ledger = Ledger() if ledger is None else ledger
    stream = iter(conversations)
    while group := list(islice(stream, batch)):
        laid: list[tuple[Conversation, Layout, str]] = []
        for conversation in group:
            world = conversation.world
            ledger.note(world, rows=1)
            if conversation.template not in (None, bound.digest) and not other_template:
                raise UsageError(
                    f"row {conversation.id!r} was played under chat template {conversation.template}, and this "
                    f"training renders with {bound.digest}; use the same tokenizer and template, or allow the "
                    "difference (--allow-template-mismatch; other_template=True)"
                )
            try:
                if not any(map(trained, conversation.messages)):
                    ledger.note(world, nothing_to_train=1)
                    _refuse(strict, conversation, "no message in it is learned")
                    continue
                layout = bound.lay(conversation.messages)
            except UsageError as error:
                if strict:
                    raise
                ledger.note(world, refused=1)
                ledger.reasons.setdefault(world, f"{conversation.id}: {error}")
                continue
            laid.append((conversation, layout, layout.text))
        for (conversation, layout, text), encoding in zip(
            laid, encode(tokenizer, [each[2] for each in laid]), strict=True
        ):
            rendered = mark(tokenizer, layout, text, encoding)
            if max_length is not None and len(rendered.input_ids) > max_length:
                try:
                    fitted = fit(
                        conversation.messages, rendered, max_length, lambda kept: lay_and_mark(kept, tokenizer, bound)
                    )
                except TooLong as error:
                    ledger.note(conversation.world, too_long=1)
                    _refuse(strict, conversation, str(error))
                    continue
                ledger.note(
                    conversation.world,
                    cut=1,
                    exchanges_cut=fitted.exchanges,
                    tokens_cut=fitted.tokens,
                    loss_tokens_cut=fitted.loss_tokens,
                )
                rendered = fitted.rendered
            ledger.note(conversation.world, kept=1)
            sizes = len(rendered.input_ids), rendered.loss_tokens
            yield Row(conversation.id, conversation.world, conversation.skill, rendered, *sizes)


def _refuse(strict: bool, conversation: Conversation, why: str) -> None:
    if strict:
        raise UsageError(f"row {conversation.id!r}: {why}")
