"""Gold actions: a plan made from the true state, for goals in ALFRED's vocabulary (place, clean, heat, cool, light)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

from .game import Game
from .goal import Fact
from .relations import State

TRIED = 48
"""Ways to fulfil a goal that are planned through; the shortest plan is taken."""

_MAKES = {"isclean": "cleanobject", "ishot": "heatobject", "iscool": "coolobject"}
_STAGE = {"isclean": 0, "ishot": 0, "iscool": 0, "inreceptacle": 1, "holds": 2, "istoggled": 3, "atlocation": 4}


class DeadEnd(Exception):
    """This way to the goal cannot be gone."""


def plan(game: Game) -> list[str] | None:
    """Commands that win `game` from its start; None where no way was found."""
    best: list[str] | None = None
    for way in islice(_ways(game), TRIED):
        attempt = _Attempt(game)
        try:
            for fact in sorted(way, key=lambda each: _STAGE.get(each[0], 9)):
                attempt.achieve(fact)
        except DeadEnd:
            continue
        if game.won(attempt.state) and (best is None or len(attempt.commands) < len(best)):
            best = attempt.commands
    return best


def _ways(game: Game) -> Iterator[list[Fact]]:
    """Ways to fulfil all parts together, those first of which most holds already and which need no doors opened."""
    start = game.start

    def cost(way: tuple[Fact, ...]) -> tuple[int, int]:
        missing = [fact for fact in way if fact[1] not in start[fact[0]].rows]
        doors = [row for name, row in missing if name == "inreceptacle" and row[1:] in start["openable"].rows]
        return len(missing), len(doors)

    ordered = [sorted(part.ways, key=cost) for part in game.goal.parts]
    for combination in product(*ordered):
        yield [fact for way in combination for fact in way]


class _Attempt:
    """A walk from the start, one fact of the goal after the other."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.state: State = game.start
        self.commands: list[str] = []

    def achieve(self, fact: Fact) -> None:
        name, row = fact
        if row in self.state[name].rows:
            return
        if name in _MAKES:
            self.fetch(row[0])
            self.process(_MAKES[name], row[0])
        elif name == "inreceptacle":
            self.fetch(row[0])
            self.visit(row[1])
            self.do("putobject", o=row[0], r=row[1])
        elif name == "holds":
            self.fetch(row[1])
        elif name == "istoggled":
            self.visit(self.place_of(row[0]))
            self.do("toggleobject", o=row[0])
        elif name == "atlocation":
            self.visit(self.index("receptacleatlocation", 1, row[1])[0])
        else:
            raise DeadEnd

    def fetch(self, thing: str) -> None:
        """Go and take a thing."""
        if any(thing in row for row in self.state["holds"].rows):
            return
        place = self.place_of(thing)
        self.visit(place)
        self.do("pickupobject", o=thing, r=place)

    def process(self, action: str, thing: str) -> None:
        """Clean, heat or cool the thing in hand at the first place where that can be done."""
        act = next(each for each in self.game.acts if each.name == action)
        for (place,) in sorted(self._appliances(action)):
            self.visit(place, enter=False)
            if act.solve(self.game, self.state):
                self.do(action, o=thing, r=place)
                return
        raise DeadEnd

    def _appliances(self, action: str) -> set[tuple[str]]:
        kinds = {"cleanobject": "basin", "heatobject": "microwave", "coolobject": "fridge"}
        rows = self.state["receptacletype"].rows
        return {(row[0],) for row in rows if kinds[action] in row[1]}

    def visit(self, place: str, *, enter: bool = True) -> None:
        """Go to a place and, to `enter` it, open it if it is shut."""
        here = self.index("receptacleatlocation", 0, place, column=1)
        if not any((agent, spot) in self.state["atlocation"].rows for agent in self.agents() for spot in here):
            self.do("gotolocation", r=place)
        if enter and (place,) in self.state["openable"].rows and (place,) not in self.state["opened"].rows:
            self.do("openobject", r=place)

    def agents(self) -> list[str]:
        return [row[0] for row in self.state["atlocation"].rows]

    def place_of(self, thing: str) -> str:
        return self.index("inreceptacle", 0, thing, column=1)[0]

    def index(self, name: str, at: int, value: str, column: int = 0) -> list[str]:
        rows = self.state[name].index((at,)).get(value)
        if not rows:
            raise DeadEnd
        return [row[column] for row in rows]

    def do(self, action: str, **params: str) -> None:
        """Do an action with these parameters, whatever the others are."""
        act = next(each for each in self.game.acts if each.name == action)
        for command, (_, row) in self.game.options(self.state, act):
            values = dict(zip((name for name, _ in act.params), row, strict=True))
            if params.items() <= values.items():
                self.state = act.apply(self.game, self.state, row)
                self.commands.append(command)
                return
        raise DeadEnd
