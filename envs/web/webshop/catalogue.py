"""The catalogue: products, goals and the search index of one data folder, shared by all instances of the world.

A small file is read into memory at the first reset. A large one is built once into the cache (products, index, goals) and
memory-mapped from then on, so that 1.2 million products start in a second and stay on disk.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ....trajectories.errors import DataError
from ...data import Source, cache_root, read_json
from ...retrieval import BM25
from .goals import Goal, human_goals, official_order, synthetic_goals
from .products import Product, read_products
from .sample import sample_records

LARGE = 64 * 2**20
"""Bytes of the products' file from which on the catalogue is built into the cache."""
FORMAT = 1
HITS = 50
"""Products that a search returns at most (upstream's SEARCH_RETURN_N)."""
FEWEST = 1501
"""Goals that give every official split at least one; with fewer human goals the synthetic ones are the default."""
NAMES = (("items_shuffle.json", "items_ins_v2.json"), ("items_shuffle_1000.json", "items_ins_v2_1000.json"))
HUMAN = "items_human_ins.json"


class Shelf(Protocol):
    """Products by number."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(self, number: int) -> Product:
        """The product of that number."""
        ...

    def number(self, asin: str) -> int | None:
        """The number of an asin."""
        ...


class Memory:
    """Products in memory."""

    def __init__(self, products: list[Product]) -> None:
        """Number them in their order."""
        self.products = products
        self.numbers = {each.asin: number for number, each in enumerate(products)}

    def __len__(self) -> int:
        """How many."""
        return len(self.products)

    def __getitem__(self, number: int) -> Product:
        """The product of that number."""
        return self.products[number]

    def number(self, asin: str) -> int | None:
        """The number of an asin."""
        return self.numbers.get(asin)


class Mapped:
    """Products in a file of MessagePack records, found through memory-mapped offsets; one is decoded when it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Map the files of a built folder."""
        self.bytes = np.memmap(folder / "products.bin", dtype=np.uint8, mode="r")
        self.offsets: NDArray[np.int64] = np.load(folder / "offsets.npy", mmap_mode="r")
        self.asins: NDArray[np.bytes_] = np.load(folder / "asins.npy", mmap_mode="r")
        self.order: NDArray[np.int32] = np.load(folder / "order.npy", mmap_mode="r")
        self.decoder = msgspec.msgpack.Decoder(Product)

    def __len__(self) -> int:
        """How many."""
        return len(self.offsets) - 1

    def __getitem__(self, number: int) -> Product:
        """The product of that number."""
        return self.decoder.decode(self.bytes[self.offsets[number] : self.offsets[number + 1]].tobytes())

    def number(self, asin: str) -> int | None:
        """The number of an asin."""
        wanted = np.bytes_(asin.encode())
        at = int(np.searchsorted(self.asins, wanted))
        return int(self.order[at]) if at < len(self.asins) and self.asins[at] == wanted else None


class Catalogue:
    """Products, goals by kind in their official order, and the search index (built at the first search)."""

    def __init__(self, shelf: Shelf, goals: Mapping[str, Sequence[Goal]], index: Callable[[], BM25]) -> None:
        """Hold the parts; `load` makes them."""
        self.shelf, self.goals = shelf, goals
        self._make_index, self._index, self._lock = index, None, threading.Lock()

    @property
    def index(self) -> BM25:
        """The search index."""
        if self._index is None:
            with self._lock:
                if self._index is None:
                    self._index = self._make_index()
        return self._index

    _index: BM25 | None

    def find(self, asin: str) -> Product | None:
        """The product of an asin."""
        number = self.shelf.number(asin)
        return None if number is None else self.shelf[number]

    def search(self, keywords: str) -> list[int]:
        """Numbers of the best 50 products for `keywords`, best first."""
        return [number for number, _ in self.index.search(keywords, HITS)]

    def default_goals(self) -> str:
        """Human goals where they fill the official splits, else synthetic ones."""
        return "human" if len(self.goals["human"]) >= FEWEST else "synthetic"


_loading = threading.Lock()


def load(source: Source) -> Catalogue:
    """The catalogue of a source; one object a source and process.

    Raises:
        DataError: files are missing or of the wrong layout.
    """
    with _loading:
        return _load(source.path)


@lru_cache(maxsize=4)
def _load(path: Path | None) -> Catalogue:
    if path is None:
        return _in_memory(*sample_records())
    root = path / "data" if (path / "data").is_dir() else path
    pair = next((each for each in NAMES if (root / each[0]).is_file()), None)
    if pair is None:
        wanted = " or ".join(name for name, _ in NAMES)
        raise DataError(root, f"holds no {wanted}; expected the official layout of WebShop's data folder")
    products, attributes = pair
    if (root / products).stat().st_size >= LARGE:
        return _mapped(root / products, root / attributes, root / HUMAN)
    known = _mapping(root / attributes)
    shelf = list(read_products(root / products, known))
    return _in_memory(shelf, _goals(shelf, known, root / attributes, root / HUMAN))


def _mapping(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(path, f"expected an object of asins, found {type(content).__name__}")
    return content


def _goals(
    products: Iterable[Product], known: Mapping[str, Any], attributes: Path, human: Path
) -> dict[str, list[Goal]]:
    written = _mapping(human) if human.is_file() else {}
    people: list[Goal] = []
    made: list[Goal] = []
    for each in products:
        people += human_goals(each, written.get(each.asin, ()), human)
        made += synthetic_goals(each, known.get(each.asin, {}), attributes)
    return {"human": official_order(people), "synthetic": official_order(made)}


def _in_memory(products: list[Product], goals: Mapping[str, Sequence[Goal]]) -> Catalogue:
    return Catalogue(Memory(products), goals, lambda: BM25.build(each.contents for each in products))


def _mapped(products: Path, attributes: Path, human: Path) -> Catalogue:
    state = [
        (path.name, path.stat().st_size, path.stat().st_mtime_ns)
        for path in (products, attributes, human)
        if path.is_file()
    ]
    mark = hashlib.sha256(json.dumps([FORMAT, str(products.resolve()), state]).encode()).hexdigest()[:16]
    folder = cache_root() / "built" / "webshop" / mark
    if not folder.is_dir():
        build(folder, products, attributes, human)
    content = (folder / "goals.json").read_bytes()
    goals = msgspec.json.decode(content, type=dict[str, list[Goal]])
    return Catalogue(Mapped(folder), goals, lambda: BM25.open(folder / "index"))


def build(folder: Path, products: Path, attributes: Path, human: Path) -> None:
    """Build a large catalogue into `folder`, whole or not at all. Takes minutes and a few GB for the full set, once."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    known = _mapping(attributes)
    encoder = msgspec.msgpack.Encoder()
    offsets, asins = [0], []

    def written(found: Iterable[Product]) -> Iterator[Product]:
        with (part / "products.bin").open("wb") as stream:
            for each in found:
                offsets.append(offsets[-1] + stream.write(encoder.encode(each)))
                asins.append(each.asin.encode())
                yield each

    goals = _goals(written(read_products(products, known)), known, attributes, human)
    names = np.array(asins, dtype="S10")
    order = np.argsort(names, kind="stable").astype(np.int32)
    np.save(part / "offsets.npy", np.array(offsets, dtype=np.int64))
    np.save(part / "asins.npy", names[order])
    np.save(part / "order.npy", order)
    (part / "goals.json").write_bytes(msgspec.json.encode(goals))
    shelf = Mapped(part)
    BM25.build((shelf[number].contents for number in range(len(shelf))), part / "index")
    part.rename(folder)
