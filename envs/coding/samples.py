"""The coding worlds' bundled samples: our own families of problems, in each benchmark's official record."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from .families import DRAWS, families

FACTORS = {"train": 2, "dev": 3, "test": 4, "prompt": 5, "humaneval": 6, "apps-train": 7, "apps-test": 8}
"""Which k a split's problems have: no two splits, and no two worlds, share a problem."""


@cache
def problem(place: int, part: str) -> dict[str, Any]:
    """Family number `place` with the k of `part`: name, text, head, whole code, five cases of argument and result."""
    family, k = families()[place], FACTORS[part]
    name = family.fill(family.name, k)
    head = f"def {name}({family.takes[0]}: {family.takes[1]}) -> {family.gives}:"
    code = f"{head}\n{family.fill(family.code, k)}\n"
    space: dict[str, Any] = {}
    exec(code, space)  # our own text, not a model's
    rng, cases = random.Random(1000 * place + k), []
    for _ in range(5):
        argument = DRAWS[family.draw](rng)
        cases.append((argument, space[name](argument)))
    return {"name": name, "text": family.fill(family.text, k), "code": code, "cases": cases, "head": head}


def each(part: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """All families with the k of `part`, numbered."""
    for place in range(len(families())):
        yield place, problem(place, part)


def humaneval() -> list[dict[str, Any]]:
    """Twenty problems in HumanEval's record."""
    rows = []
    for place, made in each("humaneval"):
        (first, result), *hidden = made["cases"]
        sentence = made["text"][0].upper() + made["text"][1:]
        doc = f'    """{sentence}.\n\n    >>> {made["name"]}({first!r})\n    {result!r}\n    """\n'
        checks = "".join(f"    assert candidate({given!r}) == {wanted!r}\n" for given, wanted in hidden)
        rows.append(
            {
                "task_id": f"HumanEval/{1000 + place}",
                "prompt": f"{made['head']}\n{doc}",
                "entry_point": made["name"],
                "canonical_solution": made["code"].split("\n", 1)[1],
                "test": f"\n\ndef check(candidate):\n{checks}",
            }
        )
    return rows


def mbpp() -> list[tuple[str, dict[str, Any]]]:
    """Twenty problems a split in MBPP's record, each with its split."""
    rows = []
    for part, k in FACTORS.items():
        if part not in ("train", "dev", "test", "prompt"):
            continue
        for place, made in each(part):
            row = {
                "text": f"Write a function to {made['text']}.",
                "code": made["code"],
                "task_id": 1000 * k + place,
                "test_setup_code": "",
                "test_list": [f"assert {made['name']}({a!r}) == {b!r}" for a, b in made["cases"]],
            }
            rows.append((part, row))
    return rows


def apps(split: str) -> list[dict[str, Any]]:
    """Twenty problems in APPS's record; every second one is called, the others read standard input."""
    rows = []
    for place, made in each(f"apps-{split}"):
        cases = made["cases"]
        # JSON has no whole-number keys: such an answer is asked for over standard output.
        called = place % 2 == 0 and not isinstance(cases[0][1], dict)
        row = {"id": f"{9000 + place}", "metadata": {"difficulty": "introductory", "url": ""}}
        rows.append(row | (_called(made, cases) if called else _printed(made, cases)))
    return rows


def _called(made: dict[str, Any], cases: list[tuple[Any, Any]]) -> dict[str, Any]:
    (first, result), *_ = cases
    example = f"Example: {made['name']}({first!r}) returns {result!r}."
    return {
        "question": f"Write a function that does this: {made['text']}.\n\n{example}",
        "starter_code": f"{made['head']}\n    ",
        "solutions": [made["code"]],
        "input_output": {
            "fn_name": made["name"],
            "inputs": [[given] for given, _ in cases[1:]],
            "outputs": [wanted for _, wanted in cases[1:]],
        },
    }


def _printed(made: dict[str, Any], cases: list[tuple[Any, Any]]) -> dict[str, Any]:
    text = [(json.dumps(given) + "\n", json.dumps(wanted, sort_keys=True) + "\n") for given, wanted in cases]
    (first, result), *hidden = text
    question = (
        f"The input is one line of JSON. Do this with it: {made['text']}. Print the result as JSON, keys sorted.\n\n"
        f"Example input:\n{first}\nExample output:\n{result}"
    )
    program = (
        f"import json\n\n\n{made['code']}\n\nprint(json.dumps({made['name']}(json.loads(input())), sort_keys=True))\n"
    )
    return {
        "question": question,
        "starter_code": "",
        "solutions": [program],
        "input_output": {"inputs": [given for given, _ in hidden], "outputs": [wanted for _, wanted in hidden]},
    }
