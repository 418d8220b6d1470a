"""The bundled questions: a little encyclopedia of islands that do not exist, in HotpotQA's official layout."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ..core import Task
from . import hotpotqa_records
from .encyclopedia import Corpus

Article = tuple[str, list[str]]


class Town(NamedTuple):
    """A town and what its article tells."""

    name: str
    island: str
    river: str
    founded: int
    craft: str


class Person(NamedTuple):
    """A person, where and when they were born (place in `TOWNS`), and what they made."""

    name: str
    trade: str
    town: int
    born: int
    work: str
    kind: str
    made: int


TOWNS = (
    Town("Harrowick", "North Maravel", "Orle", 1312, "glass bells"),
    Town("Tessaly Quay", "South Maravel", "Vint", 1455, "eel nets"),
    Town("Brome Hollow", "North Maravel", "Little Carrow", 1388, "oak barrels"),
    Town("Ostermere", "Far Maravel", "Sund", 1501, "blue tiles"),
    Town("Quillon", "South Maravel", "Asper", 1279, "writing ink"),
    Town("Fenwater", "Far Maravel", "Mirrel", 1620, "reed flutes"),
    Town("Castle Dunmarch", "North Maravel", "Great Carrow", 1190, "iron gates"),
    Town("Pellory", "South Maravel", "Thrush", 1544, "saffron"),
    Town("Ninestairs", "Far Maravel", "Yarrel", 1407, "rope bridges"),
    Town("Ludden", "North Maravel", "Keswater", 1663, "wool caps"),
    Town("Amberlock", "South Maravel", "Hone", 1233, "amber combs"),
    Town("Saint Orrin", "Far Maravel", "Dapple", 1576, "church organs"),
)

PEOPLE = (
    Person("Ida Vantongerl", "composer", 0, 1811, "The Salt Wedding", "opera", 1840),
    Person("Corwin Aldebeck", "novelist", 1, 1834, "Nine Lanterns for Maud", "novel", 1869),
    Person("Mette Orrisdale", "engineer", 2, 1852, "Gannet Viaduct", "railway bridge", 1887),
    Person("Tobias Fennimark", "painter", 3, 1799, "Harvest under Two Moons", "painting", 1831),
    Person("Rosalind Quake", "poet", 4, 1877, "Letters to a Lighthouse", "book of poems", 1902),
    Person("Anselm Durkey", "architect", 5, 1790, "Pharos Exchange", "market hall", 1828),
    Person("Beatrix Holloway-Stam", "playwright", 6, 1905, "The Clockmaker's Alibi", "play", 1938),
    Person("Ludo Marchetwane", "sculptor", 7, 1864, "The Sleeping Pilot", "statue", 1899),
    Person("Philippa Graad", "botanist", 8, 1826, "A Flora of the Outer Reefs", "handbook", 1861),
    Person("Osric Tamblyn", "instrument maker", 9, 1843, "Tamblyn Horn", "brass instrument", 1878),
    Person("Nerissa Coldwell", "cartographer", 10, 1771, "The Maravel Atlas", "atlas", 1806),
    Person("Jonty Breck", "film director", 11, 1912, "Smoke over Pier Nine", "film", 1949),
    Person("Ulrika Penhallow", "composer", 6, 1823, "The Heron's Oath", "opera", 1857),
    Person("Magnus Thirlby", "novelist", 7, 1848, "A House of Borrowed Chairs", "novel", 1881),
    Person("Sunniva Araby", "engineer", 8, 1869, "Wend Lock", "canal lock", 1904),
    Person("Caspian Rudge", "painter", 9, 1808, "Portrait of an Absent Aunt", "painting", 1846),
    Person("Dorothea Lisk", "poet", 10, 1881, "Small Weather", "book of poems", 1910),
    Person("Emeric Vole", "architect", 11, 1802, "Saltgrain Theatre", "theatre", 1839),
    Person("Hester Quillaby", "playwright", 0, 1898, "Three Geese and a Magistrate", "play", 1931),
    Person("Bram Oldacre", "sculptor", 1, 1857, "The Ferryman's Daughter", "statue", 1893),
    Person("Linnet Farrow", "botanist", 2, 1839, "Mosses of the Wet Coast", "handbook", 1872),
    Person("Gideon Sprake", "instrument maker", 3, 1830, "Sprake Viol", "string instrument", 1866),
    Person("Alma Tregarrick", "cartographer", 4, 1784, "Chart of the Hundred Shoals", "sea chart", 1817),
    Person("Felix Underbough", "film director", 5, 1920, "The Last Tram to Ludden", "film", 1958),
)

HALF = len(PEOPLE) // 2


def _town(town: Town) -> Article:
    return town.name, [
        f"{town.name} is a town on the island of {town.island}.",
        f" It lies on the river {town.river}, which drives its mills.",
        f" The town was founded in {town.founded} by settlers from the mainland.",
        f" It is known for its {town.craft}.",
    ]


def _person(person: Person) -> Article:
    return person.name, [
        f"{person.name} ({person.born}–{person.born + 68}) was a {person.trade} from the Maravel islands.",
        f" {person.name} was born in {TOWNS[person.town].name} and kept a house there to the end.",
        f' The best known work of the {person.trade} is the {person.kind} "{person.work}".',
    ]


def _work(person: Person) -> Article:
    return person.work, [
        f"{person.work} is a {person.kind} of the year {person.made}.",
        f" It was made by the {person.trade} {person.name}, after long quarrels about the fee.",
        " A copy of the contract is shown in the islands' museum.",
    ]


def _record(question: str, answer: str, kind: str, gold: list[tuple[Article, int]], place: int) -> dict[str, Any]:
    """One record with ten paragraphs; `place` turns the distractors and the order, so that no two look alike."""
    titles = {article[0] for article, _ in gold}
    people = [PEOPLE[(place * 5 + 7 * step) % len(PEOPLE)] for step in range(len(PEOPLE))]
    others = [make(person) for person in people for make in (_person, _work)]
    others += [_town(TOWNS[(place + step) % len(TOWNS)]) for step in range(3)]
    context = [article for article in (*others[-3:], *others[:-3]) if article[0] not in titles][: 10 - len(gold)]
    for number, (article, _) in enumerate(gold):
        context.insert((place * 3 + number * 5) % (len(context) + 1), article)
    return {
        "_id": hashlib.sha256(question.encode()).hexdigest()[:24],
        "question": question,
        "answer": answer,
        "type": kind,
        "level": "medium",
        "supporting_facts": [[article[0], sentence] for article, sentence in gold],
        "context": [[title, sentences] for title, sentences in context],
    }


@cache
def records(split: str) -> list[dict[str, Any]]:
    """The questions of a split (about half of the people each), in the layout of ``hotpot_train_v1.1.json``."""
    people = PEOPLE[:HALF] if split == "train" else PEOPLE[HALF:]
    made: list[dict[str, Any]] = []

    def add(question: str, answer: str, kind: str, *gold: tuple[Article, int]) -> None:
        made.append(_record(question, answer, kind, list(gold), len(made) + (0 if split == "train" else 1)))

    for number, person in enumerate(people):
        town, rival = TOWNS[person.town], people[(number + 5) % HALF]
        add(
            f'In which town was the {person.trade} who made the {person.kind} "{person.work}" born?',
            town.name,
            "bridge",
            (_work(person), 1),
            (_person(person), 1),
        )
        add(
            f"Which river flows through the birthplace of {person.name}?",
            town.river,
            "bridge",
            (_person(person), 1),
            (_town(town), 1),
        )
        if number % 3 == 0:
            add(
                f"Who was born first, {person.name} or {rival.name}?",
                min(person, rival, key=lambda each: each.born).name,
                "comparison",
                (_person(person), 0),
                (_person(rival), 0),
            )
        if number % 3 == 1:
            add(
                f"Were {person.work} and {rival.work} made in the same century?",
                "yes" if person.made // 100 == rival.made // 100 else "no",
                "comparison",
                (_work(person), 0),
                (_work(rival), 0),
            )
    return made


@cache
def tasks(split: str) -> tuple[Task, ...]:
    """The same records, read by the same code as the official files."""
    return hotpotqa_records.tasks(records(split), Path("the bundled sample"), split)


@cache
def corpus() -> Corpus:
    """All articles as one corpus."""
    articles = [*map(_town, TOWNS), *map(_person, PEOPLE), *map(_work, PEOPLE)]
    return Corpus(dict(articles))
