"""Local: a checkpoint in this process through transformers; the chats of concurrent episodes go in batches."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from ...trajectories.errors import ContextOverflow, DataError, Fault, MissingPart, UsageError
from ...trajectories.record import Message, Reply
from .template import digest

Tokenise = Callable[[Sequence[Message]], Sequence[int]]
"""A chat as the ids of the whole prompt, the assistant's opening included."""


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How to load and sample a checkpoint."""

    temperature: float = 0.0
    """0 takes the likeliest token; above, tokens are drawn by the seed of the call."""
    top_p: float = 1.0
    max_tokens: int = 512
    """Completion tokens of one reply; fewer where the window leaves fewer."""
    max_batch: int = 16
    """Chats that are completed at once, at most."""
    context: int | None = None
    """The window in tokens; None takes the checkpoint's own."""
    template: str = ""
    """A file with a chat template (Jinja), in place of the checkpoint's."""
    dtype: str = "auto"
    """auto (the checkpoint's), float32, bfloat16, float16."""
    device: str = "auto"
    """auto (cuda where there is one, else cpu), or a torch device."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError("temperature must be at least 0, top_p in 0..1 and above 0")
        if min(self.max_tokens, self.max_batch) < 1 or (self.context is not None and self.context < 2):
            raise ValueError("max_tokens and max_batch must be at least 1, context at least 2")


class Local:
    """A transformers checkpoint as a model. One worker thread; batching changes neither greedy nor seeded replies.

    `tokenise` may be set to another renderer of chats (the one of training, for templates of its own), together with
    `template`, its digest.
    """

    Options: ClassVar[type[Any]] = LocalOptions

    def __init__(self, folder: str, options: LocalOptions | None = None) -> None:
        """Load tokenizer and weights (a folder, or a hub id that is in the cache or can be downloaded).

        Raises:
            MissingPart: torch or transformers is not here.
            UsageError: no such checkpoint, dtype or device, or it has no chat template.
        """
        self.name = folder
        self.options = options = options or LocalOptions()
        self.sampling: Mapping[str, Any] = {"temperature": options.temperature, "max_tokens": options.max_tokens}
        if options.temperature:
            self.sampling = {**self.sampling, "top_p": options.top_p}
        self.tokenizer, self._model = _load(folder, options)
        self.tokenise: Tokenise = self._render
        self.template: str | None = digest(self.tokenizer.chat_template)
        self._window = options.context or _window(self._model)
        self._waiting: deque[tuple[Any, asyncio.Future[Any]]] = deque()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="local model")
        self._serving: asyncio.Task[None] | None = None

    @classmethod
    def load(cls, name: str, options: LocalOptions) -> Local:
        """``transformers:FOLDER`` or ``hf:org/name``."""
        return cls(name, options)

    async def complete(
        self,
        chat: Sequence[Message],
        *,
        max_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """Complete `chat` in the next batch.

        Returns:
            The reply with the ids of prompt and completion (the end token, where one ended it, included).

        Raises:
            ContextOverflow: the prompt leaves no room for one token in the window.
            Fault: the engine failed (boundary "model"), such as for lack of memory.
        """
        from .batch import Request

        began = time.perf_counter()
        ids = tuple(self.tokenise(chat))
        left = self._window - len(ids)
        if left < 1:
            raise ContextOverflow(f"{self.name}: a prompt of {len(ids)} tokens in a window of {self._window}")
        limit = min(self.options.max_tokens, left, left if max_tokens is None else max_tokens)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((Request(ids, limit, tuple(stop), seed or 0), done))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        made = await done
        return Reply(
            text=made.text,
            prompt_tokens=len(ids),
            completion_tokens=len(made.ids),
            finish_reason=made.reason,
            seconds=time.perf_counter() - began,
            prompt_ids=ids,
            completion_ids=made.ids,
        )

    async def close(self) -> None:
        """Drop the waiting chats, end the worker thread, let go of the weights."""
        for _, done in self._waiting:
            done.cancel()
        self._waiting.clear()
        if self._serving is not None and not self._serving.done():
            await self._serving
        self._worker.shutdown()
        self._model = None

    async def _serve(self) -> None:
        """Batch after batch until nobody waits; what arrives while one is computed makes up the next."""
        from .batch import generate

        options = self.options
        loop = asyncio.get_running_loop()
        # One turn of the loop, so that episodes that act in the same moment share the first batch.
        await asyncio.sleep(0)
        while self._waiting:
            take = [self._waiting.popleft() for _ in range(min(options.max_batch, len(self._waiting)))]
            take = [each for each in take if not each[1].done()]
            if not take:
                continue
            requests = [request for request, _ in take]
            try:
                work = partial(generate, temperature=options.temperature, top_p=options.top_p)
                made = await loop.run_in_executor(self._worker, work, self._model, self.tokenizer, requests)
            except Exception as error:  # an engine may raise anything; every chat of the batch is told
                fault = f"{self.name}: {type(error).__name__}: {error}"[:500]
                for _, done in take:
                    if not done.done():
                        done.set_exception(Fault("model", fault))
                continue
            for (_, done), each in zip(take, made, strict=True):
                if not done.done():
                    done.set_result(each)

    def _render(self, chat: Sequence[Message]) -> Sequence[int]:
        """The checkpoint's own chat template, with the assistant's opening."""
        from jinja2 import TemplateError

        messages = [{"role": each.role, "content": each.content} for each in chat]
        try:
            text = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        except TemplateError as error:
            mend = "try lead=user where it knows no system role, or another template="
            raise UsageError(f"the chat template of {self.name} refuses this chat ({error}); {mend}") from None
        # The template writes the special tokens itself.
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _load(folder: str, options: LocalOptions) -> tuple[Any, Any]:
    # Threads that spin while they wait slow a small model down many times where cores are shared; it is read at torch's import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        mend = "pip install 'agentbank[transformers]'"
        raise MissingPart(f"transformers:{folder} needs torch and transformers ({mend}): {error}") from None
    dtype = options.dtype if options.dtype == "auto" else getattr(torch, options.dtype, None)
    if dtype != "auto" and not isinstance(dtype, torch.dtype):
        raise UsageError(f"dtype {options.dtype!r} is no torch type; try auto, float32, bfloat16")
    device = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        _give_template(tokenizer, folder, options.template)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        model = model.to(device).eval()
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise UsageError(f"transformers:{folder}: no checkpoint that can be loaded here: {reason}") from None
    return tokenizer, model


def _give_template(tokenizer: Any, folder: str, path: str) -> None:
    """Set the chat template named by the option, or make sure that the checkpoint has one."""
    if path:
        try:
            tokenizer.chat_template = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(path, f"cannot be read as a chat template: {error}") from None
    elif isinstance(tokenizer.chat_template, dict):
        tokenizer.chat_template = tokenizer.get_chat_template()
    if not tokenizer.chat_template:
        raise UsageError(f"{folder} has no chat template; name a file that holds one with the option template=FILE")


def _window(model: Any) -> int:
    """Positions that the model was made for."""
    for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
        size = getattr(model.config, name, None)
        if isinstance(size, int):
            return size
    raise UsageError("this checkpoint does not say how long its window is; set the option context=TOKENS")
