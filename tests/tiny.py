"""A tiny real checkpoint: a random Llama, a BPE tokenizer trained on the spot, a chat template."""

from pathlib import Path

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CORPUS = [
    "Thought: I should search for red shoes\nAction: search[red shoes]",
    "Observation: a page of results, with prices in dollars and buttons to click",
    "go to the kitchen, open the fridge, take the apple, and put it on the table",
    "How to act here: answer with one thought and one action; stop when you are done.",
]


def write_checkpoint(folder: Path, *, template: str | None = TEMPLATE, window: int = 256, hidden: int = 32) -> Path:
    """Write the checkpoint into `folder`. vLLM on CPU wants heads of 32 at least: hidden=128."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<pad>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        CORPUS * 4, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|end|>", pad_token="<pad>")
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=window,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.6,  # wide, so that the likeliest token stands clear of the next
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
