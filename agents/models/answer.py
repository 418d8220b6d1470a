"""Reading a chat server's answer: its reply, its usage, its refusals; what is not an answer is `Malformed`."""

from __future__ import annotations

import email.utils
import math
import re
import time

import msgspec


class Malformed(ValueError):
    """Not an answer of the chat protocol: HTML, cut JSON, a field missing."""


class Part(msgspec.Struct):
    """One part of a message whose content is a list."""

    type: str = "text"
    text: str | None = None


class Said(msgspec.Struct):
    """The message of a choice."""

    content: str | list[Part] | None = None

    def text(self) -> str:
        """The text, empty where there is none."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text or "" for part in self.content or () if part.type == "text")


class Choice(msgspec.Struct):
    """One completion. `token_ids` is vLLM's own field (``return_token_ids``)."""

    message: Said
    finish_reason: str | None = None
    token_ids: tuple[int, ...] | None = None


class Cached(msgspec.Struct):
    """How much of the prompt the server had in its cache."""

    cached_tokens: int | None = None


class Usage(msgspec.Struct):
    """Tokens of one call."""

    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: Cached | None = None

    def cached(self) -> int:
        """Prompt tokens that came from the cache."""
        details = self.prompt_tokens_details
        return (details.cached_tokens or 0) if details is not None else 0


NOTHING = Usage()


class Answer(msgspec.Struct):
    """The parts of a chat completion that are read; others are ignored."""

    choices: list[Choice]
    usage: Usage | None = None
    prompt_token_ids: tuple[int, ...] | None = None


class Whole(msgspec.Struct):
    """An answer that holds a choice and a usage."""

    choices: list[Choice]
    usage: Usage
    prompt_token_ids: tuple[int, ...] | None


_decode = msgspec.json.Decoder(Answer).decode


def read_answer(content: bytes) -> Whole:
    """Decode one answer.

    Raises:
        Malformed: HTML, cut or broken JSON, NaN for a number, no choice.
    """
    try:
        answer = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"not a chat completion ({error})") from None
    if not answer.choices:
        raise Malformed("not a chat completion (no choice in it)")
    return Whole(answer.choices, answer.usage or NOTHING, answer.prompt_token_ids)


_OVERFLOW = re.compile(
    rb"context_length_exceeded|maximum context length|context (?:window|length|size)|maximum model length|max_model_len"
    rb"|prompt is too long|input is too long|too many (?:input )?tokens|reduce the length",
    re.IGNORECASE,
)
_ROOM = re.compile(
    rb"maximum context length is (\d+) tokens.*?(?:(?:has|contains) (\d+) input tokens|\((\d+) in the messages)",
    re.DOTALL,
)


def overflows(status: int, content: bytes) -> bool:
    """Whether a refusal says that the chat does not fit (OpenAI's, vLLM's, llama.cpp's, Anthropic's wordings; 413)."""
    return status == 413 or (status in (400, 422) and _OVERFLOW.search(content[:8192]) is not None)


def room(content: bytes, asked: int | None) -> int | None:
    """Tokens left for the reply where only `asked` was too many (vLLM, OpenAI say so in numbers); else None."""
    found = _ROOM.search(content[:8192])
    if found is None or asked is None:
        return None
    left = int(found[1]) - next(int(each) for each in found.groups()[1:] if each)
    return left if 0 < left < asked else None


def wait_asked(header: str | None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (a number or an HTTP date); None where it says nothing."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
