"""From a laid-out text to token ids, loss mask and spans: the text is tokenised whole, once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from ...trajectories.errors import UsageError
from .layout import Layout

_START, _END = itemgetter(0), itemgetter(1)


class Span(NamedTuple):
    """One message in the tokens: ``input_ids[start:stop]``, its text (stop token included), and whether it is learned.

    `text` is what those tokens must decode to; `message` is the number of the message in what was rendered.
    """

    message: int
    role: str
    start: int
    stop: int
    trained: bool
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as tokens. `loss_mask[i]` says whether token i is learned; it is as long as `input_ids`."""

    input_ids: list[int]
    loss_mask: list[bool]
    spans: tuple[Span, ...]

    @property
    def loss_tokens(self) -> int:
        """How many tokens are learned."""
        return sum(self.loss_mask)

    def labels(self, ignore: int = -100) -> list[int]:
        """`input_ids` where learned, `ignore` elsewhere."""
        return [token if learned else ignore for token, learned in zip(self.input_ids, self.loss_mask, strict=True)]


def backend(tokenizer: Any) -> Any:
    """The Rust tokenizer behind a Hugging Face one, with truncation and padding off and special tokens read as such.

    Raises:
        UsageError: there is none (a slow tokenizer), so tokens could not be traced to characters.
    """
    found = getattr(tokenizer, "backend_tokenizer", None)
    if found is None:
        raise UsageError(
            f"{type(tokenizer).__name__} has no fast (Rust) backend, so tokens cannot be traced to characters; load it "
            "with AutoTokenizer.from_pretrained(..., use_fast=True), or put a tokenizers.Tokenizer into "
            "PreTrainedTokenizerFast"
        )
    # An earlier call with truncation=True leaves its limit in the backend, and would cut rows here without a word.
    if found.truncation is not None:
        found.no_truncation()
    if found.padding is not None:
        found.no_padding()
    found.encode_special_tokens = False
    return found


def encode(tokenizer: Any, texts: Sequence[str]) -> list[Any]:
    """Encodings of whole texts. Nothing is added: the template has already written BOS where it belongs."""
    found: list[Any] = backend(tokenizer).encode_batch(list(texts), add_special_tokens=False)
    return found


def mark(tokenizer: Any, layout: Layout, text: str, encoding: Any) -> Rendered:
    """Spans and mask of an encoded layout.

    No token straddles the edge of an assistant's message: where the tokenizer would merge across one (a line break of
    the prompt with one of the answer, a stop that is no token of its own with what follows), the text is cut there
    and its two sides are tokenised apart. That makes masks exact, and a generation prompt always a prefix of the
    render. Edges of other messages are not cut; there a token belongs to the message as soon as it holds one of its
    characters.
    """
    ids: list[int] = encoding.ids
    offsets: list[tuple[int, int]] = encoding.offsets
    cuts = _straddled(layout, offsets)
    while cuts:
        ids, offsets = _apart(tokenizer, text, cuts)
        more = _straddled(layout, offsets) - cuts
        cuts = cuts | more if more else more
    mask = [False] * len(ids)
    spans = []
    for place in layout.places:
        first = bisect_right(offsets, place.start, key=_END)
        stop = bisect_left(offsets, place.stop, lo=first, key=_START)
        if place.trained:
            mask[first:stop] = [True] * (stop - first)
        spans.append(Span(place.message, place.role, first, stop, place.trained, text[place.start : place.stop]))
    return Rendered(ids, mask, tuple(spans))


def _straddled(layout: Layout, offsets: Sequence[tuple[int, int]]) -> set[int]:
    found = set()
    for place in layout.places:
        if place.trained or place.role == "assistant":
            for edge in (place.start, place.stop):
                index = bisect_right(offsets, edge, key=_END)
                if index < len(offsets) and offsets[index][0] < edge:
                    found.add(edge)
    return found


def _apart(tokenizer: Any, text: str, cuts: set[int]) -> tuple[list[int], list[tuple[int, int]]]:
    edges = [0, *sorted(cuts), len(text)]
    pieces = encode(tokenizer, [text[start:stop] for start, stop in pairwise(edges)])
    ids = [token for piece in pieces for token in piece.ids]
    offsets = [
        (start + shift, stop + shift)
        for shift, piece in zip(edges, pieces, strict=False)
        for start, stop in piece.offsets
    ]
    return ids, offsets
