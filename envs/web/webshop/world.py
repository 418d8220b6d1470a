"""WebShop: find and buy the product that an instruction asks for, in a shop of real (or bundled, invented) products.

Paper: Yao et al., "WebShop: Towards Scalable Real-World Web Interaction with Grounded Language Agents", NeurIPS 2022,
arXiv 2207.01206. Data: github.com/princeton-nlp/WebShop, `setup.sh`. One goal, made up::

    {"asin": "B0EXAMPLE1", "instruction_text": "i need a tall desk lamp in green, and price lower than 40.00 dollars",
     "attributes": ["energy saving"], "goal_options": ["forest green", "tall"], "price_upper": 40.0}
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Unpack, overload

import msgspec

from ....trajectories.errors import UnknownName, UsageError
from ...core import Outcome, Standard, Task, TextEnv, digest
from . import pages
from .catalogue import Catalogue, catalogue
from .goals import Goal, Goals, Kind
from .products import Product
from .reader import read_and_buy
from .reward import reward
from .sample import Choice

SPLITS = {"test": (0, 500), "dev": (500, 1500), "train": (1500, None)}
"""Places in the official order of the goals (baseline_models/env.py)."""

FEWEST = 1_501
"""Goals that leave no split empty."""

TRIES = 2_000
"""Combinations of options that the expert tries where the goal's own words do not earn the whole reward."""

MANUAL = """\
You understand two actions: search[keywords] and click[value], where value is a button, product or option of the page.
You shop for what the instruction asks for. search[...] finds products by keywords; click[...] takes the text of a \
button (such as Back to Search, Next >, < Prev, Description, Features, Reviews), the id of a product on a page of \
results, or the value of an option on a product's page. Choose the options that are asked for, then click[Buy Now]; \
that ends the episode. The score is the share of what was asked for that the bought product has: its kind, its \
attributes, the options you chose, its price."""


@dataclass(frozen=True, slots=True)
class Session:
    """Where the shopper is. Frozen, so that a copy of the world is a copy of the reference."""

    place: Literal["search", "results", "item", "sub", "done"] = "search"
    keywords: str = ""
    hits: tuple[int, ...] = ()
    page: int = 1
    row: int = -1
    sub: str = ""
    options: dict[str, str] = field(default_factory=dict)
    visited: frozenset[str] = frozenset()


class WebShop(TextEnv):
    """The shop. Instances on the same data share its products and index."""

    manual = MANUAL

    def __init__(
        self,
        *,
        goals: Kind | None = None,
        mode: Literal["text", "text_rich"] = "text",
        show_attrs: bool = False,
        notice: bool = True,
        gold: Literal["plan", "read"] = "plan",
        choice: Choice = "some",
        **standard: Unpack[Standard],
    ) -> None:
        """Choose what is asked and how pages are shown.

        Args:
            goals: "human" or "synthetic" goals; None takes human ones where there are enough of them for the three
                splits (upstream's full set), else synthetic ones (its small set has ten human goals).
            mode: Upstream's observation modes: "text", or "text_rich" with a line a node and buttons marked.
            show_attrs: Whether a product's page has the button Attributes (upstream: off).
            notice: Say before the page that an action was not understood; False shows the bare page, as upstream.
            gold: What the expert knows: "plan" which product is meant; "read" only the pages it has read, so that its actions
                can be learned from text, and score below 1 now and then (synthetic goals only).
            choice: Of the bundled shop: its products come in "some" of their kind's options, or, an easier shop, in the "full"
                choice.
            **standard: What every world takes.

        Raises:
            UnknownName: no such kind of goals, mode, gold or choice.
            UsageError: gold="read" without goals="synthetic", whose instructions name their options.
        """
        super().__init__(**standard)
        if goals not in (None, "human", "synthetic"):
            raise UnknownName("kind of goals", str(goals), ("human", "synthetic"))
        if mode not in ("text", "text_rich"):
            raise UnknownName("mode", mode, ("text", "text_rich"))
        if gold not in ("plan", "read"):
            raise UnknownName("gold of webshop", gold, ("plan", "read"))
        if choice not in ("some", "full"):
            raise UnknownName("choice in the bundled shop", choice, ("some", "full"))
        if choice != "some" and self.source.kind != "sample":
            raise UsageError(
                f"choice={choice!r} is of the bundled shop, not of {self.source}; give data='sample' with it"
            )
        if gold == "read" and goals != "synthetic":
            raise UsageError("gold='read' needs goals='synthetic', whose instructions name their options word by word")
        self.mode, self.show_attrs, self.notice, self.gold, self.choice = mode, show_attrs, notice, gold, choice
        self._kind = goals
        self._shop: Catalogue | None = None
        self._session = Session()
        self._page: pages.Page = []

    @property
    def shop(self) -> Catalogue:
        """Products, index and goals; loaded when first asked for."""
        if self._shop is None:
            self._shop = catalogue(self.source.path, self.choice)
        return self._shop

    @property
    def kind(self) -> Kind:
        """Which goals are asked."""
        if self._kind is None:
            human = len(self.shop.goals("human"))
            self._kind = "human" if human >= FEWEST or not len(self.shop.goals("synthetic")) else "synthetic"
        return self._kind

    def tasks(self) -> Sequence[Task]:
        """The goals of the split; the number in an id is the goal's place in the official order."""
        return Tasks(self.shop.goals(self.kind), self.split)

    def find(self, task_id: str) -> Task:
        """The task of that id, without listing all: the full set has millions of synthetic goals."""
        found = self.tasks()
        name = task_id.rpartition("/")[2]
        at = int(name) - SPLITS[self.split][0] if name.isascii() and name.isdigit() else -1
        if 0 <= at < len(found) and found[at].id == task_id:
            return found[at]
        nearest = (found[each].id for each in range(min(len(found), 100)))
        raise UnknownName(f"task of {self.about.id} ({self.split})", task_id, nearest)

    def start(self, task: Task) -> str:
        """The search page with the instruction."""
        return self._show(Session())

    def respond(self, action: str) -> Outcome:
        """Search or click, as upstream's text world does; what it does not understand leaves the page."""
        verb, argument = parse(action)
        if verb == "search" and argument:
            # Upstream takes a search on any page.
            return self._outcome(self._searched(argument))
        if verb == "click" and argument != "search":
            target = pages.clickables(self._page).get(argument)
            if target is not None:
                return self._clicked(argument, target)
        shown = self._text()
        return Outcome(f"{self.hint()} [SEP] {shown}" if self.notice else shown, info=self._state() | {"valid": False})

    def actions(self) -> Sequence[str] | None:
        """What can be clicked now; on the first page any search can be made, and the instruction's own words stand for it."""
        if self._session.place == "search":
            return [f"search[{searchable(self._goal.instruction_text.partition(', and price lower')[0])}]"]
        return [f"click[{each}]" for each in pages.clickables(self._page)]

    def expert(self, task: Task) -> Sequence[str] | None:
        """Search for the goal's product, page to it, choose its options, buy.

        None where no search finds the product, or no choice of its options earns the whole reward: upstream's rules
        for comparing options leave some synthetic goals out of reach. With gold="read": None where reading on from
        result to result takes longer than an episode.
        """
        goal: Goal = task.data
        if self.gold == "read":
            read = read_and_buy(goal, self.fork()._see)
            return read if len(read) <= self.max_steps else None
        chosen = self._best_options(goal)
        if chosen is None:
            return None
        for query in (goal.name, f"{goal.name} {goal.query}", self.shop.products[goal.row].contents, goal.query):
            words = searchable(query.lower())
            hits = self.shop.search(words) if words else []
            if goal.row in hits:
                pages_on = hits.index(goal.row) // pages.WINDOW
                turns = [f"search[{words}]", *["click[next >]"] * pages_on, f"click[{goal.asin.lower()}]"]
                return [*turns, *(f"click[{value}]" for value in chosen), "click[buy now]"]
        return None

    def fork(self) -> WebShop:
        """A second world in the present state, in microseconds: all that an episode changes is copied."""
        twin = copy.copy(self)
        twin.history, twin._info, twin.rng = [*self.history], dict(self._info), copy.deepcopy(self.rng)
        twin._np_random = copy.deepcopy(self._np_random)
        return twin

    # --- the shop's steps -----------------------------------------------------------------------------------------

    def _searched(self, keywords: str) -> Session:
        return Session("results", keywords, tuple(self.shop.search(keywords)), visited=self._session.visited)

    def _clicked(self, argument: str, target: pages.Node) -> Outcome:
        """Upstream's order of cases (SimServer.receive): the named buttons first, whatever was clicked under the name."""
        now = self._session
        name = next((each for each in pages.SUB_PAGES if each.lower() == argument), "")
        if argument == pages.BUY.lower():
            return self._bought()
        if argument == pages.BACK.lower():
            return self._outcome(Session())
        if now.place == "results" and argument in (pages.NEXT.lower(), pages.PREVIOUS.lower()):
            return self._outcome(replace(now, page=now.page + (1 if argument == pages.NEXT.lower() else -1)))
        if argument == pages.PREVIOUS.lower():
            if now.place == "sub":
                return self._outcome(replace(now, place="item", sub=""))
            return self._outcome(replace(now, place="results", row=-1, options={}))
        if name:
            return self._outcome(replace(now, place="sub", sub=name))
        if target.kind == "link":
            row = next(each for each in now.hits if self._product(each).asin.lower() == argument)
            visited = now.visited | {self._product(row).asin}
            return self._outcome(replace(now, place="item", row=row, visited=visited))
        return self._outcome(replace(now, options=now.options | {target.group.lower(): argument}))

    def _bought(self) -> Outcome:
        now = self._session
        total = self._reward(now.options)
        self._session = replace(now, place="done")
        self._page = pages.done_page(self._product(now.row).asin, now.options, total)
        info = self._state() | {"score": total, "success": total == 1.0, "progress": total}
        return Outcome(self._text(), reward=total, done=True, info=info)

    def _reward(self, options: dict[str, str]) -> float:
        row = self._session.row
        return reward(self._product(row), self._goal, float(self.shop.prices[row]), options).total

    def _state(self) -> dict[str, Any]:
        """What info says: the page's name, and what buying now would bring."""
        now = self._session
        progress = self._reward(now.options) if now.place in ("item", "sub") else 0.0
        return {"page": now.place, "progress": progress}

    def _see(self, action: str) -> pages.Page:
        self.respond(action)
        return self._page

    def _outcome(self, session: Session) -> Outcome:
        shown = self._show(session)
        return Outcome(shown, info=self._state())

    def _show(self, session: Session) -> str:
        self._session = session
        self._page = self._drawn()
        return self._text()

    def _text(self) -> str:
        return pages.plain(self._page) if self.mode == "text" else pages.rich(self._page)

    def _drawn(self) -> pages.Page:
        now, text = self._session, self._goal.instruction_text
        if now.place == "results":
            shown = [self._product(row) for row in now.hits[(now.page - 1) * pages.WINDOW : now.page * pages.WINDOW]]
            return pages.results_page(text, shown, now.page, len(now.hits), now.visited)
        if now.place == "search":
            return pages.search_page(text)
        product = self._product(now.row)
        if now.place == "sub":
            return pages.sub_page(text, product, now.sub)
        keywords = now.keywords.replace(" ", "+")
        url = f"{product.asin}/{keywords}/{now.page}/{json.dumps(now.options)}"
        return pages.item_page(text, product, url, self.show_attrs)

    def _product(self, row: int) -> Product:
        return self.shop.products[row]

    @property
    def _goal(self) -> Goal:
        assert self.task is not None
        goal: Goal = self.task.data
        return goal

    def _best_options(self, goal: Goal) -> list[str] | None:
        """Values of the goal's product that earn the whole reward: the goal's own words, else any combination."""
        product, price = self.shop.products[goal.row], float(self.shop.prices[goal.row])
        # A value that stands under two names clicks the last.
        owner = {value: name for name, values in product.options.items() for value in values}
        asked = goal.goal_options.values() if isinstance(goal.goal_options, dict) else goal.goal_options
        named = {owner[value]: value for value in asked if value in owner}
        choices = [
            [None, *(each for each in dict.fromkeys(values) if owner[each] == name)]
            for name, values in product.options.items()
        ]
        every = (
            {name: value for name, value in zip(product.options, combination, strict=True) if value is not None}
            for combination in itertools.islice(itertools.product(*choices), TRIES)
        )
        for chosen in itertools.chain([named], every):
            if reward(product, goal, price, chosen).total == 1.0:
                return list(chosen.values())
        return None


class Tasks(Sequence[Task]):
    """A split's tasks, made when asked for."""

    def __init__(self, goals: Goals, split: str) -> None:
        """Which goals; the split says which places."""
        first, last = SPLITS[split]
        self._goals, self._split = goals, split
        self._places = range(len(goals))[first:last]

    def __len__(self) -> int:
        """How many."""
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Task: ...
    @overload
    def __getitem__(self, at: slice) -> list[Task]: ...
    def __getitem__(self, at: int | slice) -> Task | list[Task]:
        """The task at this place of the split."""
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        place = self._places[at]
        goal = self._goals[place]
        content = {name: value for name, value in msgspec.structs.asdict(goal).items() if name != "row"}
        return Task(f"webshop/{self._split}/{place}", self._split, goal, digest(content))


def searchable(text: str) -> str:
    """A text as keywords: on one line, without the brackets that would end them."""
    return " ".join(text.replace("[", " ").replace("]", " ").split())


class Parsed(NamedTuple):
    """A verb and its argument in lower case; no argument where the text has not the form."""

    verb: str
    argument: str


def parse(action: str) -> Parsed:
    """``verb[argument]`` by upstream's pattern ``(.+)\\[(.+)\\]``, matched in linear time; outer space is dropped."""
    line = action.strip().split("\n", 1)[0]
    close = line.rfind("]")
    start = line.rfind("[", 1, max(close - 1, 0))
    if start < 0:
        return Parsed(line, "")
    return Parsed(line[:start], line[start + 1 : close].lower())
