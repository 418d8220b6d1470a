"""How fast conversations become ids and masks: many episodes through `render_rows`, and one render against its length.

python benchmarks/render.py                       # 50,000 episodes (about two minutes a template on two cores)
python benchmarks/render.py --templates llama2    # with one template
python benchmarks/render.py -n 5000               # scaled: rates are per token, so they compare
"""

import argparse
import random
import time
from collections.abc import Iterator

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from agentbank.training import Ledger, prove, render, render_rows
from agentbank.trajectories import Message
from agentbank.trajectories.formats import Conversation

THINGS = [
    f"{kind} {n}" for kind in ("cabinet", "drawer", "shelf", "mug", "plate", "lamp", "fridge") for n in range(1, 40)
]


def episodes(count: int, turns: int) -> Iterator[Conversation]:
    """Household-like episodes of `turns` exchanges, about 1,200 tokens each at 12."""
    draw = random.Random(0)
    for number in range(count):
        messages = [Message("system", "Interact with a household to solve a task. " * 4, False)]
        for turn in range(turns):
            seen = ", ".join(draw.choices(THINGS, k=12))
            goal = f" Your task is to: put a hot {draw.choice(THINGS)} in {draw.choice(THINGS)}." if not turn else ""
            messages.append(Message("user", f"You arrive at {draw.choice(THINGS)}. On it, you see {seen}.{goal}"))
            thing, place = draw.choice(THINGS), draw.choice(THINGS)
            words = f"Thought: The {thing} may be at {place}, so I look there next.\nAction: take {thing} from {place}"
            messages.append(Message("assistant", words))
        yield Conversation(f"e{number}", tuple(messages), {"env": "household"})


def byte_level() -> PreTrainedTokenizerFast:
    """A byte-level BPE of 4,000 tokens, trained on these episodes."""
    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    marks = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=4000, special_tokens=marks, initial_alphabet=alphabet, show_progress=False)
    engine.train_from_iterator((m.content for e in episodes(300, 12) for m in e.messages), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=engine, bos_token="<s>", eos_token="</s>")


CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


TEMPLATES = {"llama2": "llama2", "llama3": "llama3", "chatml": "chatml", "jinja": CHATML}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=50_000, help="episodes")
    parser.add_argument("--turns", type=int, default=12, help="exchanges an episode")
    parser.add_argument("--templates", nargs="+", choices=TEMPLATES, default=[*TEMPLATES], help="which to time")
    args = parser.parse_args()
    tokenizer = byte_level()
    print(f"{args.n:,} episodes of {args.turns} exchanges\n")
    print("template               seconds   cpu s    tokens/s    learned   50,000 would take (wall, cpu)")
    for name in args.templates:
        template = TEMPLATES[name]
        ledger = Ledger()
        began, cpu, tokens, learned = time.perf_counter(), time.process_time(), 0, 0
        for row in render_rows(episodes(args.n, args.turns), tokenizer, template, ledger=ledger):
            tokens += row.tokens
            learned += row.loss_tokens
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        rate = f"{tokens / seconds:>11,.0f}"
        wall, used = (each * 50_000 / args.n for each in (seconds, cpu))
        print(
            f"{name:20} {seconds:9.1f} {cpu:7.1f} {rate} {learned / tokens:9.1%} {wall:12.0f} s {used:8.0f} s",
            flush=True,
        )
    began = time.perf_counter()
    count = min(args.n, 2000)
    rows = (row.rendered for row in render_rows(episodes(count, args.turns), tokenizer, "llama2"))
    proof = prove(rows, tokenizer)
    print(f"\nrender and proof: {proof}\n{time.perf_counter() - began:.1f} s for {count:,} rows")
    print("\nmessages    tokens    llama2 ms   µs/token   Jinja ms   µs/token   (CPU, best of 5)")
    for turns in (15, 30, 60, 120, 240, 480):
        messages = next(episodes(1, turns)).messages
        times = []
        for template in ("llama2", CHATML):
            render(messages, tokenizer, template)
            spent = []
            for _ in range(5):
                began = time.process_time()
                rendered = render(messages, tokenizer, template)
                spent.append(time.process_time() - began)
            times += [min(spent) * 1e3, min(spent) * 1e6 / len(rendered.input_ids)]
        a, b, c, d = times
        print(f"{len(messages):8} {len(rendered.input_ids):9,} {a:12.2f} {b:10.2f} {c:10.2f} {d:10.2f}")


if __name__ == "__main__":
    main()
