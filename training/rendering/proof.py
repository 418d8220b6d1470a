"""The mask proof: over every row, what is learned decodes to exactly the assistant's words and stop tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from ...trajectories.errors import AgentBankError
from .tokens import Rendered, Span, backend


class MaskError(AgentBankError):
    """A row whose loss mask does not cover what it should; the message shows the row and the difference."""


class Proof(NamedTuple):
    """How many rows, learned messages and learned tokens were checked, and how exactly messages came out.

    `exact`: the tokens decode to the text, to the character. `blanks`: but for white space, where a token straddles
    the edge or the tokenizer does not keep white space. `lossy`: equal only to what the tokenizer itself makes of the
    text (unknown words, lower-casing).
    """

    rows: int
    messages: int
    tokens: int
    exact: int
    blanks: int
    lossy: int

    def __str__(self) -> str:
        return (
            f"mask proof: {self.rows:,} rows, {self.messages:,} learned messages, {self.tokens:,} learned tokens; "
            f"{self.exact:,} exact, {self.blanks:,} but for blanks, {self.lossy:,} through a lossy tokenizer"
        )


def prove(rows: Iterable[Rendered], tokenizer: Any) -> Proof:
    """Decode the learned tokens of every row and compare them with the messages' own words.

    Args:
        rows: renders; consumed in batches, so a generator of any length will do.
        tokenizer: the one that they were rendered with.

    Raises:
        MaskError: a row learns a token outside its learned messages, or misses one inside, or its tokens decode to
        other
            words, or it learns nothing at all.
    """
    engine = backend(tokenizer)
    numbered = enumerate(rows)
    count = messages = tokens = exact = blanks = lossy = 0
    while batch := list(islice(numbered, 256)):
        spans = [(number, row, span) for number, row in batch for span in _learned(number, row)]
        decoded = engine.decode_batch(
            [row.input_ids[s.start : s.stop] for _, row, s in spans], skip_special_tokens=False
        )
        for (number, _, span), got in zip(spans, decoded, strict=True):
            if got == span.text or got == span.text.lstrip():
                exact += 1
            elif _dense(got) == _dense(span.text):
                blanks += 1
            elif _dense(got) == _dense(_round_trip(engine, span.text)):
                lossy += 1
            else:
                raise MaskError(
                    f"row {number}, message {span.message}: learned {got!r}, but the message is {span.text!r}"
                )
        count += len(batch)
        messages += len(spans)
        tokens += sum(span.stop - span.start for _, _, span in spans)
    return Proof(count, messages, tokens, exact, blanks, lossy)


def _learned(number: int, row: Rendered) -> Iterator[Span]:
    if len(row.input_ids) != len(row.loss_mask):
        raise MaskError(f"row {number}: {len(row.input_ids)} tokens, but {len(row.loss_mask)} mask entries")
    learned = [span for span in row.spans if span.trained]
    if not learned or not any(row.loss_mask):
        raise MaskError(f"row {number}: nothing in it is learned; leave it out")
    expected = [False] * len(row.input_ids)
    for span in learned:
        expected[span.start : span.stop] = [True] * (span.stop - span.start)
    for index, (learns, should) in enumerate(zip(row.loss_mask, expected, strict=True)):
        if bool(learns) != should:
            what = "is learned outside every learned message" if learns else "of a learned message is not learned"
            raise MaskError(f"row {number}: token {index} ({row.input_ids[index]}) {what}")
    yield from learned


def _dense(text: str) -> str:
    return "".join(text.split())


def _round_trip(engine: Any, text: str) -> str:
    decoded: str = engine.decode(engine.encode(text, add_special_tokens=False).ids, skip_special_tokens=False)
    return decoded
