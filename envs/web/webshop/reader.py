"""Gold actions of one who does not know the shop: search the instruction's words, open the results from the top, buy the first
that has the options asked for. Each action follows from what has been read so far, so it can be learned from the text.
"""  # noqa: D205

from __future__ import annotations

import re
from collections.abc import Callable

from .goals import Goal
from .pages import BUY, PREVIOUS, Page

FIRST = 10
"""Results that are looked at, one page of them."""

See = Callable[[str], Page]
"""Carries out an action and gives the page that it leads to."""


_LIMIT = re.compile(r"price lower than ([\d.]+) dollars")


def affordable(page: Page, instruction: str) -> list[str]:
    """The results whose lowest price keeps to the instruction's limit, in order; all of them where none does."""
    asked = _LIMIT.search(instruction)
    limit = float(asked[1]) if asked else float("inf")
    found = []
    for at, node in enumerate(page):
        if node.kind == "link":
            # A result is its code, its title and its price, such as "$12.5" or "$10.0 to $15.0".
            found.append((node.text, float(page[at + 2].text.split()[0].removeprefix("$"))))
    return [code for code, price in found if price <= limit] or [code for code, _ in found]


def read_and_buy(goal: Goal, see: See) -> list[str]:
    """Actions that buy what the instruction says; may score below 1, as nothing is known of the product that is meant.

    Args:
        goal: A synthetic one. Only its instruction is read, and its options, which the instruction names word by word.
        see: The shop, at its first page.
    """
    actions: list[str] = []

    def do(action: str) -> Page:
        actions.append(action)
        return see(action)

    options = goal.goal_options if isinstance(goal.goal_options, dict) else {}
    wish = " with " + ", and ".join(f"{name}: {value}" for name, value in options.items())
    query = goal.instruction_text.partition(", and price lower")[0].removesuffix(wish)
    results = affordable(do(f"search[{query}]"), goal.instruction_text)
    left: list[str] = []
    for at, each in enumerate(results[:FIRST]):
        if at:
            do(f"click[{PREVIOUS}]")
        shown = {node.text for node in do(f"click[{each}]") if node.kind == "option"} | {each}
        left = list(options.values())
        # One option after the other: whether the next one asked for is there is all that a reader has to see at a time.
        while left and left[0] in shown:
            do(f"click[{left.pop(0)}]")
        if not left:
            break
    for value in left:
        if value in shown:
            do(f"click[{value}]")
    if results:
        do(f"click[{BUY}]")
    return actions
