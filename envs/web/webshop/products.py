"""Products as WebShop's loader makes them from a record of `items_shuffle*.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ....trajectories.errors import DataError
from ...data import field


class Product(msgspec.Struct, frozen=True, gc=False):
    """One product. Field names are upstream's in lower case; `options` maps an option's name to its values."""

    asin: str
    name: str
    description: str
    bullets: tuple[str, ...]
    prices: tuple[float, ...]
    price_tag: str
    category: str
    query: str
    product_category: str
    options: dict[str, tuple[str, ...]]
    attributes: tuple[str, ...]
    image: str = ""
    rating: str = "N.A."

    @property
    def contents(self) -> str:
        """What the search engine indexes (upstream's convert_product_file_format.py)."""
        options = ", and ".join(f"{name}: {', '.join(values)}" for name, values in self.options.items())
        return " ".join([self.name, self.description, self.bullets[0], options]).lower()


NO_ATTRIBUTES = ("DUMMY_ATTR",)


def product(record: Any, attributes: Mapping[str, Any], path: Path, where: int) -> Product | None:
    """One product by the official loading rules (engine.load_products); None for the asins that they leave out.

    Raises:
        DataError: a field is missing or of another type.
    """
    asin = field(record, "asin", str, path, where)
    if asin == "nan" or len(asin) > 10:
        return None
    texts = {
        name: field(record, name, str, path, where)
        for name in ("name", "full_description", "category", "query", "product_category")
    }
    bullets = field(record, "small_description", (list, str), path, where)
    known = attributes.get(asin)
    found = known.get("attributes") if isinstance(known, dict) else None
    images = record.get("images") or [""]
    prices, tag = pricing(record.get("pricing"), path, where)
    return Product(
        asin=asin,
        name=texts["name"],
        description=texts["full_description"],
        bullets=tuple(str(each) for each in listed(bullets)) or ("",),
        prices=prices,
        price_tag=tag,
        category=texts["category"],
        query=texts["query"].lower().strip(),
        product_category=texts["product_category"],
        options=options(record.get("customization_options"), path, where),
        attributes=tuple(found) if found is not None else NO_ATTRIBUTES,
        image=str(listed(images)[0]),
    )


def listed(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of itself."""
    return value if isinstance(value, list) else [value]


def pricing(text: Any, path: Path, where: int) -> tuple[tuple[float, ...], str]:
    """``"$16.99$26.99"`` as prices and the tag that pages show; nothing stated counts as 100 dollars."""
    if not text:
        return (100.0,), "$100.0"
    if not isinstance(text, str):
        raise DataError(path, f"expected text such as '$16.99', found {text!r}", record=where, field="pricing")
    try:
        found = tuple(float(re.sub(r"[^\d.]", "", each)) for each in text.split("$")[1:])
    except ValueError as error:
        raise DataError(path, f"not a price: {text!r}", record=where, field="pricing") from error
    if not found:
        raise DataError(path, f"no dollar sign in {text!r}", record=where, field="pricing")
    if len(found) == 1:
        return found, f"${found[0]}"
    return found[:2], f"${found[0]} to ${found[1]}"


def options(customization: Any, path: Path, where: int) -> dict[str, tuple[str, ...]]:
    """Option names and values as pages show them: lower case, slashes as bars."""
    if not customization:
        return {}
    if not isinstance(customization, dict):
        raise DataError(path, "expected an object", record=where, field="customization_options")
    found = {}
    for name, values in customization.items():
        if values is None:
            continue
        texts = (str(field(each, "value", str, path, where)) for each in values)
        found[name.lower()] = tuple(text.strip().replace("/", " | ").lower() for text in texts)
    return found


def read_products(path: Path, attributes: Mapping[str, Any]) -> Iterator[Product]:
    """The products of a file, one of each asin, in the file's order. The file is never whole in memory.

    Raises:
        DataError: missing, torn, not UTF-8, or a record of the wrong layout.
    """
    seen: set[str] = set()
    for number, record in enumerate(stream_list(path), 1):
        found = product(record, attributes, path, number)
        if found is not None and found.asin not in seen:
            seen.add(found.asin)
            yield found


def stream_list(path: Path, block: int = 1 << 20) -> Iterator[Any]:
    """The items of a JSON file that holds one list, read block by block (the official file has 5 GB).

    Raises:
        DataError: it cannot be read, is no list, or is torn: the number of the item is named.
    """
    decoder = json.JSONDecoder()
    buffer, at, number, opened = "", 0, 0, False
    try:
        with path.open(encoding="utf-8") as stream:
            while True:
                more = stream.read(block)
                buffer, at = buffer[at:] + more, 0
                while True:
                    at = _past_space(buffer, at)
                    if not opened and at < len(buffer):
                        if buffer[at] != "[":
                            raise DataError(path, f"expected a JSON list, found {buffer[at : at + 20]!r}")
                        opened, at = True, at + 1
                        continue
                    if opened and at < len(buffer) and buffer[at] == "]":
                        return
                    if at >= len(buffer):
                        break
                    try:
                        item, at = decoder.raw_decode(buffer, at)
                    except json.JSONDecodeError as error:
                        if more:
                            break
                        raise DataError(path, f"torn or not JSON: {error.msg}", record=number + 1) from error
                    number += 1
                    yield item
                if not more:
                    raise DataError(path, "the file ends inside the list; it is torn", record=number + 1)
    except UnicodeDecodeError as error:
        raise DataError(path, f"not UTF-8 at byte {error.start}", record=number + 1) from error
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from error


_SPACE = re.compile(r"[\s,]*")


def _past_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
