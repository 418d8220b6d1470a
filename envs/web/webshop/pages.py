"""The shop's pages as the text that a reader sees: the words of upstream's templates, node by node, without the HTML.

Upstream renders HTML, parses it again and joins the visible text nodes; here the nodes are written down directly. Both
of its text modes are made from them: "text" joins them by ``[SEP]``, "text_rich" puts one a line and marks buttons.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from .products import Product

WINDOW = 10
"""Products on a page of results."""

SUB_PAGES = ("Description", "Features", "Reviews", "Attributes")
BACK, PREVIOUS, NEXT, BUY = "Back to Search", "< Prev", "Next >", "Buy Now"


class Node(NamedTuple):
    """One piece of visible text. `group` is an option's name; `chosen` marks what was clicked before."""

    text: str
    kind: Literal["text", "button", "option", "link"] = "text"
    group: str = ""
    chosen: bool = False


Page = list[Node]


def written(text: str, before: str = "") -> Iterator[Node]:
    """A text node as an HTML parser leaves it: none where it is empty, or blank with a line break in it."""
    whole = before + text
    if whole.strip(" \n\t\f\r"):
        yield Node(whole)
    elif whole and "\n" not in whole:
        yield Node(" ")


def top(instruction: str, *buttons: str) -> Iterator[Node]:
    """What all pages but the first begin with."""
    yield Node("Instruction:")
    yield from written(instruction)
    for each in buttons:
        yield Node(each, "button")


def search_page(instruction: str) -> Page:
    """The first page."""
    return [Node("WebShop"), Node("Instruction: "), *written(instruction), Node("Search", "button")]


def results_page(instruction: str, shown: Sequence[Product], page: int, total: int, visited: frozenset[str]) -> Page:
    """Ten products of a search."""
    made = [*top(instruction, BACK), Node(f"Page {page} (Total results: {total})")]
    if page > 1:
        made.append(Node(PREVIOUS, "button"))
    made.append(Node(NEXT, "button"))
    for each in shown:
        made.append(Node(each.asin, "link", chosen=each.asin in visited))
        made += written(each.title)
        made += written(each.price_tag)
    return made


def item_page(instruction: str, product: Product, url: str, show_attributes: bool) -> Page:
    """One product: its options, title, price, and the buttons to its sub-pages and to buy.

    `url` is upstream's address of the page; its rich mode takes an option for chosen when the address quotes it.
    """
    made = [*top(instruction, BACK, PREVIOUS)]
    for name, values in product.options.items():
        made += written(name)
        made += [Node(each, "option", name, f'"{each}"' in url) for value in values for (each, *_) in written(value)]
    made += written(product.title)
    made += [Node(f"Price: {product.price_tag}"), Node(f"Rating: {product.rating}")]
    made += [Node(each, "button") for each in SUB_PAGES[: 4 if show_attributes else 3]]
    return [*made, Node(BUY, "button")]


def sub_page(instruction: str, product: Product, name: str) -> Page:
    """A product's description, features, reviews (upstream ships none) or attributes."""
    made = [*top(instruction, BACK, PREVIOUS)]
    if name == "Description":
        made += written(product.description)
    elif name == "Features":
        made += [node for each in product.bullets for node in written(each, " ")]
    elif name == "Attributes":
        made += [node for each in product.attributes for node in written(each, " ")]
        made += [node for each in (product.category, product.query, product.product_category) for node in written(each)]
    return made


def done_page(asin: str, options: Mapping[str, str], reward: float) -> Page:
    """The last page. Upstream's template has more fields here, which its text world leaves empty ("None")."""
    chosen = json.dumps(dict(options), sort_keys=True)
    for char in "<>&'":
        chosen = chosen.replace(char, f"\\u{ord(char):04x}")
    texts = ["Thank you for shopping with us!", "Your code: ", "None", " (Paste it in your MTurk interface.)"]
    texts += ["Purchased", "asin", asin, "options", chosen, "attrs", "None", "category", "None", "query", "None"]
    texts += ["product category", "None", "Target", "asin", "options", "attrs", "price upper", "instuction text"]
    texts += ["category", "product category", "query", "Goal ", "None", "Reward", "Your score (min 0.0, max 1.0)"]
    texts += [str(reward), "Reward Details ", "None"]
    return [Node(each) for each in texts]


def plain(page: Page) -> str:
    """Upstream's text mode."""
    return " [SEP] ".join(node.text.strip() for node in page)


def rich(page: Page) -> str:
    """Upstream's text_rich mode."""
    marks = {"button": "", "option": "  ", "link": "\n"}
    lines: list[str] = []
    notices: list[str] = []
    for kind, node in ((node.kind, node) for node in page):
        if kind == "text":
            lines.append(node.text)
            continue
        word = "clicked button" if node.chosen else "button"
        lines.append(f"{marks[kind]}[{word}] {node.text} [{word}_]")
        if kind == "option" and node.chosen:
            notices.insert(0, f"You have clicked {node.text}.\n")
    return "".join(notices) + "".join(f"{line}\n" for line in lines)


def clickables(page: Page) -> dict[str, Node]:
    """What can be clicked, by the text that clicks it; options come last and win, as upstream's do."""
    found = {node.text.lower(): node for node in page if node.kind in ("button", "link")}
    return found | {node.text: node for node in page if node.kind == "option"}
