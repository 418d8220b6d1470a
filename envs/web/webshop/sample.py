"""The bundled sample: a small shop of our own, as records of the official layout, made by rule, the same everywhere."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any, NamedTuple

from .goals import Goal, official_order, synthetic_goals
from .products import Product, product


class Thing(NamedTuple):
    """A kind of thing to sell; the last three are lists with commas."""

    name: str
    department: str
    aisle: str
    materials: str
    uses: str
    features: str


TABLE = """
lantern | garden | Lighting | brass, tin, bamboo | porch, tent, path | storm proof, solar charged, easy to hang
teapot | kitchen | Tea | stoneware, cast iron, glass | loose tea, two cups, a crowd | drip free, dishwasher safe, heat proof
backpack | outdoors | Bags | canvas, nylon, felt | school, hiking, the office | water resistant, padded straps, laptop sleeve
scarf | fashion | Accessories | wool, cotton, silk | winter, travel, evening | machine washable, extra long, hand knitted
desk | furniture | Office | oak, pine, walnut | a study, a corner, standing work | easy assembly, cable tray, scratch resistant
soap | beauty | Bath | olive oil, goat milk, oat | dry skin, hands, shaving | cruelty free, fragrance free, palm oil free
kite | toys | Outdoor Play | ripstop, paper, cotton | beginners, strong wind, the beach | quick to fold, long tail, spare line
mug | kitchen | Cups | porcelain, enamel, stoneware | camping, cocoa, the office | microwave safe, double walled, easy to grip
blanket | bedding | Throws | wool, cotton, fleece | the sofa, a picnic, a cot | machine washable, lint free, reversible
lamp | furniture | Lighting | brass, ceramic, oak | reading, a nursery, a desk | dimmable, flicker free, long cord
"""
THINGS = tuple(Thing(*line.split(" | ")) for line in TABLE.strip().split("\n"))
MAKERS = ("Hollin", "Tarrow", "Brindle & Co", "Westmark", "Odd Acorn", "Fennimore", "Kestrel", "Lowmoor")
SHADES = ("red", "navy", "olive", "charcoal", "ivory", "teal")
SIZES = ("small", "medium", "large")


def sample_records() -> tuple[list[Product], dict[str, list[Goal]]]:
    """The sample's products and goals; only one goal a product, so that no two tasks are nearly the same."""
    rng = random.Random(20240607)
    products: list[Product] = []
    goals: list[Goal] = []
    here = Path(__file__)
    plan = itertools.product(THINGS, range(len(MAKERS)), range(3))
    for number, (thing, maker, kind) in enumerate(plan):
        record, known = _record(rng, number, thing, MAKERS[maker], kind)
        made = product(record, {record["asin"]: known}, here, number)
        assert made is not None  # our own asins are in order
        products.append(made)
        goals.append(rng.choice(synthetic_goals(made, known, here)))
    return products, {"human": [], "synthetic": official_order(goals)}


def _record(
    rng: random.Random, number: int, thing: Thing, maker: str, kind: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    material, use = thing.materials.split(", ")[kind], rng.choice(thing.uses.split(", "))
    traits = rng.sample(thing.features.split(", "), 2)
    shades = rng.sample(SHADES, rng.randint(2, 4))
    sizes = SIZES if rng.random() < 0.6 else ()
    low = rng.randint(4, 180) + rng.choice((0.0, 0.49, 0.95))
    price = f"${low}" if rng.random() < 0.7 else f"${low}${round(low * 1.3, 2)}"
    customization: dict[str, Any] = {"Color": [{"value": each.title(), "image": None} for each in shades]}
    if sizes:
        customization["Size"] = [{"value": each.title(), "image": None} for each in sizes]
    record = {
        "asin": f"AB{number:08d}",
        "name": f"{maker} {material.title()} {thing.name.title()} for {use.title()}, {traits[0].title()}",
        "full_description": f"A {thing.name} of {material}, made for {use}. It is {traits[0]} and {traits[1]}.",
        "small_description": [f"Made of {material}", traits[0].capitalize(), traits[1].capitalize(), f"Made for {use}"],
        "pricing": price,
        "category": thing.department,
        "query": f"{thing.name}s",
        "product_category": f"Home › {thing.department.title()} › {thing.aisle} › {thing.name.title()}s",
        "customization_options": customization,
        "images": [""],
    }
    wanted = f"Find me a {traits[0]}, {traits[1]} {thing.name} of {material} for {use}"
    attributes = [*traits, material]
    return record, {"attributes": attributes, "instruction": wanted, "instruction_attributes": attributes[:2]}
