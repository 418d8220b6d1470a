"""Live Wikipedia through its own API: a page's plain text by title, and full-text search for what is not a title."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from ...trajectories.errors import Fault
from .encyclopedia import SIMILAR, Encyclopedia, Page

AGENT = "AgentBank/0.1 (research on language agents; Python urllib)"
"""Wikimedia asks every program to say who it is."""

LARGEST = 8 * 2**20
"""Bytes of one answer that are read; no article's plain text is near it."""

_HEADING = re.compile(r"^=+ .* =+$")
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'(\[]?[A-Z0-9])")


class Wikipedia(Encyclopedia):
    """The MediaWiki API at `url` (``action=query``: ``prop=extracts`` for pages, ``list=search`` for similar ones)."""

    def __init__(self, url: str, *, timeout: float = 10.0, tries: int = 4, wait: float = 0.5) -> None:
        """Remember where; nothing is asked yet.

        Args:
            url: the API's address, such as ``https://en.wikipedia.org/w/api.php``.
            timeout: seconds that one answer may take.
            tries: how often a question is put before it is a `Fault`.
            wait: seconds before the second try; doubled for each further one.
        """
        self.url, self.timeout, self.tries, self.wait = url, timeout, tries, wait

    def page(self, title: str) -> Page | None:
        """The article of that title, redirects followed; a disambiguation page counts as none, as in ReAct.

        Raises:
            Fault: Wikipedia is down, too slow, or answers what is not its API's language, at every try.
        """
        if not title.strip() or "|" in title:
            return None
        answer = self._ask(
            prop="extracts|pageprops", explaintext="1", redirects="1", ppprop="disambiguation", titles=title
        )
        pages = answer.get("pages")
        if not isinstance(pages, list) or not pages:
            return None
        found = pages[0]
        text = found.get("extract") if isinstance(found, dict) else None
        if not text or "disambiguation" in found.get("pageprops", {}):
            return None
        return Page(str(found.get("title", title)), sentences_of(str(text)))

    def similar(self, words: str) -> list[str]:
        """The first five titles of Wikipedia's own search.

        Raises:
            Fault: as for `page`.
        """
        if not words.strip():
            return []
        hits = self._ask(list="search", srsearch=words[:300], srlimit=str(SIMILAR)).get("search")
        if not isinstance(hits, list):
            raise Fault("env", f"{self.url}: the answer to a search holds no list of hits")
        return [str(hit["title"]) for hit in hits if isinstance(hit, dict) and "title" in hit]

    def _ask(self, **question: str) -> dict[str, Any]:
        fields = {"action": "query", "format": "json", "formatversion": "2", **question}
        request = urllib.request.Request(
            f"{self.url}?{urllib.parse.urlencode(fields)}", headers={"User-Agent": AGENT, "Accept": "application/json"}
        )
        problem: Exception | None = None
        for number in range(self.tries):
            if number:
                time.sleep(self.wait * 2 ** (number - 1))
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as reply:
                    return _understood(reply.read(LARGEST))
            except urllib.error.HTTPError as error:
                error.close()
                problem = error
                if error.code < 500 and error.code != 429:
                    break
            except (OSError, http.client.HTTPException, ValueError) as error:
                problem = error
        raise Fault("env", f"{self.url}: no usable answer: {problem}") from problem


def _understood(body: bytes) -> dict[str, Any]:
    """The `query` part of an API answer; ValueError where it is something else (HTML, an error, half of it)."""
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("the answer is no JSON object")
    if "error" in answer:
        raise ValueError(f"the API says: {answer['error']}")
    part = answer.get("query", {})
    if not isinstance(part, dict):
        raise ValueError("the answer's 'query' is no JSON object")
    return part


def sentences_of(text: str) -> tuple[str, ...]:
    """Plain text cut into sentences; headings and empty lines are left out."""
    lines = (line.strip() for line in text.split("\n"))
    return tuple(
        sentence for line in lines if line and not _HEADING.match(line) for sentence in _END_OF_SENTENCE.split(line)
    )
