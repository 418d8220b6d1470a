"""One left-padded batch through a transformers model: per-row limits, stop strings and seeds in one ``generate``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList


@dataclass(frozen=True, slots=True)
class Request:
    """One chat as token ids, and how far its reply may go."""

    ids: tuple[int, ...]
    max_tokens: int
    stop: tuple[str, ...]
    seed: int


class Generated(NamedTuple):
    """The reply's ids (the end token or the stop string's tokens included), its text without them, and why it ended."""

    ids: tuple[int, ...]
    text: str
    reason: str


class Sampler(LogitsProcessor):
    """Temperature and top-p sampling by the Gumbel trick, so that each row is drawn by its own seed, batched or not.

    The arg max of log-probabilities plus Gumbel noise is a draw from the distribution; the batch is then decoded
    greedily.
    """

    def __init__(self, seeds: Sequence[int], temperature: float, top_p: float) -> None:
        """One generator a row."""
        self.rows = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.temperature, self.top_p = temperature, top_p

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """`scores` [batch, vocabulary] with the noise on it."""
        scores = scores.float() / self.temperature
        if self.top_p < 1:
            ordered, order = torch.sort(scores, descending=True)
            chances = torch.softmax(ordered, dim=-1)
            # A token stays while the chance of those before it is below top_p, so that one always stays.
            cut = chances.cumsum(dim=-1) - chances >= self.top_p
            scores = scores.masked_fill(cut.scatter(1, order, cut), float("-inf"))
        size = scores.shape[-1]
        even = torch.stack([torch.rand(size, generator=row) for row in self.rows]).clamp_min(1e-20)
        return scores - torch.log(-torch.log(even)).to(scores.device)


class RowEnds(StoppingCriteria):
    """Ends each row at its own limit or stop string, while the others go on."""

    def __init__(self, requests: Sequence[Request], width: int, tokenizer: Any) -> None:
        """`width` is the padded prompts' length."""
        self.requests, self.width, self.tokenizer = requests, width, tokenizer
        # A tail of that many tokens holds any stop string, as a token has one byte at least; the rest is slack.
        self.tails = [max((len(s.encode()) for s in each.stop), default=0) + 4 for each in requests]

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Which rows are done: [batch] of bool."""
        made = input_ids.shape[1] - self.width
        done = [made >= each.max_tokens or self._stopped(row, input_ids) for row, each in enumerate(self.requests)]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)

    def _stopped(self, row: int, input_ids: Any) -> bool:
        stop = self.requests[row].stop
        if not stop:
            return False
        tail = input_ids[row, max(self.width, input_ids.shape[1] - self.tails[row]) :]
        text = self.tokenizer.decode(tail, skip_special_tokens=True)
        return any(each in text for each in stop)


def generate(
    model: Any, tokenizer: Any, requests: Sequence[Request], *, temperature: float, top_p: float
) -> list[Generated]:
    """Complete all the requests at once, in their order; greedy at temperature 0."""
    width = max(len(each.ids) for each in requests)
    ends = _ends(model, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0] if ends else 0
    ids = torch.tensor([[pad] * (width - len(each.ids)) + list(each.ids) for each in requests], device=model.device)
    mask = torch.tensor([[0] * (width - len(each.ids)) + [1] * len(each.ids) for each in requests], device=model.device)
    sampled = [Sampler([each.seed for each in requests], temperature, top_p)] if temperature > 0 else []
    with torch.inference_mode():
        whole = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max(each.max_tokens for each in requests),
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=pad,
            eos_token_id=ends or None,
            logits_processor=LogitsProcessorList(sampled),
            stopping_criteria=StoppingCriteriaList([RowEnds(requests, width, tokenizer)]),
        )
    made = whole[:, width:].tolist()
    return [_read(tokenizer, each, row, ends) for each, row in zip(requests, made, strict=True)]


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """The ids that end a reply: the generation configuration's, and the tokenizer's."""
    named = model.generation_config.eos_token_id
    ids = list(named) if isinstance(named, list | tuple) else [named]
    return [each for each in dict.fromkeys([*ids, tokenizer.eos_token_id]) if each is not None]


def _read(tokenizer: Any, request: Request, row: list[int], ends: list[int]) -> Generated:
    """Cut one row at its own end: the first end token, its limit, or the token that completes a stop string."""
    row = row[: request.max_tokens]
    at = next((place for place, each in enumerate(row) if each in ends), None)
    reason = "stop" if at is not None else "length"
    row = row if at is None else row[: at + 1]
    text = tokenizer.decode(row, skip_special_tokens=True)
    found = min((text.find(each) for each in request.stop if each in text), default=-1)
    if found < 0:
        return Generated(tuple(row), text, reason)
    while row and any(each in tokenizer.decode(row[:-1], skip_special_tokens=True) for each in request.stop):
        row = row[:-1]
    return Generated(tuple(row), text[:found], "stop")
