"""Mixtures of rows: AgentBank's shares and AgentTuning's alpha, by rows, tokens or loss tokens, all three reported."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from ..trajectories.errors import UnknownName, UsageError

AGENTBANK_SHARES = (0.8, 0.1, 0.1)
"""Agent trajectories, general chat, code: what reports of AgentBank's training give (the unit is not known)."""
AGENT_TUNING_ALPHA = 0.2
"""AgentTuning's probability of drawing an agent trajectory instead of a general conversation (Zeng et al. 2023)."""

Unit = Literal["rows", "tokens", "loss"]
Pick = Literal["share", "draw"]
Ends = Literal["stop", "cycle", "proportional"]


class Countable(Protocol):
    """What a mixture asks of a row: whose it is, and how long."""

    @property
    def world(self) -> str:
        """Its world (or file)."""
        ...

    @property
    def skill(self) -> str:
        """Its skill, or nothing."""
        ...

    @property
    def tokens(self) -> int:
        """All its tokens."""
        ...

    @property
    def loss_tokens(self) -> int:
        """Its learned tokens."""
        ...


R = TypeVar("R", bound=Countable)


@dataclass(frozen=True)
class Recipe:
    """How parts are mixed.

    `by`: what weights are shares of: rows, tokens, or loss tokens.
    `pick`: "share" keeps the shares exact, always taking from the part that is furthest behind (AgentBank's 80:10:10);
        "draw" draws the part by chance each time (AgentTuning's alpha).
    `ends`: what happens when a part runs out. "stop" ends the mixture there, so the shares hold to its end; "cycle"
    shuffles the
        part anew and goes on for ever (take as many rows as you want); "proportional" goes on without it, so every
        row comes exactly once and the others keep their proportions.
    `worlds`, `skills`: weights inside each part, as factors of a world's own size; 0 leaves it out.
    `temperature`: a world's size counts as size ** (1 / temperature): 1 as it is, large makes worlds equal.
    `cap`: most rows of one world in one part (a seeded choice).
    `seed`: fixes the order, on every machine.
    """

    by: Unit = "rows"
    pick: Pick = "share"
    ends: Ends = "stop"
    worlds: Mapping[str, float] = field(default_factory=dict)
    skills: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    cap: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            UnknownName: `by`, `pick` or `ends` is none of its names.
            UsageError: a negative weight, a temperature or cap that is not positive.
        """
        for kind, value, names in (
            ("mixture unit", self.by, ("rows", "tokens", "loss")),
            ("way to pick", self.pick, ("share", "draw")),
            ("rule for what runs out", self.ends, ("stop", "cycle", "proportional")),
        ):
            if value not in names:
                raise UnknownName(kind, value, names)
        if self.temperature <= 0 or (self.cap is not None and self.cap < 1):
            raise UsageError(f"temperature ({self.temperature}) and cap ({self.cap}) must be positive")
        for name, weight in {**self.worlds, **self.skills}.items():
            if weight < 0:
                raise UsageError(f"the weight of {name!r} is {weight}; weights are 0 or more")


class Drawn(NamedTuple, Generic[R]):
    """One row of the stream, and the part that it came from."""

    part: str
    row: R


class Tally:
    """What was drawn, per part: rows, tokens and loss tokens; and per world of each part."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """Start at nothing."""
        self.weights = dict(weights)
        self.parts: dict[str, Counter[str]] = {name: Counter() for name in weights}
        self.worlds: dict[tuple[str, str], Counter[str]] = {}

    def add(self, part: str, row: Countable) -> None:
        """Count one row."""
        sizes = {"rows": 1, "tokens": row.tokens, "loss": row.loss_tokens}
        self.parts[part].update(sizes)
        self.worlds.setdefault((part, row.world), Counter()).update(sizes)

    def shares(self, unit: Unit) -> dict[str, float]:
        """Each part's share of the whole in one unit, 0..1."""
        total = sum(counts[unit] for counts in self.parts.values())
        return {name: counts[unit] / total if total else 0.0 for name, counts in self.parts.items()}

    def __str__(self) -> str:
        """A table: each part's weight, and its count and share in all three units; its worlds below it."""
        width = max([len(name) for name in self.parts] + [len(world) + 2 for _, world in self.worlds] + [6])
        lines = [f"{'part':{width}}  weight          rows                tokens           loss tokens"]
        whole = sum(self.parts.values(), Counter[str]())
        total_weight = sum(self.weights.values())

        def line(name: str, counts: Counter[str], weight: str) -> str:
            cells = [
                f"{counts[unit]:>12,} {counts[unit] / max(1, whole[unit]):7.1%}" for unit in ("rows", "tokens", "loss")
            ]
            return f"{name:{width}} {weight:>7} {' '.join(cells)}"

        for part, counts in self.parts.items():
            lines.append(line(part, counts, f"{self.weights[part] / total_weight:.1%}"))
            inside = {world: each for (owner, world), each in self.worlds.items() if owner == part}
            if len(inside) > 1:
                lines += [line(f"  {world}", each, "") for world, each in sorted(inside.items())]
        return "\n".join([*lines, line("all", whole, "100.0%")])


class Mixture(Generic[R]):
    """Parts of rows, mixed by a recipe into one stream: the same recipe and parts give the same stream, everywhere."""

    def __init__(self, parts: Mapping[str, tuple[float, Sequence[R]]], recipe: Recipe | None = None) -> None:
        """Take parts by name, each a weight and its rows.

        Raises:
            UsageError: no part, a part without rows (or all of its worlds weigh 0), a weight that is not positive.
        """
        self.recipe = Recipe() if recipe is None else recipe
        if not parts:
            raise UsageError("a mixture needs at least one part")
        for name, (weight, rows) in parts.items():
            if not len(rows):
                raise UsageError(f"part {name!r} holds no row to train on; leave it out or look at its ledger")
            if not 0 < weight < float("inf"):
                raise UsageError(f"the weight of part {name!r} is {weight}; it must be positive")
        self._parts = dict(parts)

    def __iter__(self) -> Iterator[Drawn[R]]:
        """The stream from its beginning."""
        return self.stream()

    def stream(self, skip: int = 0, tally: Tally | None = None) -> Iterator[Drawn[R]]:
        """The stream, its first `skip` rows left out (to resume); what is given out is counted in `tally`."""
        for drawn in islice(self._draw(), skip, None):
            if tally is not None:
                tally.add(drawn.part, drawn.row)
            yield drawn

    def tally(self, limit: int | None = None) -> Tally:
        """What the first `limit` rows of the stream would be (None: all of them).

        Raises:
            UsageError: no limit, though the recipe cycles for ever.
        """
        if limit is None and self.recipe.ends == "cycle":
            raise UsageError("a mixture that cycles has no end; say how many rows")
        tally = Tally({name: weight for name, (weight, _) in self._parts.items()})
        for drawn in islice(self._draw(), limit):
            tally.add(drawn.part, drawn.row)
        return tally

    def _draw(self) -> Iterator[Drawn[R]]:
        recipe = self.recipe
        chance = np.random.default_rng([recipe.seed, 1])
        shelves = {name: _Shelf(name, rows, recipe, chance) for name, (_, rows) in self._parts.items()}
        weights = {name: weight for name, (weight, _) in self._parts.items()}
        chooser = _Chooser(weights, {name: shelf.mean for name, shelf in shelves.items()}, recipe, chance)
        while chooser.alive:
            part = chooser.choose()
            row = shelves[part].take()
            if row is not None:
                chooser.spend(part, _size(row, recipe.by))
                yield Drawn(part, row)
            elif recipe.ends == "stop":
                return
            else:
                chooser.drop(part)


class _Chooser:
    """Which of several comes next: the furthest behind its share, or one drawn by chance."""

    def __init__(
        self, weights: Mapping[str, float], means: Mapping[str, float], recipe: Recipe, chance: np.random.Generator
    ) -> None:
        self.alive = {name: weight for name, weight in weights.items() if weight > 0}
        self._means, self._pick, self._chance = means, recipe.pick, chance
        self._spent = dict.fromkeys(weights, 0.0)

    def choose(self) -> str:
        if self._pick == "share":
            whole = sum(self.alive.values())
            spent = 1 + sum(self._spent[name] for name in self.alive)
            return max(self.alive, key=lambda name: spent * self.alive[name] / whole - self._spent[name])
        # Drawn by row, so a part of long rows is drawn less often where shares are of tokens.
        odds = np.array([weight / self._means[name] for name, weight in self.alive.items()])
        return list(self.alive)[int(self._chance.choice(len(odds), p=odds / odds.sum()))]

    def spend(self, name: str, amount: float) -> None:
        self._spent[name] += amount

    def drop(self, name: str) -> None:
        del self.alive[name]


class _Shelf(Generic[R]):
    """One part: its worlds, each a shuffled deck; without weights inside, one deck of all."""

    def __init__(self, name: str, rows: Sequence[R], recipe: Recipe, chance: np.random.Generator) -> None:
        self._recipe = recipe
        inside = bool(recipe.worlds or recipe.skills or recipe.temperature != 1)
        groups: dict[str, list[R]] = {}
        for row in rows:
            groups.setdefault(row.world, []).append(row)
        if recipe.cap is not None:
            groups = {world: _some(each, recipe.cap, recipe.seed, name, world) for world, each in groups.items()}
        if not inside:
            groups = {"": [row for each in groups.values() for row in each]}
        sizes = {world: float(sum(_size(row, recipe.by) for row in each)) for world, each in groups.items()}
        if not all(sizes.values()):
            raise UsageError(f"part {name!r}: its rows have no {recipe.by} to share by; leave them out")
        weights = {
            world: sizes[world] ** (1 / recipe.temperature)
            * recipe.worlds.get(world, 1.0)
            * recipe.skills.get(groups[world][0].skill, 1.0)
            for world in groups
        }
        if not any(weights.values()):
            raise UsageError(f"part {name!r}: the recipe's weights leave out every world of it")
        means = {world: sizes[world] / len(groups[world]) for world in groups}
        kept = {world: each for world, each in groups.items() if weights[world] > 0}
        self.mean = sum(sizes[world] for world in kept) / sum(map(len, kept.values()))
        self._chooser = _Chooser(weights, means, recipe, chance)
        self._decks = {world: _Deck(f"{name}\0{world}", each, recipe) for world, each in kept.items()}

    def take(self) -> R | None:
        """The next row; None where this part has run out."""
        while self._chooser.alive:
            world = self._chooser.choose()
            row = self._decks[world].take()
            if row is not None:
                self._chooser.spend(world, _size(row, self._recipe.by))
                return row
            if self._recipe.ends == "stop":
                return None
            self._chooser.drop(world)
        return None


class _Deck(Generic[R]):
    """Rows in a seeded order, each once an epoch; cycling shuffles anew."""

    def __init__(self, name: str, rows: Sequence[R], recipe: Recipe) -> None:
        self._rows, self._recipe, self._key = rows, recipe, zlib.crc32(name.encode())
        self._epoch, self._at = 0, 0
        self._order = self._shuffled()

    def _shuffled(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        draw = np.random.default_rng([self._recipe.seed, self._key, self._epoch])
        return draw.permutation(len(self._rows))

    def take(self) -> R | None:
        if self._at == len(self._order):
            if self._recipe.ends != "cycle":
                return None
            self._epoch, self._at = self._epoch + 1, 0
            self._order = self._shuffled()
        self._at += 1
        return self._rows[int(self._order[self._at - 1])]


def _size(row: Countable, unit: Unit) -> int:
    return 1 if unit == "rows" else row.tokens if unit == "tokens" else row.loss_tokens


def _some(rows: list[R], most: int, seed: int, part: str, world: str) -> list[R]:
    if len(rows) <= most:
        return rows
    draw = np.random.default_rng([seed, zlib.crc32(f"cap\0{part}\0{world}".encode())])
    return [rows[index] for index in sorted(draw.choice(len(rows), size=most, replace=False).tolist())]
