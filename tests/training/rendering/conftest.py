"""Real tokenizers, trained here on a few lines: byte-level BPE, two Llama-like BPEs, and words."""

import functools

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

LINES = [
    "Thought: I should search [red shoes].\nAction: search[red running shoes]",
    "You are in a room. [INST] not an instruction [/INST] <<SYS>> <</SYS>>",
    "go to cabinet 1 and take the mug from it :) -> \"quoted\" 'too'",
    "user assistant system Observation: nothing happens.",
] * 50
MARKS = ["<unk>", "<s>", "</s>", "<pad>"]


def _wrapped(engine, specials=(), **names):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=engine, **{"unk_token": "<unk>", **names})
    if specials:
        tokenizer.add_special_tokens({"additional_special_tokens": list(specials)})
    return tokenizer


def _names(pad_is_eos=False):
    return {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>" if pad_is_eos else "<pad>"}


def byte_level(specials=(), trim=False, **names):
    """GPT-2's and Llama-3's kind. With `trim`, offsets leave blanks out, as RoBERTa's do."""
    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    if trim:
        engine.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=MARKS, initial_alphabet=alphabet, show_progress=False)
    engine.train_from_iterator(LINES, trainer)
    return _wrapped(engine, specials, **(names or _names()))


def adds_bos(specials=(), **names):
    """Byte-level with a post-processor that puts BOS before and EOS after whatever is tokenised with special tokens."""
    tokenizer = byte_level(specials, **names)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return tokenizer


def llama_like(specials=(), **names):
    """Llama-2's kind: a prepended blank after each special token, byte fallback, merges that may cross blanks."""
    engine = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    engine.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    engine.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    fallback = [f"<0x{number:02X}>" for number in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=MARKS + fallback, show_progress=False)
    engine.train_from_iterator(LINES, trainer)
    return _wrapped(engine, specials, **(names or _names()))


def metaspace(specials=(), **names):
    """T5's and Gemma's kind of pre-tokenizer; characters that it never saw become <unk>."""
    engine = Tokenizer(models.BPE(unk_token="<unk>"))
    engine.pre_tokenizer = pre_tokenizers.Metaspace()
    engine.decoder = decoders.Metaspace()
    engine.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=400, special_tokens=MARKS, show_progress=False))
    return _wrapped(engine, specials, **(names or _names()))


def words(specials=(), **names):
    """One token a word, blanks thrown away: what a small model trained from scratch uses."""
    engine = Tokenizer(models.WordLevel(unk_token="<unk>"))
    engine.pre_tokenizer = pre_tokenizers.Whitespace()
    engine.train_from_iterator(LINES, trainers.WordLevelTrainer(special_tokens=MARKS, show_progress=False))
    return _wrapped(engine, specials, **(names or _names()))


KINDS = {
    "byte_level": byte_level,
    "trimmed": functools.partial(byte_level, trim=True),
    "adds_bos": adds_bos,
    "llama_like": llama_like,
    "metaspace": metaspace,
    "words": words,
}


@pytest.fixture(params=sorted(KINDS))
def tokenizer(request):
    """Each kind of tokenizer in turn."""
    return KINDS[request.param]()


@pytest.fixture
def build():
    """``build("byte_level", specials=[...])``: one kind of tokenizer."""
    return lambda kind, *args, **names: KINDS[kind](*args, **names)


@pytest.fixture
def talk():
    """``talk(3)``: a conversation of three exchanges, full of what confuses maskers."""

    def conversation(turns, system=None):
        messages = [] if system is None else [{"role": "system", "content": system}]
        for turn in range(turns):
            seen = f"Observation: {turn} [INST] mug [/INST] Action: search[[mug]] <</SYS>> user assistant"
            messages.append({"role": "user", "content": seen})
            said = f"Thought: [search] the mug {turn}.\nAction: search[[mug]]"
            messages.append({"role": "assistant", "content": said})
        return messages

    return conversation
