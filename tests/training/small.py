"""The small real parts that the training tests share: a tokenizer, a model, ragged rows, and their plain gradient."""

import random

import torch
from torch.nn.functional import cross_entropy

from agentbank.training.from_scratch import make_model, make_tokenizer
from agentbank.training.rows import IGNORED, Masked

TEXTS = ["You arrive at cabinet 12. On it you see a mug 3.", "go to cabinet 12", "take mug 3 from cabinet 12", "Done."]


def tokenizer():
    return make_tokenizer(TEXTS, entities=["cabinet 12", "mug 3"], vocabulary=320)


def model(seed=0, **shape):
    return make_model(tokenizer(), **({"width": 64, "layers": 2, "heads": 2, "context": 256} | shape), seed=seed)


def ragged(count=21, shortest=4, longest=60, seed=0):
    draw = random.Random(seed)
    rows = []
    for index in range(count):
        ids = [1, *(draw.randrange(7, 200) for _ in range(draw.randint(shortest, longest) - 2)), 2]
        labels = [each if draw.random() < 0.4 else IGNORED for each in ids[:-1]] + [2]
        rows.append(Masked(ids, labels, f"toy {index}"))
    return rows


def plain_gradient(model, rows):
    """Row by row, no batching of any kind: what every layout must agree with."""
    model.zero_grad()
    count = sum(row.trained for row in rows)
    for row in rows:
        logits = model(input_ids=torch.tensor([row.input_ids]), use_cache=False).logits[0, :-1]
        (cross_entropy(logits, torch.tensor(row.labels[1:]), reduction="sum") / count).backward()
    return gradient(model)


def gradient(model):
    found = torch.cat([weight.grad.flatten() for weight in model.parameters()]).clone()
    model.zero_grad()
    return found


def apart(one, other):
    """Relative distance of two gradients."""
    return float((one - other).norm() / other.norm())
