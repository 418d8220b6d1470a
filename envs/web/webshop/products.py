"""Products as WebShop shows them, made from the raw records by the rules of upstream's loader (engine.load_products)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from ....trajectories.errors import DataError
from ...data import field

CHUNK = 1 << 20
"""Characters of the product file that are read at once; the full file is several GB."""

PLACEHOLDER = "DUMMY_ATTR"
"""The one attribute of a product that has none on record."""


class Instruction(msgspec.Struct, frozen=True):
    """What a person wrote to ask for a product, and which attributes and options they meant."""

    instruction: str
    instruction_attributes: list[str]
    instruction_options: list[str] = []


class Annotation(msgspec.Struct, frozen=True):
    """What ``items_ins_v2*.json`` says of a product: its attributes, and an instruction made by template, if any."""

    attributes: list[str] | None = None
    instruction: str | None = None
    instruction_attributes: list[str] | None = None


class Product(msgspec.Struct, frozen=True):
    """One product, loaded. `pricing` has no, one or two dollar amounts; `options` maps a name to its values."""

    asin: str
    category: str
    query: str
    product_category: str
    title: str
    description: str
    bullets: list[str]
    pricing: list[float]
    price_tag: str
    options: dict[str, list[str]]
    option_images: dict[str, str | None]
    attributes: list[str]
    main_image: str
    instructions: list[Instruction] = []
    instruction_text: str | None = None
    instruction_attributes: list[str] = []
    rating: str = "N.A."

    @property
    def contents(self) -> str:
        """The text that is indexed for search (search_engine/convert_product_file_format.py)."""
        options = ", and ".join(f"{name}: {', '.join(values)}" for name, values in self.options.items())
        return " ".join([self.title, self.description, self.bullets[0] if self.bullets else "", options]).lower()


def prices(raw: str | None) -> tuple[list[float], str]:
    """The amounts in ``$16.99$26.99`` and the tag that is shown; what has no price costs 100."""
    if not raw:
        return [100.0], "$100.0"
    amounts = [float(Decimal(re.sub(r"[^\d.]", "", part))) for part in raw.split("$")[1:]]
    return amounts[:2], f"${amounts[0]}" if len(amounts) == 1 else f"${amounts[0]} to ${amounts[1]}"


def product(
    raw: Mapping[str, Any], annotation: Annotation | None, instructions: list[Instruction], path: Path, record: int
) -> Product:
    """One product from one raw record.

    Raises:
        DataError: a field is missing or of another type.
    """

    def need(name: str, kind: type | tuple[type, ...]) -> Any:
        return field(raw, name, kind, path, record)

    def wrong(name: str, expected: str) -> DataError:
        return DataError(path, f"expected {expected}, found {str(raw.get(name))[:60]!r}", record=record, field=name)

    try:
        pricing, tag = prices(raw.get("pricing"))
    except (InvalidOperation, IndexError, TypeError, AttributeError):
        raise wrong("pricing", "dollar amounts such as '$16.99$26.99'") from None
    options: dict[str, list[str]] = {}
    images: dict[str, str | None] = {}
    for name, contents in (need("customization_options", (dict, str, type(None))) or {}).items():
        if contents is None:
            continue
        try:
            shown = [each["value"].strip().replace("/", " | ").lower() for each in contents]
            images |= {value: each.get("image") for value, each in zip(shown, contents, strict=True)}
        except (TypeError, KeyError, AttributeError):
            raise wrong("customization_options", 'a list of {"value": text, "image": address} for each name') from None
        options[name.lower()] = shown
    bullets = need("small_description", (list, str))
    known = annotation or Annotation()
    return Product(
        asin=need("asin", str),
        category=need("category", str),
        query=need("query", str).lower().strip(),
        product_category=need("product_category", str),
        title=need("name", str),
        description=need("full_description", str),
        bullets=bullets if isinstance(bullets, list) else [bullets],
        pricing=pricing,
        price_tag=tag,
        options=options,
        option_images=images,
        attributes=[PLACEHOLDER] if known.attributes is None else known.attributes,
        main_image=(need("images", list) or [""])[0] or "",
        instructions=instructions,
        instruction_text=known.instruction,
        instruction_attributes=known.instruction_attributes or [],
    )


def raw_products(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSON list of products, one at a time, however long the file is.

    Raises:
        DataError: missing, not UTF-8, cut off, or not a JSON list.
    """
    decoder, text, at, number = json.JSONDecoder(), "", 0, 0
    try:
        with path.open(encoding="utf-8") as file:
            while True:
                while at < len(text) and text[at] in ", \n\r\t":
                    at += 1
                if number == 0 and text[at : at + 1] == "[":
                    at, number = at + 1, 1
                    continue
                if number and text[at : at + 1] == "]":
                    return
                try:
                    if number == 0 and at < len(text):
                        raise DataError(path, "expected a JSON list of products")
                    record, at = decoder.raw_decode(text, at)
                except json.JSONDecodeError as error:
                    more = file.read(max(CHUNK, len(text) - at))
                    if not more:
                        raise DataError(path, f"cut off or not JSON: {error.msg}", record=number) from None
                    text, at = text[at:] + more, 0
                    continue
                yield record
                number += 1
    except UnicodeDecodeError as error:
        raise DataError(path, f"not UTF-8 ({error.reason})", record=number) from error
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from error


def products(
    raws: Iterable[Mapping[str, Any]],
    annotations: Mapping[str, msgspec.Raw],
    human: Mapping[str, list[Instruction]],
    path: Path,
) -> Iterator[Product]:
    """All products in the file's order; odd and repeated ids are left out, as upstream does."""
    seen: set[str] = set()
    for record, raw in enumerate(raws, 1):
        asin = field(raw, "asin", str, path, record)
        if asin == "nan" or len(asin) > 10 or asin in seen:
            continue
        seen.add(asin)
        try:
            noted = annotations.get(asin)
            known = None if noted is None else msgspec.json.decode(noted, type=Annotation)
        except msgspec.DecodeError as error:
            raise DataError(path, f"its entry in items_ins_v2 is wrong: {error}", record=asin) from None
        yield product(raw, known, human.get(asin, []), path, record)
