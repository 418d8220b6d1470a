"""The mask proof over trajectories and general data that others released."""

from itertools import islice

import pytest

from agentbank.training import Ledger, load, prove, render_rows

FILES = [
    "trajectories/alfworld_gt/alfworld_gt_train_400.jsonl",
    "trajectories/fireact/gpt_format/multitask_multimethod.jsonl",
    "trajectories/agentgym/webshop_fncall.jsonl",
    "sharegpt_like/dummy_conversation.json",
    "sharegpt_like/glaive_toolcall_en_demo.json",
    "sharegpt_like/alpaca_en_demo.json",
    "evol_code/evol-codealpaca-2k-1.json",
]


@pytest.mark.parametrize(("kind", "template"), [("llama_like", "llama2"), ("byte_level", "chatml")])
def test_every_seventh_released_row_is_proven(shared, build, kind, template):
    tokenizer, ledger = build(kind), Ledger()
    some = (row for name in FILES for row in islice(load(str(shared / name)), 0, None, 7))
    proof = prove((row.rendered for row in render_rows(some, tokenizer, template, ledger=ledger)), tokenizer)
    assert ledger.total["rows"] == ledger.total["kept"] == proof.rows > 800
    assert proof.exact == proof.messages


@pytest.mark.slow
@pytest.mark.parametrize("template", ["llama2", "llama3", "chatml", "plain"])
def test_every_released_row_is_proven(shared, build, template):
    tokenizer = build("llama_like")
    rows = (row for name in FILES for row in load(str(shared / name)))
    proof = prove((row.rendered for row in render_rows(rows, tokenizer, template, strict=True)), tokenizer)
    assert proof.exact == proof.messages and proof.rows > 6000
