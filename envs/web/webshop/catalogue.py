"""The shop's stock: products, prices, search index and goals of one data folder, loaded once and shared.

A small product file is read into memory. A large one is turned once into a folder of the cache (products as JSON lines
with offsets, prices, index, goals) that is memory-mapped from then on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import random
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import msgspec
import numpy as np

from ....trajectories.errors import DataError
from ...data import cache_root
from ...retrieval import BM25
from .goals import SEED, Drawn, Goals, Kind, Prices, draw, price_of
from .products import Instruction, Product, products, raw_products
from .sample import Choice, generate

LAYOUT = 1
"""Version of the folder in the cache."""

LARGE = 8 << 20
"""Bytes of a product file from which it is not kept in memory."""

HITS = 50
"""Products that a search finds at most."""

PRODUCT_FILES = ("items_shuffle.json", "items_shuffle_1000.json")
"""Upstream's names: the full set, and the small one."""


class Files(NamedTuple):
    """The official files of a folder."""

    products: Path
    annotations: Path
    human: Path


def files(folder: Path) -> Files:
    """Find the official files in ``folder/data`` or `folder`: the full set where it is, else the small one.

    Raises:
        DataError: they are not there.
    """
    for root in (folder / "data", folder):
        for name in PRODUCT_FILES:
            if (root / name).is_file():
                notes = root / name.replace("shuffle", "ins_v2")
                if not notes.is_file():
                    raise DataError(notes, f"missing; {name} needs it beside it")
                return Files(root / name, notes, root / "items_human_ins.json")
    raise DataError(folder, f"no product file; expected data/{PRODUCT_FILES[0]} or data/{PRODUCT_FILES[1]}")


class Rows(Sequence[Product]):
    """Products in a memory-mapped file of JSON lines, decoded when asked for."""

    def __init__(self, folder: Path) -> None:
        """Map the file and its offsets."""
        with (folder / "products.jsonl").open("rb") as file:
            self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._ends = np.load(folder / "ends.npy", mmap_mode="r")
        self._decoder = msgspec.json.Decoder(Product)

    def __len__(self) -> int:
        """How many products there are."""
        return len(self._ends)

    @overload
    def __getitem__(self, at: int) -> Product: ...
    @overload
    def __getitem__(self, at: slice) -> list[Product]: ...
    def __getitem__(self, at: int | slice) -> Product | list[Product]:
        """The product of this row."""
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        return self._decoder.decode(self._lines[int(self._ends[at - 1]) if at else 0 : int(self._ends[at])])


class Catalogue:
    """Everything that instances of the world share; nothing in it changes but what is computed once and kept."""

    def __init__(
        self,
        stock: Sequence[Product],
        prices: Prices,
        index: BM25,
        drawn: dict[Kind, Drawn],
    ) -> None:
        """Use `catalogue`."""
        self.products, self.prices, self.index = stock, prices, index
        self._goals = {kind: Goals(kind, stock, each) for kind, each in drawn.items()}

    def goals(self, kind: Kind) -> Goals:
        """The goals of that kind, in the official order."""
        return self._goals[kind]

    def search(self, keywords: str) -> list[int]:
        """Rows of the products that a query finds, best first, `HITS` at most."""
        return [row for row, _ in self.index.search(keywords, HITS)]


def notes(path: Path) -> dict[str, msgspec.Raw]:
    """``items_ins_v2*.json``, its entries left undecoded: there are as many as products."""
    found: dict[str, msgspec.Raw] = decoded(path, dict[str, msgspec.Raw])
    return found


def instructions(path: Path) -> dict[str, list[Instruction]]:
    """``items_human_ins.json``; where the file is missing, no product has a person's instruction."""
    return decoded(path, dict[str, list[Instruction]]) if path.is_file() else {}


def decoded(path: Path, kind: Any) -> Any:
    """A JSON file of a known shape.

    Raises:
        DataError: unreadable, not JSON, or of another shape.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(path, str(error)) from error


def in_memory(
    raws: Iterable[Mapping[str, Any]],
    annotations: Mapping[str, msgspec.Raw],
    human: Mapping[str, list[Instruction]],
    path: Path,
) -> Catalogue:
    """A catalogue from raw records, nothing written."""
    stock = list(products(raws, annotations, human, path))
    rng = random.Random(SEED)
    prices = [price_of(each.pricing, rng) for each in stock]
    index = BM25.build((each.contents for each in stock), ties=[each.asin for each in stock])
    return Catalogue(stock, prices, index, goals_of(list(enumerate(stock)), prices, rng))


def goals_of(candidates: Sequence[tuple[int, Product]], prices: Prices, rng: random.Random) -> dict[Kind, Drawn]:
    """Both kinds of goals, each drawn as if alone, as upstream loads only one."""
    state = rng.getstate()
    drawn: dict[Kind, Drawn] = {}
    kinds: tuple[Kind, ...] = ("human", "synthetic")
    for kind in kinds:
        rng.setstate(state)
        drawn[kind] = draw(kind, candidates, prices, rng)
    return drawn


def build(found: Files, folder: Path) -> None:
    """Turn official files into a folder of the cache, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as work:
        made = Path(work, "catalogue")
        made.mkdir()
        prices: list[float] = []
        ends: list[int] = []
        asins: list[str] = []
        asked: list[int] = []
        rng, encoder = random.Random(SEED), msgspec.json.Encoder()
        with (made / "products.jsonl").open("wb") as file:

            def contents() -> Iterator[str]:
                for each in products(
                    raw_products(found.products), notes(found.annotations), instructions(found.human), found.products
                ):
                    if each.instructions or each.instruction_text is not None:
                        asked.append(len(asins))
                    asins.append(each.asin)
                    prices.append(price_of(each.pricing, rng))
                    file.write(encoder.encode(each) + b"\n")
                    ends.append(file.tell())
                    yield each.contents

            BM25.build(contents(), made / "index", ties=asins)
        np.save(made / "ends.npy", np.array(ends, dtype=np.int64))
        np.save(made / "prices.npy", np.array(prices))
        stock = Rows(made)
        for kind, drawn in goals_of(Candidates(asked, stock), prices, rng).items():
            for name in drawn.__struct_fields__:
                np.save(made / f"{kind}-{name}.npy", getattr(drawn, name))
        try:
            made.rename(folder)
        except OSError:
            # Another process may have built it meanwhile.
            if not folder.is_dir():
                raise


class Candidates(Sequence[tuple[int, Product]]):
    """Some rows with their products, read one at a time."""

    def __init__(self, rows: Sequence[int], stock: Sequence[Product]) -> None:
        """Which rows, of what."""
        self._rows, self._stock = rows, stock

    def __len__(self) -> int:
        """How many."""
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        """A row and its product."""
        return self._rows[at], self._stock[self._rows[at]]


def mapped(folder: Path) -> Catalogue:
    """The catalogue of a folder that `build` made."""

    def array(name: str) -> Any:
        return np.load(folder / f"{name}.npy", mmap_mode="r")

    kinds: tuple[Kind, ...] = ("human", "synthetic")
    drawn = {kind: Drawn(*(array(f"{kind}-{name}") for name in Drawn.__struct_fields__)) for kind in kinds}
    return Catalogue(Rows(folder), array("prices"), BM25.open(folder / "index"), drawn)


def fingerprint(found: Files) -> str:
    """Names a built folder: it changes with the layout and with any of the files."""
    about = [(str(each.resolve()), each.stat().st_size, each.stat().st_mtime_ns) for each in found if each.is_file()]
    return hashlib.sha256(json.dumps([LAYOUT, about]).encode()).hexdigest()[:16]


_loaded: dict[str, Catalogue] = {}
_lock = threading.Lock()


def catalogue(folder: Path | None, choice: Choice = "some") -> Catalogue:
    """The catalogue of a data folder, or of the bundled sample; loaded once in a process, built once on a machine.

    Args:
        folder: In upstream's layout; None is the bundled sample.
        choice: Which of its kind's options a product of the bundled sample comes in.

    Raises:
        DataError: the files are missing, torn or of another layout.
    """
    found = files(folder) if folder is not None else None
    key = fingerprint(found) if found else f"sample, {choice}"
    with _lock:
        if key not in _loaded:
            _loaded[key] = load(found, key) if found else in_memory(*generate(choice=choice), Path("bundled sample"))
        return _loaded[key]


def load(found: Files, key: str) -> Catalogue:
    """Read, build or map."""
    if found.products.stat().st_size < LARGE:
        human = instructions(found.human)
        return in_memory(raw_products(found.products), notes(found.annotations), human, found.products)
    built = cache_root() / "webshop" / key
    if not built.is_dir():
        logging.getLogger(__name__).warning(
            "turning %s into %s, once; the full set takes minutes", found.products, built
        )
        try:
            build(found, built)
        except OSError as error:
            raise DataError(built, f"{error.strerror}; set AGENTBANK_CACHE to a folder that can be written") from error
    return mapped(built)
