"""The furniture and the things of generated households: what stands in which room, and what lies where."""

from __future__ import annotations

from typing import NamedTuple

OPENABLE = frozenset({"Cabinet", "Drawer", "Fridge", "Microwave", "Safe"})

Furniture = dict[str, tuple[int, int]]
"""How many of each receptacle a room may have, at least and at most."""


class Room(NamedTuple):
    """A kind of room: its furniture in full size, and in small."""

    full: Furniture
    small: Furniture


ROOMS: dict[str, Room] = {
    "kitchen": Room(
        {
            "Cabinet": (3, 12), "CoffeeMachine": (1, 1), "CounterTop": (1, 3), "DiningTable": (0, 2), "Drawer": (2, 9),
            "Fridge": (1, 1), "GarbageCan": (1, 1), "Microwave": (1, 1), "Shelf": (0, 3), "SinkBasin": (1, 1),
            "StoveBurner": (2, 4), "Toaster": (1, 1),
        },
        {
            "Cabinet": (0, 2), "CounterTop": (1, 2), "DiningTable": (0, 1), "Drawer": (0, 2), "Fridge": (1, 1),
            "Microwave": (1, 1), "Shelf": (0, 1), "SinkBasin": (1, 1),
        },
    ),
    "bedroom": Room(
        {
            "ArmChair": (0, 1), "Bed": (1, 2), "Cabinet": (0, 2), "Desk": (1, 2), "Drawer": (2, 8), "Dresser": (0, 1),
            "GarbageCan": (1, 1), "LaundryHamper": (0, 1), "Safe": (0, 1), "Shelf": (1, 6), "SideTable": (1, 2),
        },
        {"Bed": (1, 1), "Desk": (1, 2), "Drawer": (0, 3), "Safe": (0, 1), "Shelf": (0, 2), "SideTable": (0, 1)},
    ),
    "livingroom": Room(
        {
            "ArmChair": (1, 3), "Cabinet": (0, 4), "CoffeeTable": (1, 2), "DiningTable": (0, 1), "Drawer": (1, 6),
            "Dresser": (0, 1), "GarbageCan": (1, 1), "Safe": (0, 1), "Shelf": (0, 4), "SideTable": (1, 3),
            "Sofa": (1, 2),
        },
        {
            "ArmChair": (0, 2), "CoffeeTable": (1, 1), "Drawer": (0, 2), "Shelf": (0, 2), "SideTable": (1, 2),
            "Sofa": (1, 1),
        },
    ),
    "bathroom": Room(
        {
            "BathtubBasin": (0, 1), "Cabinet": (1, 6), "CounterTop": (1, 2), "Drawer": (0, 4), "GarbageCan": (1, 1),
            "HandTowelHolder": (1, 2), "Shelf": (0, 3), "SideTable": (0, 1), "SinkBasin": (1, 2), "Toilet": (1, 1),
            "ToiletPaperHanger": (1, 1), "TowelHolder": (1, 2),
        },
        {
            "Cabinet": (0, 2), "CounterTop": (1, 1), "Drawer": (0, 2), "GarbageCan": (0, 1), "Shelf": (0, 2),
            "SinkBasin": (1, 1), "Toilet": (1, 1),
        },
    ),
}  # fmt: skip


class Thing(NamedTuple):
    """A kind of object: the rooms it is found in, the receptacles that take it, and what may be done to it."""

    rooms: str
    places: str
    may: str = ""
    """Letters: c it can be cleaned, h heated, k cooled."""


_TABLES = "Desk SideTable CoffeeTable DiningTable Dresser Shelf"
_FOOD = "CounterTop DiningTable Fridge GarbageCan Microwave SinkBasin"
_WARE = "Cabinet CounterTop DiningTable Shelf SinkBasin"
_SMALL = f"{_TABLES} Drawer Safe ArmChair Sofa Bed"
_BATH = "BathtubBasin Cabinet CounterTop Drawer GarbageCan Shelf SideTable SinkBasin Toilet"

THINGS: dict[str, Thing] = {
    "Apple": Thing("kitchen", _FOOD, "chk"),
    "Bread": Thing("kitchen", "CounterTop DiningTable Fridge GarbageCan Microwave", "hk"),
    "Egg": Thing("kitchen", _FOOD, "chk"),
    "Lettuce": Thing("kitchen", "CounterTop DiningTable Fridge GarbageCan SinkBasin", "ck"),
    "Potato": Thing("kitchen", _FOOD, "chk"),
    "Tomato": Thing("kitchen", _FOOD, "chk"),
    "Cup": Thing("kitchen", f"{_WARE} Fridge Microwave", "chk"),
    "Mug": Thing("kitchen bedroom", f"{_WARE} CoffeeMachine Fridge Microwave Desk SideTable", "chk"),
    "Plate": Thing("kitchen livingroom", f"{_WARE} Fridge Microwave CoffeeTable", "chk"),
    "Bowl": Thing("kitchen bedroom livingroom", f"{_WARE} Fridge Microwave Desk SideTable CoffeeTable", "ck"),
    "Pan": Thing("kitchen", f"{_WARE} StoveBurner Fridge", "ck"),
    "Pot": Thing("kitchen", f"{_WARE} StoveBurner Fridge", "ck"),
    "Fork": Thing("kitchen", f"{_WARE} Drawer", "c"),
    "Knife": Thing("kitchen", f"{_WARE} Drawer", "c"),
    "Spoon": Thing("kitchen", f"{_WARE} Drawer", "c"),
    "Ladle": Thing("kitchen", f"{_WARE} Drawer", "c"),
    "Spatula": Thing("kitchen", f"{_WARE} Drawer", "c"),
    "Kettle": Thing("kitchen", f"{_WARE} StoveBurner", "c"),
    "DishSponge": Thing("kitchen bathroom", f"{_WARE} Drawer BathtubBasin", "c"),
    "SaltShaker": Thing("kitchen", "Cabinet CounterTop DiningTable Drawer Shelf"),
    "PepperShaker": Thing("kitchen", "Cabinet CounterTop DiningTable Drawer Shelf"),
    "WineBottle": Thing("kitchen", "Cabinet CounterTop DiningTable Fridge GarbageCan Shelf", "k"),
    "SoapBottle": Thing("kitchen bathroom", f"{_BATH} DiningTable"),
    "SoapBar": Thing("bathroom", _BATH, "c"),
    "Cloth": Thing("bathroom", _BATH, "c"),
    "Candle": Thing("bathroom livingroom", f"{_BATH} CoffeeTable DiningTable Dresser"),
    "SprayBottle": Thing("bathroom", "Cabinet CounterTop Drawer GarbageCan Shelf SideTable Toilet"),
    "ToiletPaper": Thing("bathroom", "Cabinet CounterTop Drawer Shelf SideTable Toilet ToiletPaperHanger"),
    "HandTowel": Thing("bathroom", "CounterTop HandTowelHolder Cabinet SinkBasin"),
    "Towel": Thing("bathroom", "BathtubBasin TowelHolder CounterTop"),
    "Book": Thing("bedroom livingroom", _SMALL),
    "Pen": Thing("bedroom livingroom", f"{_TABLES} Drawer GarbageCan"),
    "Pencil": Thing("bedroom livingroom", f"{_TABLES} Drawer GarbageCan"),
    "CD": Thing("bedroom", f"{_TABLES} Drawer Safe GarbageCan"),
    "CellPhone": Thing("bedroom livingroom", _SMALL),
    "AlarmClock": Thing("bedroom", _TABLES),
    "KeyChain": Thing("bedroom livingroom", _SMALL),
    "CreditCard": Thing("bedroom livingroom", _SMALL),
    "Laptop": Thing("bedroom livingroom", "Desk CoffeeTable DiningTable Bed Sofa ArmChair Dresser SideTable"),
    "RemoteControl": Thing("livingroom bedroom", f"{_TABLES} Drawer Sofa ArmChair"),
    "Pillow": Thing("bedroom livingroom", "Bed Sofa ArmChair"),
    "TeddyBear": Thing("bedroom", "Bed Desk ArmChair LaundryHamper"),
    "Newspaper": Thing("livingroom", f"{_TABLES} Drawer Sofa ArmChair GarbageCan"),
    "Watch": Thing("livingroom bedroom", f"{_TABLES} Drawer Safe"),
    "Vase": Thing("livingroom bedroom", f"{_TABLES} Safe Cabinet"),
    "Box": Thing("livingroom bedroom", "CoffeeTable DiningTable Sofa ArmChair Desk Dresser Bed"),
}

LAMPS = {"DeskLamp": "Desk SideTable CoffeeTable Dresser DiningTable Shelf", "FloorLamp": "SideTable CoffeeTable Desk"}
