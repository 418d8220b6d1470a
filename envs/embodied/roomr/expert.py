"""The expert of RoomR: look everywhere, say done, look everywhere again and mend on the way what differs."""

from __future__ import annotations

from .room import Room
from .state import energies, shuffled


def plan(room: Room) -> list[str]:
    """Actions from the start of the walkthrough to the last `done`.

    The plan knows nothing that a walker with a perfect memory would not: a thing is mended when the second tour comes
    upon it, and the tour ends when nothing is left that could differ.
    """
    tour = [f"go to {place}" for place in room.places]
    wrong = [energy > 0 for energy in energies(room, shuffled(room))]
    things, hinges = wrong[: len(room.things)], wrong[len(room.things) :]
    mended: list[str] = []
    left = sum(wrong)
    for place in room.places:
        if not left:
            break
        steps: list[str] = []
        here = place
        for i, spot in enumerate(room.start_spots):
            if things[i] and spot[0] == place:
                goal, number = room.goal_spots[i]
                back = [] if place == goal else [f"go to {goal}"]
                again = [] if here == place else [f"go to {place}"]
                steps += [*again, f"take {room.things[i]}", *back, f"put {room.things[i]} on {goal} at spot {number}"]
                here = goal
                left -= 1
        if place in room.hinges and hinges[room.hinges.index(place)]:
            share = room.hinge_goals[room.hinges.index(place)]
            steps.append(f"open {place} to {round(share * 100)}%")
            left -= 1
        mended += [f"go to {place}", *steps]
    return [*tour, "done", *mended, "done"]
