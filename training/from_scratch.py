"""A small Llama and its own tokenizer, made from texts alone: what the experiments train where nothing can be downloaded."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..trajectories.errors import UsageError

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<|system|>", "<|user|>", "<|assistant|>")

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}"
    "{% else %}{{ message['content'] }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""One mark before each turn, EOS after the assistant's: short, and a prompt is always a prefix of the whole."""


def make_tokenizer(
    texts: Iterable[str],
    *,
    kind: Literal["words", "bpe"] = "words",
    entities: Sequence[str] = (),
    vocabulary: int = 8192,
) -> PreTrainedTokenizerFast:
    """A tokenizer trained on texts, with the plain chat template in it; any text comes back from its ids unchanged.

    Args:
        texts: What it will read and write.
        kind: "words" gives each frequent word (with its leading space) a token of its own; "bpe" learns byte pairs. Both
            fall back on bytes, so nothing is ever unknown.
        entities: Names that are one token each ("cabinet 3"): copying a name is then one decision, not several (kind "words").
        vocabulary: The most tokens it may have, special ones included.

    Raises:
        UsageError: no text; no room in the vocabulary for bytes and entities; entities with byte pairs.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    texts = list(texts)
    if not texts:
        raise UsageError("a tokenizer needs texts to be trained on; there were none")
    if entities and kind != "words":
        raise UsageError("only kind='words' can promise one token per entity")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    room = vocabulary - len(SPECIAL) - len(alphabet) - 2 * len(entities)
    if room < 0:
        raise UsageError(
            f"vocabulary {vocabulary} has no room for bytes and entities; it needs {vocabulary - room} or more"
        )
    if kind == "bpe":
        split: Any = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = split
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
    else:
        pieces = "|".join([*_names(entities), " ?[A-Za-z]+", " ?[0-9]+", r" ?[^\sA-Za-z0-9]+", r"\s"])
        split = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pieces), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        always = [*alphabet, *(_bytes(mark + name) for name in entities for mark in ("", " "))]
        counts = Counter(piece for text in texts for piece, _ in split.pre_tokenize_str(text))
        for piece in always:
            counts.pop(piece, None)
        words = [piece for piece, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:room]]
        # every piece costs the same, a byte ten times that: the best spelling is the one with the fewest tokens
        scores = [(name, 0.0) for name in SPECIAL] + [(name, -10.0) for name in alphabet]
        scores += [(name, -1.0) for name in [*always[len(alphabet) :], *words]]
        tokenizer = Tokenizer(models.Unigram(scores, unk_id=SPECIAL.index("<unk>")))
        tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=list(SPECIAL[4:]),
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = TEMPLATE
    return made


def make_model(
    tokenizer: PreTrainedTokenizerFast,
    *,
    width: int = 256,
    layers: int = 6,
    heads: int = 4,
    context: int = 2048,
    tied: bool = True,
    seed: int = 0,
) -> LlamaForCausalLM:
    """A Llama with random weights for this tokenizer; about 12 x layers x width^2 + vocabulary x width parameters.

    Args:
        tokenizer: Gives the vocabulary and the special ids.
        width: Of the residual stream; divisible by heads.
        layers: Blocks.
        heads: Of attention, width / heads each (32 or more: vLLM's CPU kernels take 32, 64, 128, ...).
        context: The most positions.
        tied: Whether the embeddings are the output weights too.
        seed: Of the weights; the global random state is left as it was.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    if width % heads:
        raise UsageError(f"width {width} is not divisible by heads {heads}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=width,
                intermediate_size=(8 * width // 3 + 63) // 64 * 64,
                num_hidden_layers=layers,
                num_attention_heads=heads,
                num_key_value_heads=heads,
                max_position_embeddings=context,
                tie_word_embeddings=tied,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )


def _names(entities: Sequence[str]) -> list[str]:
    """A pattern for the longest entity at a place, whole words only (at an edge that is no letter or digit anything may stand).

    Names that begin alike share their beginning in it, so that a thousand of them cost little more than one.
    """
    words = sorted({name for name in entities if name[0].isalnum()})
    others = sorted({name for name in entities if not name[0].isalnum()})
    found = ["(?<![A-Za-z0-9])" + _longest(words)] if words else []
    found += [_longest(others)] if others else []
    return [f" ?(?:{'|'.join(found)})"] if found else []


def _longest(names: Sequence[str], before: str = "") -> str:
    """A pattern for the longest of these sorted, distinct names, all of which go on from `before`."""
    same = (pair[0] == pair[1] for pair in zip(names[0], names[-1], strict=False))
    head = names[0][: sum(itertools.takewhile(bool, same))]
    whole = before + head
    longer = [list(each) for _, each in itertools.groupby((n[len(head) :] for n in names if n != head), lambda n: n[0])]
    ways = [_longest(each, whole) for each in longer]
    if names[0] == head:
        ways.append("(?![A-Za-z0-9])" if whole[-1].isalnum() else "")
    return re.escape(head) + (ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})")


def _bytes(text: str) -> str:
    """Text in the byte-level alphabet."""
    from tokenizers import pre_tokenizers

    return "".join(piece for piece, _ in pre_tokenizers.ByteLevel(False, use_regex=False).pre_tokenize_str(text))
