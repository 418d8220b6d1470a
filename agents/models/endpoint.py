"""Endpoint: any server that speaks OpenAI's ``/v1/chat/completions``, over one pooled HTTP session."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import aiohttp
import msgspec
from yarl import URL

from ...trajectories.errors import ContextOverflow, Fault, UsageError
from ...trajectories.record import Message, Reply
from .answer import Malformed, overflows, read_answer, room, wait_asked
from .sockets import file_room, proxy_for

MAX_BODY = 16 * 2**20
"""Bytes of one answer at most; what is larger is no model's reply."""
TEMPORARY = frozenset({408, 409, 425, 429})
"""Besides 5xx: answers after which the same request may succeed."""
OFFICIAL = "https://api.openai.com/v1"
SECRETS = ("AGENTBANK_API_KEY", "OPENAI_API_KEY")


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How to reach and sample a model behind HTTP."""

    base_url: str = ""
    """Up to and including ``/v1``; else ``$OPENAI_BASE_URL``, else OpenAI's own."""
    temperature: float | None = 0.0
    """None leaves it to the server (as for models that refuse the field)."""
    top_p: float | None = None
    max_tokens: int | None = 512
    """Completion tokens of one reply; None leaves it to the server."""
    extra: str | dict[str, Any] = ""
    """More fields of the request body (a mapping, or JSON text); they win over the others."""
    concurrency: int = 512
    """Requests in flight at most; the rest wait in line. Lowered where the machine allows fewer open files."""
    connect_timeout: float = 10.0
    timeout: float = 600.0
    """Seconds of one try at most, from the request to the last byte."""
    deadline: float = 1800.0
    """Seconds of one call at most, all tries and waits together."""
    retries: int = 5
    """Tries after the first."""
    backoff: float = 0.5
    """Seconds before the second try; doubled from try to try, with jitter."""
    backoff_cap: float = 30.0
    """Seconds between two tries at most; a server's ``Retry-After`` may ask for as much as `retry_after_cap`."""
    retry_after_cap: float = 120.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.concurrency < 1 or self.retries < 0 or (self.max_tokens is not None and self.max_tokens < 1):
            raise ValueError("concurrency and max_tokens must be at least 1, retries at least 0")
        if min(self.connect_timeout, self.timeout, self.deadline) <= 0 or min(self.backoff, self.backoff_cap) < 0:
            raise ValueError("time-outs must be above 0 seconds, back-offs not below")


class Endpoint:
    """A model behind an OpenAI-compatible server. One instance, one session, for all episodes in flight.

    The key is read from ``AGENTBANK_API_KEY`` or ``OPENAI_API_KEY`` alone, goes into the request's header alone, and is
    blotted out of whatever the server sends back.
    """

    Options: ClassVar[type[Any]] = EndpointOptions

    def __init__(self, name: str, options: EndpointOptions | None = None) -> None:
        """Prepare; nothing is connected before the first call.

        Raises:
            UsageError: the address is not HTTP, holds a password or a query, or `extra` is not a JSON object.
        """
        self.name = name
        self.options = options = options or EndpointOptions()
        self.template: str | None = None
        self._url = _address(options.base_url or os.environ.get("OPENAI_BASE_URL") or OFFICIAL)
        self._key = _key()
        extra = _extra(options.extra)
        settings = {"temperature": options.temperature, "top_p": options.top_p, "max_tokens": options.max_tokens}
        self.sampling: Mapping[str, Any] = {k: v for k, v in settings.items() if v is not None} | extra
        self._fields = {"model": name} | {k: v for k, v in settings.items() if v is not None}
        self._extra = extra
        self._sampled = options.temperature != 0
        self._jitter = random.Random()
        self._encode = msgspec.json.Encoder().encode
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def load(cls, name: str, options: EndpointOptions) -> Endpoint:
        """``openai:NAME``: the model that the server knows as NAME."""
        return cls(name, options)

    def __repr__(self) -> str:
        """Name and address."""
        return f"{type(self).__name__}({self.name!r}, {str(self._url)!r})"

    async def complete(
        self,
        chat: Sequence[Message],
        *,
        max_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """One completion; refused connections, 429, 5xx and malformed answers are tried again with growing waits.

        Raises:
            ContextOverflow: the server says that the chat does not fit the model's window.
            Fault: no good answer within the retries or the deadline, or a refusal that a retry cannot mend
                (boundary "model"; status and first 200 characters of what came).
        """
        began = time.perf_counter()
        body = self._body(chat, max_tokens, seed, stop)
        session = self._open()
        options = self.options
        limit: float | None = None
        wait, problem, shortened = 0.0, "", False
        for attempt in range(options.retries + 1):
            if wait:
                await asyncio.sleep(wait)
            async with self._slots:
                now = time.perf_counter()
                # Time in the line for a free connection is ours, not the server's: the clock starts at the first slot.
                limit = now + options.deadline if limit is None else limit
                try:
                    status, asked, content = await self._post(session, self._encode(body), limit - now)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    status, asked, content, problem = 0, None, b"", _reason(error)
            if 200 <= status < 300:
                try:
                    return self._reply(content, time.perf_counter() - began)
                except Malformed as error:
                    problem = f"status {status}, {error}: {self._excerpt(content)}"
            elif status:
                problem = f"status {status}: {self._excerpt(content)}"
                if overflows(status, content):
                    fewer = None if shortened else room(content, body.get("max_tokens"))
                    if fewer is None:
                        raise ContextOverflow(self._scrub(f"{self.name}: {problem}"))
                    body["max_tokens"], shortened = fewer, True
                    continue
                if status < 500 and status not in TEMPORARY:
                    raise Fault("model", self._scrub(f"{self._url} refused the request, {problem}"))
            wait = self._pause(attempt, asked)
            if time.perf_counter() + wait >= limit:
                problem += f"; gave up at the deadline of {options.deadline:g} s"
                break
        tries = f"{attempt + 1} tries" if attempt else "1 try"
        raise Fault("model", self._scrub(f"no answer from {self._url} after {tries}; last: {problem}"))

    async def close(self) -> None:
        """Close the session and its connections."""
        session, self._session, self._loop = self._session, None, None
        if session is not None:
            await session.close()

    def _body(
        self, chat: Sequence[Message], max_tokens: int | None, seed: int | None, stop: Sequence[str]
    ) -> dict[str, Any]:
        messages = [{"role": each.role, "content": each.content} for each in chat]
        body: dict[str, Any] = {**self._fields, "messages": messages}
        if max_tokens is not None:
            body["max_tokens"] = min(max_tokens, body.get("max_tokens", max_tokens))
        if stop:
            body["stop"] = list(stop)
        if seed is not None and self._sampled:
            body["seed"] = seed
        return body | self._extra

    def _open(self) -> aiohttp.ClientSession:
        """The session of the running loop; a new one where there is none or its loop is gone."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            options = self.options
            slots = file_room(options.concurrency)
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            self._slots = asyncio.Semaphore(slots)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=slots, ttl_dns_cache=300),
                headers=headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=proxy_for(self._url),
            )
            self._loop = loop
            self._timeout = aiohttp.ClientTimeout(total=options.timeout, connect=options.connect_timeout)
        return self._session

    async def _post(self, session: aiohttp.ClientSession, body: bytes, left: float) -> tuple[int, float | None, bytes]:
        """Status, seconds that the server asks to wait, and the body, cut off above `MAX_BODY`."""
        timeout = self._timeout
        if left < self.options.timeout:
            timeout = aiohttp.ClientTimeout(total=max(left, 0.001), connect=self.options.connect_timeout)
        async with session.post(self._url, data=body, timeout=timeout, allow_redirects=False) as response:
            parts, size = [], 0
            async for part in response.content.iter_any():
                parts.append(part)
                size += len(part)
                if size > MAX_BODY:
                    raise Fault("model", f"{self._url} sent more than {MAX_BODY} bytes in one answer")
            return response.status, wait_asked(response.headers.get("Retry-After")), b"".join(parts)

    def _reply(self, content: bytes, seconds: float) -> Reply:
        answer = read_answer(content)
        usage, choice = answer.usage, answer.choices[0]
        return Reply(
            text=self._scrub(choice.message.text()),
            prompt_tokens=usage.prompt_tokens or 0,
            completion_tokens=usage.completion_tokens or 0,
            cached_tokens=usage.cached(),
            finish_reason=choice.finish_reason or "stop",
            seconds=seconds,
            prompt_ids=answer.prompt_token_ids,
            completion_ids=choice.token_ids,
        )

    def _pause(self, attempt: int, asked: float | None) -> float:
        """Seconds until the next try: the doubled back-off with jitter, or what the server asks for if that is more."""
        own = min(self.options.backoff * 2.0**attempt, self.options.backoff_cap) * self._jitter.uniform(0.5, 1.0)
        return own if asked is None else max(own, min(asked, self.options.retry_after_cap))

    def _excerpt(self, content: bytes) -> str:
        text = self._scrub(content[:4096].decode("utf-8", "replace"))
        return " ".join(text[:200].split()) or "(nothing)"

    def _scrub(self, text: str) -> str:
        """`text` without the key; words such as EMPTY that stand for no key are left alone."""
        return text.replace(self._key, "[key]") if len(self._key) >= 6 and self._key in text else text


def _key() -> str:
    for name in SECRETS:
        key = os.environ.get(name, "").strip()
        if key:
            if not key.isascii() or not key.isprintable():
                raise UsageError(f"the value of {name} is not a key: it has characters that no HTTP header may hold")
            return key
    return ""


def _address(base_url: str) -> URL:
    try:
        url = URL(base_url.strip().rstrip("/"))
    except ValueError as error:
        raise UsageError(f"base_url {base_url!r} is no address: {error}") from None
    if url.user or url.password or url.query_string:
        raise UsageError("base_url holds a password or a query; put the key into AGENTBANK_API_KEY instead")
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"base_url {base_url!r} is no address; expected such as http://127.0.0.1:8000/v1")
    return url if url.path.endswith("/chat/completions") else url / "chat/completions"


def _extra(extra: str | dict[str, Any]) -> dict[str, Any]:
    if not isinstance(extra, str):
        return extra
    try:
        return msgspec.json.decode(extra, type=dict[str, Any]) if extra.strip() else {}
    except msgspec.DecodeError as error:
        raise UsageError(f"extra is not a JSON object: {error}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out" if not str(error) else f"timed out ({error})"
    return " ".join(f"{type(error).__name__}: {error}"[:300].split()).rstrip(":")
