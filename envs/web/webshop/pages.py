"""WebShop's pages as upstream's text environment shows them: plain (`[SEP]` between texts) and rich (buttons marked)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from .products import Product

BACK, PREVIOUS, NEXT, BUY, SEARCH = "Back to Search", "< Prev", "Next >", "Buy Now", "Search"
SUB_PAGES = ("Description", "Features", "Reviews", "Attributes")
PAGE = 10
"""Products on one page of results."""
BLANK = " \n\t\f\r"


class Text(NamedTuple):
    """One visible text of a page. `kind`: "" plain, "button", "option" (with its name), "product"."""

    text: str
    kind: str = ""
    name: str = ""


class Page(NamedTuple):
    """A page: its visible texts in order, whether it has the search bar, and which options are chosen on it."""

    texts: tuple[Text, ...]
    search: bool = False
    chosen: Mapping[str, str] = {}

    def plain(self) -> str:
        """As upstream's ``observation_mode="text"``."""
        return " [SEP] ".join(each.text.strip() for each in self.texts)

    def rich(self, seen: Set[str]) -> str:
        """As upstream's ``observation_mode="text_rich"``; `seen` are the asins that were opened before."""
        heads, lines = [], []
        picked = {json.dumps(value) for value in self.chosen.values()}
        for text, kind, _ in self.texts:
            if kind == "button":
                lines.append(f"[button] {text} [button_]\n")
            elif kind == "option" and json.dumps(text) in picked:
                heads.append(f"You have clicked {text}.\n")
                lines.append(f"  [clicked button] {text} [clicked button_]\n")
            elif kind == "option":
                lines.append(f"  [button] {text} [button_]\n")
            elif kind == "product":
                mark = "clicked button" if text in seen else "button"
                lines.append(f"\n[{mark}] {text} [{mark}_]\n")
            else:
                lines.append(f"{text}\n")
        return "".join([*reversed(heads), *lines])

    def clickables(self) -> dict[str, Text]:
        """What can be clicked, by the lower-case text that an action names; buttons and products first, then options."""
        found = {each.text.lower(): each for each in self.texts if each.kind == "button"}
        found |= {each.text.lower(): each for each in self.texts if each.kind == "product"}
        return found | {each.text: each for each in self.texts if each.kind == "option"}


def visible(texts: Iterable[Text]) -> tuple[Text, ...]:
    """The texts that a parsed page holds: white space with a line break in it vanishes, other white space is one blank."""
    kept = []
    for each in texts:
        if each.text and not each.text.strip(BLANK):
            if "\n" in each.text:
                continue
            each = each._replace(text=" ")
        if each.text:
            kept.append(each)
    return tuple(kept)


def head(instruction: str, *buttons: str) -> list[Text]:
    """How every page but the first and last begins."""
    return [Text("Instruction:"), Text(instruction), *(Text(each, "button") for each in buttons)]


def index_page(instruction: str) -> Page:
    """The page with the search bar."""
    texts = [Text("WebShop"), Text("Instruction: "), Text(instruction), Text(SEARCH, "button")]
    return Page(visible(texts), search=True)


def results_page(instruction: str, products: Sequence[Product], number: int, total: int) -> Page:
    """One page of search results."""
    texts = [*head(instruction, BACK), Text(f"Page {number} (Total results: {total})")]
    texts += [Text(PREVIOUS, "button")] * (number > 1) + [Text(NEXT, "button")]
    for each in products:
        texts += [Text(each.asin, "product"), Text(each.name), Text(each.price_tag)]
    return Page(visible(texts))


def item_page(instruction: str, product: Product, chosen: Mapping[str, str], *, attributes: bool = False) -> Page:
    """The page of one product with its options."""
    texts = head(instruction, BACK, PREVIOUS)
    for name, values in product.options.items():
        texts += [Text(name), *(Text(value, "option", name) for value in values)]
    texts += [Text(product.name), Text(f"Price: {product.price_tag}"), Text(f"Rating: {product.rating}")]
    texts += [Text(each, "button") for each in (*SUB_PAGES[: 4 if attributes else 3], BUY)]
    return Page(visible(texts), chosen=dict(chosen))


def sub_page(instruction: str, product: Product, which: str) -> Page:
    """Description, Features, Reviews (the official data has none) or Attributes of one product."""
    body = {
        "Description": [Text(product.description)],
        "Features": [Text(f" {each}") for each in product.bullets],
        "Reviews": [],
        "Attributes": [
            *(Text(f" {each}") for each in product.attributes),
            *map(Text, (product.category, product.query, product.product_category)),
        ],
    }
    return Page(visible([*head(instruction, BACK, PREVIOUS), *body[which]]))


def done_page(asin: str, chosen: Mapping[str, str], reward: float) -> Page:
    """The last page, with the words that upstream's text environment shows (it withholds the goal)."""
    texts = (
        "Thank you for shopping with us!", "Your code: ", "None", " (Paste it in your MTurk interface.)", "Purchased",
        "asin", asin, "options", json.dumps(chosen), "attrs", "None", "category", "None", "query", "None",
        "product category", "None", "Target", "asin", "options", "attrs", "price upper", "instuction text", "category",
        "product category", "query", "Goal ", "None", "Reward", "Your score (min 0.0, max 1.0)", str(reward),
        "Reward Details ", "None",
    )  # fmt: skip
    return Page(visible(map(Text, texts)))
