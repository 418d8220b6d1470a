"""WebShop as a world: search, look, choose options, buy.

Paper: Yao et al., NeurIPS 2022, arXiv 2207.01206. Data: the folder `data/` of princeton-nlp/WebShop, filled by its setup.sh
(items_shuffle*.json, items_ins_v2*.json, items_human_ins.json). A row of the products' file has this shape:

    {"asin": "B000000001", "name": "Acorn Lamp, Warm White", "pricing": "$12.50$18.00", "category": "garden", ...,
     "customization_options": {"Color": [{"value": "Warm White", "image": null}]}, "small_description": ["Solid oak", ...]}
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, Unpack

from ....trajectories.errors import UnknownName
from ...core import Outcome, Standard, Task, TextEnv
from ...data import Source
from . import pages
from .catalogue import Catalogue, load
from .goals import SPLITS, Goal, price_of
from .pages import BACK, BUY, NEXT, PAGE, PREVIOUS, SEARCH, SUB_PAGES, Page
from .products import Product
from .reward import alike, colour, reward, wished

KINDS = ("human", "synthetic")
_ACTION = re.compile(r"(.+)\[(.+)\]")


class WebShop(TextEnv):
    """One shopper. Options: ``mode`` "text" | "text_rich"; ``goals`` "human" | "synthetic" (None: what the data holds);
    ``show_attributes`` adds upstream's Attributes page.
    """  # noqa: D205

    manual = (
        "Use search[keywords] to search, or click[value] to click one of the buttons, products or options shown.\n"
        "You shop for the product that the instruction describes. From the results click a product's code; on its page click\n"
        "the options that fit (one of each kind), look at click[description], click[features] or click[reviews], go back with\n"
        "click[back to search], click[< prev] and click[next >], and end with click[buy now]. You are scored by how well the\n"
        "product, its options and its price fit the instruction."
    )

    def __init__(
        self,
        *,
        mode: Literal["text", "text_rich"] = "text",
        goals: Literal["human", "synthetic"] | None = None,
        show_attributes: bool = False,
        **standard: Unpack[Standard],
    ) -> None:
        """Take the options; products are read at the first reset."""
        super().__init__(**standard)
        if mode not in ("text", "text_rich"):
            raise UnknownName("mode of webshop", mode, ("text", "text_rich"))
        if goals is not None and goals not in KINDS:
            raise UnknownName("kind of goals", goals, KINDS)
        self.mode, self.goals, self.show_attributes = mode, goals, show_attributes
        self._page = Page(())
        self._at = ""
        self._seen: set[str] = set()
        self._query, self._number = "", 1
        self._hits: list[int] = []
        self._item: Product | None = None
        self._chosen: dict[str, str] = {}

    @property
    def catalogue(self) -> Catalogue:
        """Products and index, shared by all instances on the same data."""
        return load(self.source)

    def tasks(self) -> Sequence[Task]:
        """The goals of the split; the number in an id is the goal's place in the official order."""
        return listed(self.source, self.goals, self.split)

    @property
    def goal(self) -> Goal:
        """The goal of this episode."""
        assert self.task is not None  # set by reset
        goal: Goal = self.task.data
        return goal

    def start(self, task: Task) -> str:
        """The page with the search bar."""
        self._seen = set()
        self._show_index()
        return self._text()

    def respond(self, action: str) -> Outcome:
        """Carry out ``search[...]`` or ``click[...]``; what cannot be clicked leaves the page as it is."""
        match = _ACTION.match(action.strip())
        name, value = (match[1], match[2].lower()) if match else ("", "")
        if name == "search":
            self._search(value)
            return Outcome(self._text())
        clickable = self._page.clickables().get(value)
        if name != "click" or clickable is None or value == SEARCH.lower():
            return Outcome(self._text(), info={"valid": False})
        if value == BUY.lower() and clickable.kind == "button":
            return self._buy()
        self._click(value, clickable)
        return Outcome(self._text())

    def actions(self) -> Sequence[str]:
        """What can be clicked; on the page with the search bar, a search for the instruction's own words."""
        found = [f"click[{each}]" for each in self._page.clickables() if each != SEARCH.lower()]
        return [f"search[{words(self.goal.instruction)}]", *found] if self._page.search else found

    def expert(self, task: Task) -> Sequence[str]:
        """Search for the product, open it, choose the asked options, buy. May score below 1 where the goal itself is flawed."""
        goal: Goal = task.data
        product = self.catalogue.find(goal.asin)
        assert product is not None  # goals are made from products
        clicks = [product.asin.lower(), *wishes(product, goal).values(), BUY.lower()]
        return [*route(self.catalogue, product), *(f"click[{each}]" for each in clicks)]

    def fork(self) -> WebShop:
        """A copy in the present state; the catalogue is shared, as it never changes."""
        twin = copy.copy(self)
        twin._seen, twin._chosen, twin.history = set(self._seen), dict(self._chosen), list(self.history)
        twin.rng = copy.deepcopy(self.rng)
        return twin

    # --- the shop's state machine (SimServer.receive upstream) ----------------------------------------------------

    def _text(self) -> str:
        return self._page.plain() if self.mode == "text" else self._page.rich(self._seen)

    def _show_index(self) -> None:
        self._at, self._page = "index", pages.index_page(self.goal.instruction)
        self._query, self._hits, self._number, self._item, self._chosen = "", [], 1, None, {}

    def _search(self, query: str) -> None:
        self._query, self._hits = query, self.catalogue.search(query)
        self._show_results(1)

    def _show_results(self, number: int) -> None:
        self._at, self._number, self._item, self._chosen = "results", number, None, {}
        shown = [self.catalogue.shelf[each] for each in self._hits[(number - 1) * PAGE : number * PAGE]]
        self._page = pages.results_page(self.goal.instruction, shown, number, len(self._hits))

    def _show_item(self, product: Product) -> None:
        self._at, self._item = "item", product
        self._page = pages.item_page(self.goal.instruction, product, self._chosen, attributes=self.show_attributes)

    def _click(self, value: str, clickable: pages.Text) -> None:
        button = next((each for each in (BACK, NEXT, PREVIOUS, *SUB_PAGES) if each.lower() == value), "")
        if clickable.kind == "product":
            product = self.catalogue.find(clickable.text)
            assert product is not None  # it is on the page
            self._seen.add(product.asin)
            self._show_item(product)
        elif clickable.kind == "option" and self._item is not None:
            self._chosen[clickable.name.lower()] = value
            self._show_item(self._item)
        elif button == BACK:
            self._show_index()
        elif button in (NEXT, PREVIOUS) and self._at == "results":
            self._show_results(self._number + (1 if button == NEXT else -1))
        elif button == PREVIOUS and self._at == "item":
            self._show_results(self._number)
        elif button == PREVIOUS and self._item is not None:
            self._show_item(self._item)
        elif button in SUB_PAGES and self._item is not None:
            self._at, self._page = "sub", pages.sub_page(self.goal.instruction, self._item, button)

    def _buy(self) -> Outcome:
        assert self._item is not None  # the button stands on a product's page only
        found = reward(self._item, price_of(self._item), self._chosen, self.goal)
        self._at, self._page = "done", pages.done_page(self._item.asin, self._chosen, found.total)
        info: dict[str, Any] = {"score": found.total, "success": found.total == 1.0}
        info |= {f"reward_{name}": value for name, value in found._asdict().items() if name != "total"}
        return Outcome(self._text(), found.total, True, info)


@lru_cache(maxsize=32)
def listed(source: Source, kind: str | None, split: str) -> list[Task]:
    """The tasks of one split. The bundled sample has its own even split; the official positions are for official data."""
    catalogue = load(source)
    goals = catalogue.goals[kind or catalogue.default_goals()]
    spans = SPLITS
    if source.kind == "sample":
        third = len(goals) // 3
        spans = {"test": (0, third), "dev": (third, 2 * third), "train": (2 * third, None)}
    first, last = spans[split]
    return [Task(f"webshop/{split}/{first + at}", split, goal) for at, goal in enumerate(goals[first:last])]


_PRICE = re.compile(r",? and price lower than [\d.]+ dollars$")


def words(instruction: str) -> str:
    """An instruction as a search: without its price, brackets and line breaks."""
    return re.sub(r"[\[\]\n]+", " ", _PRICE.sub("", instruction)).strip()


def route(catalogue: Catalogue, product: Product) -> list[str]:
    """A search and the clicks on `next >` that show `product`: its title, shorter and shorter, until it is among the hits."""
    number = catalogue.shelf.number(product.asin)
    title = re.sub(r"[\[\]\n]+", " ", product.name).strip()
    tries = [title, f"{title} {product.bullets[0][:200]}", f"{title} {product.description[:400]}"]
    tries += [" ".join(title.split()[:count]) for count in (12, 8, 5, 3)]
    for query in tries:
        cleaned = re.sub(r"[\[\]\n]+", " ", query).strip().lower()
        hits = catalogue.search(cleaned)
        if number in hits:
            return [f"search[{cleaned}]", *[f"click[{NEXT.lower()}]"] * (hits.index(number) // PAGE)]
    return [f"search[{title.lower()}]"]


def wishes(product: Product, goal: Goal) -> dict[str, str]:
    """For each kind of option of `product` that the goal speaks of, the value to click: the one asked for where the reward
    counts it, else another that the reward counts (upstream's matching knows "fashion" by its "ash").
    """  # noqa: D205
    found: dict[str, str] = {}
    for name, values in product.options.items():
        for option in goal.options:
            if name in found or (isinstance(option, tuple) and option[0] != name):
                continue
            wish = option[1] if isinstance(option, tuple) else option
            counted = [each for each in values if alike(colour(each), wished(option))]
            exact = [wish] if wish in values else []
            if counted or exact:
                found[name] = wish if wish in counted else [*counted, *exact][0]
    return found
