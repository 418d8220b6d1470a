"""Record a real Lucene's rankings of the bundled shop: ``python benchmarks/lucene/record.py --jar JAR``.

Writes tests/golden/webshop_lucene.json, which tests/parity/test_webshop.py compares with; run it again when the bundled
shop changes.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from oracle import lucene

from agentbank.envs.web.webshop.catalogue import catalogue

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "webshop_lucene.json"
ODD = ["towel towel towel bath", "the and of", "men's", "MEN'S SHIRTS", "x-large", "2 x 3 ft"]
ODD += ["caffeine-free tea, 20 count", "lamp lamp sandal", "relational generalizations", "sauces"]
SHOWN = 20


def main() -> None:
    """Ask Lucene for instructions, kinds, titles and odd queries."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jar", type=Path, required=True)
    jar = parser.parse_args().jar
    shop, rng = catalogue(None), random.Random(5)
    goals, stock = shop.goals("human"), list(shop.products)
    queries = [goals[at].instruction_text for at in rng.sample(range(len(goals)), 160)]
    queries += [each.query for each in stock[:16]] + [each.title for each in rng.sample(stock, 24)] + ODD
    rows = {each.asin: row for row, each in enumerate(stock)}
    recorded = []
    for query, found in zip(queries, lucene(jar, list(rows), [p.contents for p in stock], queries, 50), strict=True):
        best = found[:SHOWN]
        ranked = {"rows": [rows[asin] for asin, _ in best], "scores": [score for _, score in best]}
        recorded.append({"query": query, "hits": len(found), **ranked})
    GOLDEN.write_text(json.dumps(recorded, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
