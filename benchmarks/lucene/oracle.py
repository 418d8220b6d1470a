"""A real Lucene beside our BM25: the same documents and queries through Anserini's jar, rankings compared.

    pip download --no-deps pyserini==0.22.1 && unzip -j pyserini-*.whl '*fatjar.jar'
    python benchmarks/lucene/oracle.py --jar anserini-0.22.1-fatjar.jar \
        --documents DATA/webshop/search_engine/resources_1k/documents.jsonl --queries queries.txt

The jar is never part of the product; Java 17 runs it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentbank.envs.retrieval import BM25

Ranking = list[tuple[str, float]]


def lucene(jar: Path, ids: Sequence[str], documents: Sequence[str], queries: Sequence[str], k: int) -> list[Ranking]:
    """Index and search with Anserini's own programs, as pyserini does for WebShop."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        (folder / "in").mkdir()
        with (folder / "in" / "documents.jsonl").open("w") as file:
            for name, text in zip(ids, documents, strict=True):
                file.write(json.dumps({"id": name, "contents": text}) + "\n")
        spaced = [" ".join(query.split()) for query in queries]
        (folder / "topics.tsv").write_text("".join(f"{at}\t{query}\n" for at, query in enumerate(spaced)))
        java = ["java", "-cp", str(jar)]
        index = ["-collection", "JsonCollection", "-input", f"{work}/in", "-index", f"{work}/index", "-threads", "1"]
        index += ["-generator", "DefaultLuceneDocumentGenerator", "-storeRaw"]
        search = ["-index", f"{work}/index", "-topics", f"{work}/topics.tsv", "-topicreader", "TsvInt", "-bm25"]
        search += ["-hits", str(k), "-output", f"{work}/run.txt"]
        for program, options in (("index.IndexCollection", index), ("search.SearchCollection", search)):
            subprocess.run([*java, f"io.anserini.{program}", *options], check=True, capture_output=True)
        rankings: list[Ranking] = [[] for _ in queries]
        for line in (folder / "run.txt").read_text().splitlines():
            topic, _, name, _, score, _ = line.split()
            rankings[int(topic)].append((name, float(score)))
    return rankings


def ours(ids: Sequence[str], documents: Sequence[str], queries: Sequence[str], k: int) -> list[Ranking]:
    """The same from our index."""
    index = BM25.build(documents, ties=ids)
    return [[(ids[doc], score) for doc, score in index.search(" ".join(query.split()), k)] for query in queries]


def compare(theirs: Sequence[Ranking], mine: Sequence[Ranking]) -> dict[str, object]:
    """Shares of queries with the same first page (10), the same whole ranking, and the largest score difference."""
    first = sum([n for n, _ in a[:10]] == [n for n, _ in b[:10]] for a, b in zip(theirs, mine, strict=True))
    whole = [at for at, (a, b) in enumerate(zip(theirs, mine, strict=True)) if [n for n, _ in a] != [n for n, _ in b]]
    gaps = [abs(x - y) for a, b in zip(theirs, mine, strict=True) for (_, x), (_, y) in zip(a, b, strict=False)]
    return {
        "queries": len(theirs),
        "hits": sum(map(len, theirs)),
        "same_first_page": first / len(theirs),
        "same_ranking": 1 - len(whole) / len(theirs),
        "largest_score_gap": max(gaps, default=0.0),
        "different": whole[:20],
    }


def main() -> None:
    """Compare over a documents file and a file of one query a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jar", type=Path, required=True)
    parser.add_argument("--documents", type=Path, required=True, help="JSON lines with id and contents")
    parser.add_argument("--queries", type=Path, required=True, help="one query a line")
    parser.add_argument("-k", type=int, default=50)
    chosen = parser.parse_args()
    rows = [json.loads(line) for line in chosen.documents.open()]
    ids, documents = [row["id"] for row in rows], [row["contents"] for row in rows]
    queries = [line for line in chosen.queries.read_text().splitlines() if line.strip()]
    theirs = lucene(chosen.jar, ids, documents, queries, chosen.k)
    print(json.dumps(compare(theirs, ours(ids, documents, queries, chosen.k)), indent=1))


if __name__ == "__main__":
    main()
