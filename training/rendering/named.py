"""Our own templates, exact to the character: llama2, llama3, chatml, and plain for models trained from scratch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ...trajectories.errors import UsageError
from ...trajectories.record import Message
from .layout import Layout

AGENT_TUNING_SYSTEM = "You are a helpful, respectful and honest assistant."
"""The system prompt of every AgentTuning row (Zeng et al. 2023); `llama2` puts it where a row has none of its own."""

PROBE = (
    Message("system", "s"),
    Message("user", "u"),
    Message("assistant", "a"),
    Message("user", "v"),
    Message("assistant", "b"),
)


@dataclass(frozen=True)
class Marks:
    """What a template needs of a tokenizer: its BOS and EOS texts, and the tokens that are atoms of their own."""

    bos: str | None
    eos: str | None
    atoms: Collection[str]

    def need_bos(self, template: str) -> str:
        """BOS, or the error that says how to have one."""
        if not self.bos:
            raise UsageError(f"template {template!r} opens with BOS, and this tokenizer has none; set `bos_token`")
        return self.bos

    def need_eos(self, template: str) -> str:
        """EOS, or the error that says how to have one."""
        if not self.eos:
            raise UsageError(f"template {template!r} ends turns with EOS, and this tokenizer has none; set `eos_token`")
        return self.eos


Lay = Callable[[Sequence[Message], Marks, bool], Layout]


def llama2(messages: Sequence[Message], marks: Marks, generation: bool, default: str = AGENT_TUNING_SYSTEM) -> Layout:
    """Llama-2-chat as Meta's reference code tokenises it: a BOS per exchange, a blank before EOS, contents stripped.

    User messages in a row share one ``[INST]``, an empty line between them. An assistant message with no user message
    before it answers an empty one.
    """
    bos, eos = marks.need_bos("llama2"), marks.need_eos("llama2")
    layout = Layout()
    waiting: list[int] = []
    system = None if messages[0].role == "system" or not default else default
    opened = False

    def instruct() -> None:
        nonlocal opened
        layout.add(bos, "[INST] ")
        body = any(messages[index].content.strip() for index in waiting)
        after_system = False
        if not opened:
            closing = "\n<</SYS>>\n\n" if body else "\n<</SYS>>"
            if messages[0].role == "system" and messages[0].content.strip():
                layout.add("<<SYS>>\n")
                layout.put(0, messages[0], messages[0].content.strip())
                layout.add(closing)
                after_system = True
            elif system:
                layout.add("<<SYS>>\n", system, closing)
                after_system = True
        opened = True
        for place, index in enumerate(waiting):
            content = messages[index].content
            if place:
                layout.add("\n\n")
            # Meta strips the instruction as a whole: after a system block a user's leading white space stays.
            layout.put(index, messages[index], content.rstrip() if after_system and not place else content.strip())
        layout.add(" [/INST]")
        waiting.clear()

    for index, message in enumerate(messages):
        if message.role == "system" and index:
            raise UsageError(f"message {index}: template 'llama2' takes a system message only at the front")
        if message.role == "user":
            waiting.append(index)
        elif message.role == "assistant":
            instruct()
            layout.put(index, message, message.content.strip(), lead=" ", stop=f" {eos}")
    if waiting:
        instruct()
    return layout


def llama2_bare(messages: Sequence[Message], marks: Marks, generation: bool) -> Layout:
    """Llama-2-chat with no system prompt but the row's own."""
    return llama2(messages, marks, generation, default="")


def llama3(messages: Sequence[Message], marks: Marks, generation: bool) -> Layout:
    """Llama-3-instruct: one BOS where the tokenizer has one, a header and ``<|eot_id|>`` per message."""
    layout = Layout()
    layout.add(marks.bos or "")
    for index, message in enumerate(messages):
        layout.add("<|start_header_id|>", message.role, "<|end_header_id|>\n\n")
        if message.role == "assistant":
            layout.put(index, message, message.content.strip(), stop="<|eot_id|>")
        else:
            layout.put(index, message, message.content.strip())
            layout.add("<|eot_id|>")
    if generation:
        layout.add("<|start_header_id|>assistant<|end_header_id|>\n\n")
    return layout


def chatml(messages: Sequence[Message], marks: Marks, generation: bool) -> Layout:
    """ChatML: ``<|im_start|>role``, a line break, the content untouched, ``<|im_end|>``, a line break."""
    layout = Layout()
    for index, message in enumerate(messages):
        layout.add("<|im_start|>", message.role, "\n")
        if message.role == "assistant":
            layout.put(index, message, message.content, stop="<|im_end|>")
            layout.add("\n")
        else:
            layout.put(index, message, message.content)
            layout.add("<|im_end|>\n")
    if generation:
        layout.add("<|im_start|>assistant\n")
    return layout


def plain(messages: Sequence[Message], marks: Marks, generation: bool) -> Layout:
    """The fewest tokens that keep turns apart, for models trained from scratch.

    A tokenizer with the tokens ``<|system|>``, ``<|user|>`` and ``<|assistant|>`` gets one of them per message; another
    one gets a line per message, the assistant's opened by ``>``. EOS ends each assistant turn, BOS (where there is one)
    opens the row.
    """
    eos = marks.need_eos("plain")
    tokens = all(f"<|{role}|>" in marks.atoms for role in ("user", "assistant"))
    layout = Layout()
    layout.add(marks.bos or "")
    for index, message in enumerate(messages):
        if message.role == "assistant":
            layout.add("<|assistant|>" if tokens else ">")
            layout.put(index, message, message.content, lead="" if tokens else " ", stop=eos)
            layout.add("" if tokens else "\n")
        else:
            marked = tokens and f"<|{message.role}|>" in marks.atoms
            layout.add(f"<|{message.role}|>" if marked else "")
            layout.put(index, message, message.content)
            layout.add("" if tokens else "\n")
    if generation:
        layout.add("<|assistant|>" if tokens else ">")
    return layout


NAMED: dict[str, Lay] = {
    "llama2": llama2,
    "llama2-bare": llama2_bare,
    "llama3": llama3,
    "chatml": chatml,
    "plain": plain,
}


class NamedTemplate:
    """One of `NAMED`, bound to a tokenizer's marks."""

    def __init__(self, name: str, marks: Marks) -> None:
        """Bind; the digest is of what a probe conversation looks like, so a change of ours changes it.

        Raises:
            UsageError: the template needs a BOS or EOS that the tokenizer lacks.
        """
        self.name, self._lay, self._marks = name, NAMED[name], marks
        shown = [self.lay(PROBE).text, self.lay(PROBE[1:]).text, self.lay(PROBE[1:4], generation=True).text]
        self.digest = hashlib.sha256(json.dumps([name, *shown]).encode()).hexdigest()[:16]

    def lay(self, messages: Sequence[Message], *, generation: bool = False) -> Layout:
        """Lay `messages` out."""
        return self._lay(messages, self._marks, generation)

    def stop(self) -> str:
        """The text that ends an assistant turn."""
        layout = self.lay(PROBE)
        last = layout.places[-1]
        return layout.text[last.start : last.stop].lstrip().removeprefix(PROBE[-1].content)
