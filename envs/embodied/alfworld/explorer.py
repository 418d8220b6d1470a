"""Gold actions of one who does not know the room: search the places in the order they were named, do what the task says.

Each action follows from what has been read so far, so it can be learned from the text alone; the plan of `planner`, made from
the true state, walks straight to things that nobody has seen yet.
"""

from __future__ import annotations

import re

from .engine import NOTHING
from .engine_native import NativeEngine
from .game import Game
from .wording import Wish, asked

_THING = re.compile(r"\b([a-z]+) (\d+)\b")
_DOES = {
    "pick_clean_then_place_in_recep": ("clean", ("sinkbasin", "bathtubbasin")),
    "pick_heat_then_place_in_recep": ("heat", ("microwave",)),
    "pick_cool_then_place_in_recep": ("cool", ("fridge",)),
}
LONGEST = 200
"""Actions after which a walk that has not won is given up."""


class Lost(Exception):
    """Every place has been searched, and what is wanted was nowhere."""


def explore(game: Game) -> list[str] | None:
    """Commands that win a generated game from its start by search; None where its task is not in our words, or it was not won."""
    walk = _Walk(game)
    if walk.wish is None:
        return None
    try:
        walk.fulfil(walk.wish)
    except Lost:
        return None
    return walk.commands if walk.won else None


class _Walk:
    """A walk that reads: which places there are, what was seen where."""

    def __init__(self, game: Game) -> None:
        self.engine = NativeEngine(game)
        intro = self.engine.start()
        room, _, task = intro.partition("Your task is to:")
        self.wish = asked(task.strip().rstrip("."))
        self.places = [" ".join(each) for each in _THING.findall(room)]
        self.unseen = list(self.places)
        self.seen: dict[str, str] = {}
        """Where each thing was last seen; in the order of seeing."""
        self.here = ""
        self.shut: set[str] = set()
        self.commands: list[str] = []
        self.won = False

    def fulfil(self, wish: Wish) -> None:
        """All that the task asks, one thing after the other."""
        if wish.type == "look_at_obj_in_light":
            self.take(wish.thing, but="")
            lamp = self.find(wish.place, but="")
            self.go(self.seen[lamp])
            self.do(f"use {lamp}")
            return
        for _ in range(2 if wish.type == "pick_two_obj_and_place" else 1):
            thing = self.take(wish.thing, but=wish.place)
            if wish.type in _DOES:
                verb, kinds = _DOES[wish.type]
                tool = self.first(*kinds)
                self.go(tool)
                self.do(f"{verb} {thing} with {tool}")
            target = self.first(wish.place)
            self.go(target)
            self.open()
            self.do(f"put {thing} in/on {target}")
            del self.seen[thing]

    def take(self, kind: str, but: str) -> str:
        """Take the first thing of that kind that is seen."""
        thing = self.find(kind, but)
        place = self.seen[thing]
        self.go(place)
        self.do(f"take {thing} from {place}")
        return thing

    def find(self, kind: str, but: str) -> str:
        """A thing of that kind that was seen, or that is seen at the next places; those of the kind `but` are left out."""
        while True:
            for thing in self.seen:
                if thing.split()[0] == kind:
                    return thing
            place = next((each for each in self.unseen if each.split()[0] != but), None)
            if place is None:
                raise Lost
            self.go(place)
            self.open()

    def first(self, *kinds: str) -> str:
        """The first place of one of these kinds."""
        for place in self.places:
            if place.split()[0] in kinds:
                return place
        raise Lost

    def go(self, place: str) -> None:
        """Go there, unless here; what is seen is remembered.

        Nothing happens where two places share a spot: what is there is in reach, but it is shown only to one who comes from
        elsewhere, so the search takes a step away and back.
        """
        if place == self.here:
            return
        text = self.do(f"go to {place}")
        if text == NOTHING and place in self.unseen:
            away = (each for each in self.places if each not in (self.here, place))
            if all(self.do(f"go to {each}") == NOTHING for each in away):
                raise Lost
            text = self.do(f"go to {place}")
        if text != NOTHING:
            self.here = place
            self._look(text)

    def open(self) -> None:
        """Open the place here, if it is shut."""
        if self.here in self.shut:
            text = self.do(f"open {self.here}")
            self.shut.discard(self.here)
            self._look(text)

    def do(self, command: str) -> str:
        """Carry out one command."""
        if len(self.commands) >= LONGEST:
            raise Lost
        answer = self.engine.step(command)
        self.commands.append(command)
        self.won = answer.won
        return answer.text

    def _look(self, text: str) -> None:
        """Read what an arrival or an opening shows; two places can be at one spot, and only this one is read."""
        if self.here in self.unseen:
            self.unseen.remove(self.here)
        for sentence in text.split(". "):
            if sentence.rstrip(".").endswith("is closed") and self.here in sentence:
                self.shut.add(self.here)
            before, sees, things = sentence.partition("you see ")
            if sees and (self.here in before or before.startswith("In it")):
                for found in _THING.findall(things):
                    self.seen.setdefault(" ".join(found), self.here)
