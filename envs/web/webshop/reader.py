"""Gold actions of one who does not know the shop: search the instruction's own words, open the results from the top, buy the
first that has the options asked for. Each action follows from what has been read so far, so it can be learned from the text alone.
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Callable

from .goals import Goal
from .pages import BUY, PREVIOUS, Page

See = Callable[[str], Page]
"""Carries out an action and gives the page that it leads to."""


def read_and_buy(goal: Goal, query: str, see: See) -> list[str]:
    """Actions that buy what the instruction says; may score below 1, as a title tells little.

    Args:
        goal: Its options are those named in the instruction (synthetic goals); nothing else of it is used.
        query: The instruction without price and options.
        see: The shop, at its first page.
    """
    actions: list[str] = []

    def do(action: str) -> Page:
        actions.append(action)
        return see(action)

    wanted = [each[1] for each in goal.options if isinstance(each, tuple)]
    results = do(f"search[{query}]")
    found = [each.text for each in results.texts if each.kind == "product"]
    page = results
    for each in found:
        page = do(f"click[{each}]")
        shown = {text.text for text in page.texts if text.kind == "option"}
        if shown.issuperset(wanted):
            break
        if each is not found[-1]:
            do(f"click[{PREVIOUS}]")
    options = {text.text for text in page.texts if text.kind == "option"}
    for value in wanted:
        if value in options:
            do(f"click[{value}]")
    if found:
        do(f"click[{BUY}]")
    return actions
