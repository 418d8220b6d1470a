"""Make a conversation fit: whole exchanges go, oldest first, never the task's head nor the finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...trajectories.errors import UsageError
from ...trajectories.record import Message
from .layout import trained
from .tokens import Rendered


class TooLong(UsageError):
    """The first and the last exchange alone exceed the limit; a turn is never cut inside."""


class Fitted(NamedTuple):
    """What was kept, and what was cut: exchanges, tokens, and of them learned ones."""

    rendered: Rendered
    exchanges: int
    tokens: int
    loss_tokens: int


def exchanges(messages: Sequence[Message]) -> list[range]:
    """The conversation cut into exchanges: what was said up to and with each learned message.

    The first holds the head (manual, worked examples, task) and the first learned answer; what follows the last learned
    message belongs to the last. So a later exchange is the observation and its answer, and any of them can go without
    two observations or two answers meeting.
    """
    ends = [index + 1 for index, message in enumerate(messages) if trained(message)]
    if not ends:
        return [range(len(messages))]
    ends[-1] = len(messages)
    return [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def fit(
    messages: Sequence[Message], rendered: Rendered, limit: int, again: Callable[[Sequence[Message]], Rendered]
) -> Fitted:
    """Drop the oldest exchanges between the first and the last until at most `limit` tokens are left.

    Args:
        messages: the conversation.
        rendered: its whole render.
        limit: most tokens.
        again: renders the messages that are kept.

    Raises:
        TooLong: even without all of them it does not fit.
    """
    parts = exchanges(messages)
    ends = {span.message: span.stop for span in rendered.spans}
    excess = len(rendered.input_ids) - limit
    # Exchange k's cost is estimated from the whole render; the loop below settles what the estimate misses.
    cut = 0
    while cut < len(parts) - 2 and excess > 0:
        cut += 1
        excess -= ends[parts[cut][-1]] - ends[parts[cut - 1][-1]]
    while cut <= len(parts) - 2:
        kept = [index for part in (parts[0], *parts[1 + cut :]) for index in part]
        shorter = again([messages[index] for index in kept])
        if len(shorter.input_ids) <= limit:
            spans = tuple(span._replace(message=kept[span.message]) for span in shorter.spans)
            return Fitted(
                Rendered(shorter.input_ids, shorter.loss_mask, spans),
                cut,
                len(rendered.input_ids) - len(shorter.input_ids),
                rendered.loss_tokens - shorter.loss_tokens,
            )
        cut += 1
    raise TooLong(
        f"the first and the last of {len(parts)} exchanges alone have more than {limit} tokens "
        f"(the whole has {len(rendered.input_ids)}); raise max_length or leave this row out"
    )
