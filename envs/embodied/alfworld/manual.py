"""How to act in ALFWorld, for an agent to read."""

MANUAL = """\
You act in a household through short commands; do what the first observation ends with ("Your task is to: ...").
Commands, one a turn, in small letters, things with their numbers (mug 1, drawer 2):
  look                          where you are
  inventory                     what you carry (one thing at most)
  go to PLACE                   walk to a place; you see what is on it, or in it if it is open
  open PLACE / close PLACE      doors and drawers; what is inside a closed place cannot be seen or taken
  take THING from PLACE         you must be there, with empty hands
  {put}
  clean THING with sinkbasin 1  also bathtubbasin; you must be there, with the thing in hand
  heat THING with microwave 1   likewise; it need not be open
  cool THING with fridge 1      likewise
  use LAMP                      switch on a lamp at the place where you are
  examine PLACE, examine THING  the place where you are, or the thing in hand
A command that is not possible now, or not spelt like this, is answered "Nothing happens." and costs a turn.
To look at a thing in the light of a lamp: take it, go to the lamp, use the lamp.
Clean, hot and cool things must be made so by you.
"""

PUT = "put THING in/on PLACE         also into what is open; `in/on` is written so"
MOVE = "move THING to PLACE           also into what is open"


def manual(*, moves: bool = False) -> str:
    """The manual, with the spelling of the games' grammar: `put X in/on Y`, or upstream's later `move X to Y`."""
    return MANUAL.format(put=MOVE if moves else PUT)
