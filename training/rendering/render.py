"""The one renderer: what a rollout's model reads and what training learns from are laid out and tokenised here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from ...trajectories.errors import UnknownName, UsageError
from ...trajectories.record import Message
from .jinja import JinjaTemplate
from .layout import Template, as_messages
from .named import NAMED, PROBE, Marks, NamedTemplate
from .tokens import Rendered, backend, encode, mark

_bound: WeakKeyDictionary[Any, dict[tuple[str, Marks], Template]] = WeakKeyDictionary()


def bind(tokenizer: Any, template: str | None = None) -> Template:
    """The template by name, by its Jinja text (it holds ``{{``), or None for the tokenizer's own.

    Raises:
        UnknownName: no such template.
        UsageError: None, and the tokenizer has no chat template; or it lacks the BOS or EOS that the template needs.
    """
    atoms = frozenset(token.content for token in backend(tokenizer).get_added_tokens_decoder().values())
    marks = Marks(tokenizer.bos_token, tokenizer.eos_token, atoms)
    source = template
    if source is None:
        source = tokenizer.chat_template
        if isinstance(source, dict):
            source = source.get("default")
        if not source:
            names = ", ".join(NAMED)
            raise UsageError(f"this tokenizer has no chat template of its own; name one: {names}")
    known = _bound.setdefault(tokenizer, {})
    if (source, marks) not in known:
        if source in NAMED:
            known[source, marks] = NamedTemplate(source, marks)
        elif template is None or "{{" in source or "{%" in source:
            known[source, marks] = JinjaTemplate(tokenizer, source, marks)
        else:
            raise UnknownName("chat template", source, NAMED)
    return known[source, marks]


def render(
    messages: Iterable[Message | Mapping[str, Any]],
    tokenizer: Any,
    template: str | None = None,
    *,
    max_length: int | None = None,
) -> Rendered:
    """Token ids, loss mask and spans of one conversation, in one pass, linear in its length.

    Args:
        messages: `Message` structs or dictionaries ``{"role", "content", "loss"?}``; `loss` defaults to true for the
            assistant.
        tokenizer: a Hugging Face tokenizer with a fast backend.
        template: `llama2`, `llama2-bare`, `llama3`, `chatml`, `plain`, Jinja text, or None for the tokenizer's own.
        max_length: most tokens; whole exchanges are then dropped, oldest first, but never the first (it holds the
            task) nor the last (it holds the finish).

    Returns:
        `input_ids`, `loss_mask` (each learned message's text with its stop token, exactly) and a span per message.

    Raises:
        UsageError: messages that cannot be, a template that refuses or rewrites them, a tokenizer without what is
        needed.
        TooLong: first and last exchange alone exceed `max_length`.
    """
    from .fit import fit

    found, bound = as_messages(messages), bind(tokenizer, template)
    rendered = lay_and_mark(found, tokenizer, bound)
    if max_length is None or len(rendered.input_ids) <= max_length:
        return rendered
    return fit(found, rendered, max_length, lambda kept: lay_and_mark(kept, tokenizer, bound)).rendered


def lay_and_mark(messages: Sequence[Message], tokenizer: Any, bound: Template) -> Rendered:
    """Lay out, tokenise, mark."""
    layout = bound.lay(messages)
    text = layout.text
    return mark(tokenizer, layout, text, encode(tokenizer, [text])[0])


def generation_prompt(
    messages: Iterable[Message | Mapping[str, Any]], tokenizer: Any, template: str | None = None
) -> list[int]:
    """The ids that a model is handed to answer `messages`: a prefix of the training render of the same turn.

    Raises:
        UsageError: the last message is the assistant's, so there is nothing to answer.
    """
    found = as_messages(messages)
    if found[-1].role == "assistant":
        raise UsageError("the last message is the assistant's; a generation prompt ends with what is to be answered")
    layout = bind(tokenizer, template).lay(found, generation=True)
    text = layout.text
    return mark(tokenizer, layout, text, encode(tokenizer, [text])[0]).input_ids


def template_digest(tokenizer: Any, template: str | None = None) -> str:
    """16 hex digits that name the template: of its Jinja text; for ours, of what it makes of a probe conversation.

    Rollouts store it in ``Episode.agent.template``; training compares it with its own.
    """
    return bind(tokenizer, template).digest


def prompts_are_prefixes(tokenizer: Any, template: str | None = None) -> bool:
    """Whether every generation prompt of an episode is a prefix of its training render.

    Not so for templates that write a thinking block into the prompt, or into the last answer alone: a model trained
    on whole episodes then never saw the prompts that it is handed.
    """
    probe = [message for message in PROBE if message.role != "system"]
    ids = render(probe, tokenizer, template).input_ids
    prompts = (generation_prompt(probe[:end], tokenizer, template) for end in (1, 3))
    return all(ids[: len(prompt)] == prompt for prompt in prompts)


def stop_text(tokenizer: Any, template: str | None = None) -> str:
    """What ends an assistant turn under this template, white space before it left out."""
    return bind(tokenizer, template).stop().strip()


def stop_ids(tokenizer: Any, template: str | None = None) -> list[int]:
    """The ids of `stop_text`; one id where it is a token of its own, as generation needs it (``eos_token_id``)."""
    ids: list[int] = encode(tokenizer, [stop_text(tokenizer, template)])[0].ids
    return ids
