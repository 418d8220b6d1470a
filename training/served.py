"""Our named templates as Jinja text, so that any server that reads a tokenizer's chat template lays turns out as training did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..trajectories.record import Message
from .rendering import AGENT_TUNING_SYSTEM, NAMED, as_messages, generation_prompt

_LLAMA2 = """\
{%- if messages and messages[0]['role'] == 'system' -%}
{%- set system = messages[0]['content'].strip() -%}{%- set turns = messages[1:] -%}
{%- else -%}
{%- set system = DEFAULT -%}{%- set turns = messages -%}
{%- endif -%}
{%- set state = namespace(body='', waiting=0, opened=false) -%}
{%- macro instruct() -%}
{{- bos_token + '[INST] ' -}}
{%- if system and not state.opened -%}
{{- '<<SYS>>\\n' + system + ('\\n<</SYS>>\\n\\n' if state.body.strip() else '\\n<</SYS>>') -}}
{%- endif -%}
{{- state.body + ' [/INST]' -}}
{%- endmacro -%}
{%- for turn in turns -%}
{%- if turn['role'] == 'system' -%}
{{- raise_exception('a system message stands only at the front') -}}
{%- elif turn['role'] == 'user' -%}
{%- if state.waiting -%}
{%- set state.body = state.body + '\\n\\n' + turn['content'].strip() -%}
{%- elif system and not state.opened -%}
{%- set state.body = turn['content'].rstrip() -%}
{%- else -%}
{%- set state.body = turn['content'].strip() -%}
{%- endif -%}
{%- set state.waiting = state.waiting + 1 -%}
{%- else -%}
{{- instruct() + ' ' + turn['content'].strip() + ' ' + eos_token -}}
{%- set state.body = '' -%}{%- set state.waiting = 0 -%}{%- set state.opened = true -%}
{%- endif -%}
{%- endfor -%}
{%- if state.waiting -%}{{- instruct() -}}{%- endif -%}"""

_LLAMA3 = """\
{{- bos_token or '' -}}
{%- for turn in messages -%}
{{- '<|start_header_id|>' + turn['role'] + '<|end_header_id|>\\n\\n' + turn['content'].strip() + '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}{%- endif -%}"""

_CHATML = """\
{%- for turn in messages -%}
{{- '<|im_start|>' + turn['role'] + '\\n' + turn['content'] + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"""

_PLAIN_TOKENS = """\
{{- bos_token or '' -}}
{%- for turn in messages -%}
{{- ('<|' + turn['role'] + '|>' if turn['role'] in ROLES else '') + turn['content'] -}}
{%- if turn['role'] == 'assistant' -%}{{- eos_token -}}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"""

_PLAIN_LINES = """\
{{- bos_token or '' -}}
{%- for turn in messages -%}
{%- if turn['role'] == 'assistant' -%}{{- '> ' + turn['content'] + eos_token + '\\n' -}}
{%- else -%}{{- turn['content'] + '\\n' -}}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '>' -}}{%- endif -%}"""


def jinja(template: str | None, tokenizer: Any) -> str:
    """The Jinja text of a template: of a named one ours, Jinja text as it is, None the tokenizer's own."""
    if template is None:
        return str(tokenizer.chat_template)
    if template not in NAMED:
        return template
    atoms = {token.content for token in tokenizer.backend_tokenizer.get_added_tokens_decoder().values()}
    roles = [role for role in ("system", "user", "assistant") if f"<|{role}|>" in atoms]
    marked = {"user", "assistant"} <= set(roles)
    texts = {
        "llama2": _LLAMA2.replace("DEFAULT", repr(AGENT_TUNING_SYSTEM)),
        "llama2-bare": _LLAMA2.replace("DEFAULT", "''"),
        "llama3": _LLAMA3,
        "chatml": _CHATML,
        "plain": _PLAIN_TOKENS.replace("ROLES", repr(roles)) if marked else _PLAIN_LINES,
    }
    return texts[template]


def agreement(
    conversations: Iterable[Sequence[Message | Mapping[str, Any]]], tokenizer: Any, template: str | None
) -> tuple[int, int]:
    """How many generation prompts a server makes from the Jinja text exactly as our renderer does, and of how many.

    A prompt is made before every assistant turn of every conversation. They can differ only where a tokenizer merges across
    the edge of a turn; our renderer never lets it.
    """
    text, same, count = jinja(template, tokenizer), 0, 0
    for messages in conversations:
        turns = [{"role": each.role, "content": each.content} for each in as_messages(messages)]
        for index, turn in enumerate(turns):
            if turn["role"] == "assistant" and index:
                served = tokenizer.apply_chat_template(
                    turns[:index], chat_template=text, tokenize=False, add_generation_prompt=True
                )
                ids = tokenizer(served, add_special_tokens=False)["input_ids"]
                same += ids == generation_prompt(turns[:index], tokenizer, template)
                count += 1
    return same, count
