"""The bundled sample: an invented shop in the official layout, made by rule from word lists, the same on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from .products import Instruction

COUNT = 320
"""Products; with `ASKED` instructions each, enough for the official splits (test 500, dev 1000, the rest train)."""

ASKED = 5

Choice = Literal["some", "full"]
"""Which of its kind's options a product comes in."""


class Kind(NamedTuple):
    """One sort of product: where it stands in the shop and what its products differ in."""

    category: str
    query: str
    path: str
    things: str
    attributes: str
    options: dict[str, str]
    price: tuple[int, int]


KINDS = (
    Kind(
        "garden", "desk lamps", "Home & Kitchen › Lighting › Lamps & Shades › Desk Lamps",
        "Desk Lamp|Reading Lamp|Clip Lamp|Bedside Lamp",
        "touch control|warm light|energy saving|long lasting|space saving|easy assemble",
        {"color": "matte black|pearl white|brushed copper|forest green", "size": "small|tall|extra tall"}, (18, 70),
    ),
    Kind(
        "garden", "storage baskets", "Home & Kitchen › Storage & Organization › Baskets & Bins",
        "Storage Basket|Laundry Basket|Shelf Bin|Toy Basket",
        "hand woven|machine washable|heavy duty|collapsible design|water resistant|carry handles",
        {"color": "oat|slate|ocean blue|terracotta", "size": "10 liter|20 liter|40 liter"}, (9, 45),
    ),
    Kind(
        "garden", "area rugs", "Home & Kitchen › Home Décor › Rugs › Area Rugs",
        "Area Rug|Hallway Runner|Bedroom Rug|Kitchen Mat",
        "non slip|stain resistant|easy clean|low pile|hand tufted|living room",
        {"color": "ivory|charcoal|rust|teal", "size": "2 x 3 ft|4 x 6 ft|5 x 8 ft|8 x 10 ft"}, (22, 260),
    ),
    Kind(
        "fashion", "men's shirts", "Clothing, Shoes & Jewelry › Men › Clothing › Shirts",
        "Men's Flannel Shirt|Men's Polo Shirt|Men's Linen Shirt|Men's Henley Shirt",
        "slim fit|long sleeve|button closure|machine wash|moisture wicking|relaxed fit",
        {"color": "navy|olive|burgundy|sand", "size": "small|medium|large|x-large"}, (14, 55),
    ),
    Kind(
        "fashion", "women's sandals", "Clothing, Shoes & Jewelry › Women › Shoes › Sandals",
        "Women's Strap Sandal|Women's Slide Sandal|Women's Wedge Sandal|Women's Hiking Sandal",
        "arch support|rubber sole|memory foam|open toe|ankle strap|quick drying",
        {"color": "tan|black|coral|silver", "size": "6|7|8|9|10"}, (19, 95),
    ),
    Kind(
        "fashion", "backpacks", "Clothing, Shoes & Jewelry › Luggage & Travel Gear › Backpacks",
        "Travel Backpack|Canvas Backpack|Laptop Backpack|School Backpack",
        "laptop compartment|water resistant|anti theft|carry on|padded straps|usb port",
        {"color": "graphite|moss|plum|mustard", "size": "15 liter|25 liter|35 liter"}, (25, 130),
    ),
    Kind(
        "electronics", "wireless earbuds", "Electronics › Headphones › Earbud Headphones",
        "Wireless Earbuds|Sport Earbuds|Sleep Earbuds|Bone Conduction Headset",
        "noise cancelling|fast charging|stereo sound|hands free|sweat resistant|long battery",
        {"color": "black|white|mint|rose", "style": "plain|with charging case|with ear hooks"}, (21, 180),
    ),
    Kind(
        "electronics", "phone stands", "Cell Phones & Accessories › Accessories › Stands",
        "Phone Stand|Tablet Holder|Car Phone Mount|Charging Dock",
        "aluminum alloy|easy install|wireless charging|height adjustable|anti scratch|one hand",
        {"color": "silver|space gray|gold", "pattern name": "single|twin pack|triple pack"}, (8, 48),
    ),
    Kind(
        "electronics", "portable speakers", "Electronics › Portable Audio & Video › Portable Speakers",
        "Portable Speaker|Shower Speaker|Party Speaker|Pocket Radio",
        "water proof|deep bass|hands free|built in microphone|long battery|usb port",
        {"color": "black|red|turquoise|camo", "size": "mini|midi|maxi"}, (17, 220),
    ),
    Kind(
        "beauty", "hand creams", "Beauty & Personal Care › Skin Care › Hands & Nails › Hand Creams",
        "Hand Cream|Hand Balm|Night Hand Mask|Cuticle Butter",
        "cruelty free|shea butter|fragrance free|dry skin|natural ingredients|fine lines",
        {"scent": "almond|lavender|citrus|unscented", "size": "1.7 ounce|3.4 ounce|2 pack"}, (5, 29),
    ),
    Kind(
        "beauty", "hair brushes", "Beauty & Personal Care › Hair Care › Styling Tools › Brushes",
        "Paddle Brush|Detangling Brush|Round Styling Brush|Wooden Comb Set",
        "boar bristle|hair growth|damaged hair|easy clean|anti static|travel size",
        {"color": "bamboo|pink|ivory|lilac", "pattern name": "one brush|set of two"}, (7, 38),
    ),
    Kind(
        "beauty", "bath salts", "Beauty & Personal Care › Bath & Bathing Accessories › Bath Salts",
        "Bath Salt|Foot Soak|Bath Bomb Set|Shower Steamers",
        "essential oils|dead sea|paraben free|sensitive skin|tea tree|gift set",
        {"scent": "eucalyptus|rose petal|pine needle|vanilla", "size": "1 pound|3 pound|5 pound"}, (8, 42),
    ),
    Kind(
        "grocery", "herbal tea", "Grocery & Gourmet Food › Beverages › Coffee, Tea & Cocoa › Tea › Herbal",
        "Herbal Tea|Rooibos Tea|Ginger Infusion|Night Time Tea",
        "caffeine free|certified organic|individually wrapped|non gmo|sugar free|loose leaf",
        {"flavor name": "lemon ginger|wild berry|chamomile honey|mint", "size": "20 count|40 count|100 count"}, (4, 32),
    ),
    Kind(
        "grocery", "trail mix", "Grocery & Gourmet Food › Snack Foods › Nuts & Seeds › Trail Mix",
        "Trail Mix|Nut Medley|Seed Crunch|Fruit and Nut Bites",
        "gluten free|plant based|high protein|low sodium|no artificial colors|resealable bag",
        {"flavor name": "tropical|dark chocolate|salted maple|spicy", "size": "8 ounce|1 pound|12 pack"}, (6, 40),
    ),
    Kind(
        "grocery", "pasta sauces", "Grocery & Gourmet Food › Sauces, Gravies & Marinades › Pasta Sauces",
        "Pasta Sauce|Basil Pesto|Roasted Pepper Sauce|Mushroom Ragout",
        "low carb|dairy free|keto friendly|small batch|no added sugar|ready to eat",
        {"flavor name": "tomato basil|arrabbiata|roasted garlic|porcini", "size": "12 ounce|24 ounce|pack of 6"}, (5, 36),
    ),
    Kind(
        "garden", "bath towels", "Home & Kitchen › Bath › Towels › Bath Towels",
        "Bath Towel|Beach Towel|Hair Towel|Towel Bale",
        "quick drying|ultra soft|highly absorbent|machine washable|cotton terry|fade resistant",
        {"color": "white|sage|blush|midnight blue", "size": "hand|bath|bath sheet"}, (9, 64),
    ),
)  # fmt: skip

SYLLABLES = "bel cor dal fen gar hol jun kel lor mar nor pel quin rav sol tam ver win yar zel".split()
ENDINGS = "a and co dale ea en field ia ix o ora stead ton wick".split()
CHARACTERS = (
    "Everyday Northern Harbor Meadow Summit Studio Heritage Cottage Lantern Orchard Pioneer Quiet Riverside".split()
)
SERIES = "Series Collection Line Edition Range".split()
USES = (
    "for small flats|for busy mornings|for the office|for weekend trips|for guests|for the whole family|for first homes|"
    "for long evenings|for students|for gifts"
).split("|")

ASKS = (
    "i am looking for {thing} that is {attributes}{options}",
    "find me {attributes} {thing}{options}",
    "i need {thing}{options}. it should be {attributes}",
    "can you get me {thing} with {attributes}{options}?",
    "my sister wants {attributes} {thing}{options}",
    "please buy {thing}, {attributes}{options}",
    "show me {thing}{options}, and it has to be {attributes}",
)


def brand(rng: random.Random) -> str:
    """A made-up maker."""
    return (rng.choice(SYLLABLES) + rng.choice(SYLLABLES) + rng.choice(ENDINGS)).capitalize()


def choices(text: str) -> list[str]:
    """The parts of a list written with bars."""
    return text.split("|")


def raw(rng: random.Random, number: int, choice: Choice) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """One product: its raw record, its entry in items_ins_v2, and what people asked for it with."""
    kind = KINDS[number % len(KINDS)]
    maker, thing, use = brand(rng), rng.choice(choices(kind.things)), rng.choice(USES)
    attributes = rng.sample(choices(kind.attributes), rng.randint(2, 4))
    options = {
        name: rng.sample(choices(each), rng.randint(2, len(choices(each)))) for name, each in kind.options.items()
    }
    if rng.random() < 0.2:
        options.popitem()
    if choice == "full":
        options = {name: choices(each) for name, each in kind.options.items()}
    low = rng.randint(*kind.price) - 0.01
    high = low + rng.randint(3, 25)
    asin = f"S{number:06d}{rng.choice('ABCDEFGH')}{rng.choice('JKLMNPQR')}{rng.randint(0, 9)}"
    series = f"{rng.choice(CHARACTERS)} {rng.choice(SERIES)}"
    shown = ", ".join(each.title() for each in attributes)
    record = {
        "name": f"{maker} {thing} {use.title()}, {shown}, {series}",
        "full_description": f"The {maker} {thing.lower()} of our {series.lower()} is made {use}. What sets it apart: "
        f"{', '.join(attributes)}. {maker} has made {kind.query} since {rng.randint(1920, 2019)}.",
        "pricing": rng.choice(["", f"${low:.2f}", f"${low:.2f}", f"${low:.2f}${high:.2f}"]),
        "images": [f"images/{asin}.jpg"],
        "product_category": kind.path,
        "average_rating": "",
        "small_description": [f"{each.capitalize()}: made {rng.choice(USES)}. " for each in attributes]
        + [f"Comes in {len(values)} choices of {name}. " for name, values in options.items()],
        "customization_options": {
            name.title(): [
                {"value": value.title(), "image": f"images/{asin}-{at}.jpg"} for at, value in enumerate(values)
            ]
            for name, values in options.items()
        },
        "asin": asin,
        "category": kind.category,
        "query": kind.query,
        "page": number // 20 + 1,
    }
    template = f"Get {kind.query} with {', '.join(attributes[:2])}"
    note = {"attributes": attributes, "instruction": template, "instruction_attributes": attributes[:2]}
    return record, note, [asked(rng, thing.lower(), attributes, options) for _ in range(ASKED)]


def asked(rng: random.Random, thing: str, attributes: list[str], options: dict[str, list[str]]) -> dict[str, Any]:
    """One instruction as a person might write it, with the attributes and options that it means."""
    wanted = rng.sample(attributes, rng.randint(1, 2))
    chosen = {name: rng.choice(values) for name, values in options.items() if rng.random() < 0.75}
    ways = ("in {value}", "with {name} {value}", "the {name} must be {value}")
    said = [rng.choice(ways).format(name=name.removesuffix(" name"), value=value) for name, value in chosen.items()]
    text = rng.choice(ASKS).format(
        thing=thing, attributes=" and ".join(wanted), options="".join(f", {each}" for each in said)
    )
    return {"instruction": text, "instruction_attributes": wanted, "instruction_options": list(chosen.values())}


def generate(
    count: int = COUNT, seed: int = 7, choice: Choice = "some"
) -> tuple[Iterator[dict[str, Any]], dict[str, msgspec.Raw], dict[str, list[Instruction]]]:
    """The three official files, as decoded: product records, annotations by id, people's instructions by id."""
    rng = random.Random(seed)
    made = [raw(rng, number, choice) for number in range(count)]
    notes = {record["asin"]: msgspec.Raw(msgspec.json.encode(note)) for record, note, _ in made}
    human = {record["asin"]: msgspec.convert(asks, list[Instruction]) for record, _, asks in made}
    return iter([record for record, _, _ in made]), notes, human
