"""Any Hugging Face chat template, with or without generation marks: rendered once, every message located in it."""

from __future__ import annotations

import hashlib
import re
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...trajectories.errors import UsageError
from ...trajectories.record import Message
from .layout import Layout, trained
from .named import Marks

_SENTINEL = re.compile("\ue000([0-9]+)\ue001")


class Skeleton(NamedTuple):
    """What a template writes around the messages of one order of roles: literal, message, literal, ..., literal."""

    literals: tuple[str, ...]
    order: tuple[int, ...]


class Part(NamedTuple):
    """A message as the template is shown it, and the numbers of the row's messages in it."""

    role: str
    content: str
    numbers: tuple[int, ...]


class JinjaTemplate:
    """A Jinja chat template, bound to the tokenizer that renders it.

    What stands around the messages is learned once per order of roles from a render in which each content is a
    sentinel; a row is then rendered once with its own words and laid along that skeleton, left to right. So words
    that stand in several messages, brackets, ``[INST]`` in an observation confuse nothing, and a template that drops,
    cuts or rewrites a message is found out instead of giving a mask that is off.
    """

    def __init__(self, tokenizer: Any, source: str, marks: Marks) -> None:
        """Bind `source` (Jinja text) to `tokenizer`."""
        # Weak, since templates are kept per tokenizer: neither must keep the other alive.
        self._tokenizer, self._source, self._marks = weakref.proxy(tokenizer), source, marks
        self._skeletons: dict[tuple[tuple[str, ...], bool], Skeleton] = {}
        # A next exchange's BOS is not what stops an answer; the next role's marker (GLM) is.
        # Runs of blanks, which some tokenizers hold as tokens of their own, end nothing either.
        atoms = (atom for atom in marks.atoms if atom.strip() and (atom != marks.bos or atom == marks.eos))
        stops = sorted(atoms, key=len, reverse=True)
        self._stops = re.compile(r"\s*(?:" + "|".join(map(re.escape, stops)) + ")") if stops else re.compile(r"(?!)")
        self.digest = hashlib.sha256(source.encode()).hexdigest()[:16]
        self._listed = False
        self._listed = self._wants_lists()

    def lay(self, messages: Sequence[Message], *, generation: bool = False) -> Layout:
        """Lay `messages` out.

        User messages in a row are joined by an empty line, but only where the template refuses them as they are.

        Raises:
            UsageError: the template refuses the conversation, drops or rewrites a message, or ends turns with no stop
            token.
        """
        parts = [Part(each.role, each.content, (index,)) for index, each in enumerate(messages)]
        try:
            text = self._render(parts, generation)
        except UsageError:
            joined = _join(parts)
            if len(joined) == len(parts):
                raise
            parts = joined
            text = self._render(parts, generation)
        try:
            return self._align(messages, parts, text, generation)
        except UsageError:
            # A template may write today's date, and midnight may have passed since its skeleton was learned.
            self._skeletons.clear()
            return self._align(messages, parts, self._render(parts, generation), generation)

    def stop(self) -> str:
        """The text that ends an assistant turn that is followed by another exchange."""
        skeleton = self._skeleton(("user", "assistant", "user", "assistant"), False)
        return self._stop(skeleton.literals[skeleton.order.index(1) + 1], last=False)

    def _wants_lists(self) -> bool:
        """Whether contents must be lists of parts, as templates of models that also see images ask for."""
        roles = ("user", "assistant")
        try:
            return 1 not in self._skeleton(roles, False).order
        except UsageError as error:
            return "has no attribute" in str(error)
        finally:
            self._skeletons.clear()

    def _render(self, parts: Sequence[Part], generation: bool) -> str:
        from jinja2 import TemplateError

        shown: list[dict[str, Any]] = [{"role": part.role, "content": part.content} for part in parts]
        if self._listed:
            shown = [{**each, "content": [{"type": "text", "text": each["content"]}]} for each in shown]
        try:
            text: str = self._tokenizer.apply_chat_template(
                shown, chat_template=self._source, tokenize=False, add_generation_prompt=generation
            )
        except (TemplateError, TypeError, KeyError) as error:
            roles = ", ".join(part.role for part in parts[:8])
            raise UsageError(f"the chat template refuses this conversation ({roles}, ...): {error}") from error
        return text

    def _skeleton(self, roles: tuple[str, ...], generation: bool) -> Skeleton:
        known = self._skeletons.get((roles, generation))
        if known is None:
            parts = [Part(role, f"\ue000{index}\ue001", (index,)) for index, role in enumerate(roles)]
            split = _SENTINEL.split(self._render(parts, generation))
            known = Skeleton(tuple(split[::2]), tuple(map(int, split[1::2])))
            self._skeletons[roles, generation] = known
        return known

    def _align(self, messages: Sequence[Message], parts: Sequence[Part], text: str, generation: bool) -> Layout:
        roles = tuple(part.role for part in parts)
        skeleton = self._skeleton(roles, generation)
        _complete(skeleton, roles)
        prompt = self._prompt() if "assistant" in roles else ""
        layout = Layout()
        position = len(skeleton.literals[0])
        if not text.startswith(skeleton.literals[0]):
            raise UsageError(
                "the chat template writes another opening for these messages than for others of their roles"
            )
        lead = skeleton.literals[0]
        for number, (index, after) in enumerate(zip(skeleton.order, skeleton.literals[1:], strict=True)):
            part = parts[index]
            content = _found(text, position, part.content, after)
            if content is None:
                raise UsageError(
                    f"message {part.numbers[0]} ({part.role}): the chat template drops or rewrites its text (one "
                    "that removes earlier thoughts does); use another template, or messages without what it removes"
                )
            position += len(content) + len(after)
            message = messages[part.numbers[0]]
            if len(part.numbers) > 1 and any(trained(messages[number]) for number in part.numbers):
                raise UsageError(
                    f"messages {part.numbers}: the chat template wants user and assistant in turn, and of user "
                    "messages in a row one is learned; join them, or use a template that takes them"
                )
            if part.role == "assistant":
                blank = lead.removeprefix(prompt) if lead.startswith(prompt) else ""
                blank = blank if blank.isspace() else ""
                stop = self._stop(after, last=number + 1 == len(skeleton.order))
                layout.add(lead.removesuffix(blank))
                layout.put(part.numbers[0], message, content, lead=blank, stop=stop)
                lead = after.removeprefix(stop) if after.startswith(stop) else ""
            else:
                layout.add(lead)
                layout.put(part.numbers[0], message, content)
                lead = after
        layout.add(lead)
        if position != len(text):
            raise UsageError(
                "the chat template writes another ending for these messages than for others of their roles"
            )
        return layout

    def _prompt(self) -> str:
        """What the template writes between a question and its answer; unknown where it takes no lone question."""
        try:
            return self._skeleton(("user",), True).literals[-1]
        except UsageError:
            return ""

    def _stop(self, after: str, *, last: bool) -> str:
        """What ends an assistant turn, of the text that the template writes after it.

        The first token of its own there; else the text that the template writes after a last turn; else, on the last
        turn, EOS is put where the template leaves it out.
        """
        token = self._stops.match(after)
        if token:
            return token.group()
        closing = self._skeleton(("user", "assistant"), False).literals[-1].rstrip()
        if closing and after.startswith(closing):
            return closing
        if last and (not after or after.isspace()):
            return after + self._marks.need_eos("the tokenizer's own")
        raise UsageError(
            "the chat template ends an assistant turn with no stop token, so a model would never learn to stop; "
            "use a template that writes EOS or a token of its own after each answer"
        )


def _found(text: str, position: int, content: str, after: str) -> str | None:
    for shape in (content, content.strip(), content.rstrip(), content.lstrip()):
        if text.startswith(shape, position) and text.startswith(after, position + len(shape)):
            return shape
    return None


def _complete(skeleton: Skeleton, roles: Sequence[str]) -> None:
    answers = [index for index in skeleton.order if roles[index] == "assistant"]
    if answers != [index for index, role in enumerate(roles) if role == "assistant"]:
        raise UsageError("the chat template drops, repeats or reorders assistant messages; it cannot be trained on")
    missing = sorted(set(range(len(roles))) - set(skeleton.order))
    if missing:
        raise UsageError(f"the chat template drops message {missing[0]} ({roles[missing[0]]}); use another template")


def _join(parts: Sequence[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        if joined and part.role == "user" == joined[-1].role:
            before = joined.pop()
            part = Part("user", f"{before.content}\n\n{part.content}", before.numbers + part.numbers)
        joined.append(part)
    return joined
