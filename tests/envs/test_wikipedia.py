"""Live Wikipedia through its API, against a local server that speaks it, and servers that do not."""

import json
import urllib.parse

import pytest

from agentbank.envs import make
from agentbank.envs.reasoning.wikipedia import Wikipedia, sentences_of
from agentbank.trajectories import Fault

from .web_server import reply, serve

ORLE = (
    "The Orle is a river. It is 3.5 km long, says Dr. Penn.\n\n== Course ==\nIt rises in Wick.\nIt ends there! (Truly.)"
)
ARTICLES = {"Orle": ORLE, "Wick": "Wick is a town on the Orle."}


def media_wiki(asked=None, first=()):
    """A small MediaWiki: pages with plain text, one redirect, one disambiguation page, a search over titles and text."""
    first = list(first)

    def answer(handler):
        fields = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query))
        if asked is not None:
            asked.append((fields, handler.headers.get("User-Agent")))
        if first:
            return first.pop(0)(handler)
        if fields.get("list") == "search":
            hits = [
                {"ns": 0, "title": title, "snippet": "..."}
                for title, text in ARTICLES.items()
                if any(word in (title + text).lower() for word in fields["srsearch"].lower().split())
            ]
            found = {"searchinfo": {"totalhits": len(hits)}, "search": hits}
        else:
            title = {"River Orle": "Orle"}.get(fields["titles"], fields["titles"])
            page = {"ns": 0, "title": title, "missing": True}
            if title in ARTICLES:
                page = {"pageid": 7, "ns": 0, "title": title, "extract": ARTICLES[title]}
            if title == "Mercury":
                page = {"pageid": 8, "ns": 0, "title": title, "extract": "Mercury may refer to:"}
                page["pageprops"] = {"disambiguation": ""}
            found = {"pages": [page]}
        body = json.dumps({"batchcomplete": True, "query": found}).encode()
        return reply(handler, body, Content_Type="application/json; charset=utf-8")

    return answer


@pytest.fixture
def wiki():
    with serve(media_wiki()) as address:
        yield make("hotpotqa", data="sample", source="wikipedia", wikipedia=f"{address}/w/api.php", wait=0.001)


def test_search_and_lookup(wiki):
    wiki.reset(seed=0)
    assert wiki.step("search[Orle]")[0] == (
        "The Orle is a river. It is 3.5 km long, says Dr. Penn. It rises in Wick. It ends there!"
    )
    assert wiki.step("lookup[wick]")[0] == "(Result 1 / 1) It rises in Wick."
    assert wiki.step("search[River Orle]")[0].startswith("The Orle is a river.")
    assert wiki.step("search[the town of Wick]")[0] == "Could not find the town of Wick. Similar: ['Orle', 'Wick']."
    assert wiki.step("search[Mercury]")[0] == "Could not find Mercury. Similar: []."


@pytest.mark.parametrize("title", ["", "  ", "a|b", "日本", "&titles=Orle#", "x" * 5000])
def test_odd_titles_are_not_found(wiki, title):
    wiki.reset(seed=0)
    assert wiki.step(f"search[{title}]")[0].startswith("Could not find")


def test_it_says_who_asks():
    asked = []
    with serve(media_wiki(asked)) as address:
        Wikipedia(address).page("Orle")
    [(fields, agent)] = asked
    assert fields["action"] == "query" and fields["titles"] == "Orle" and "AgentBank" in agent


def html(handler):
    reply(handler, b"<html>Our servers are under maintenance</html>", Content_Type="text/html")


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"query": {"pa')


def refuse(handler):
    handler.connection.close()


TROUBLE = {
    "html": html,
    "cut": cut,
    "closed": refuse,
    "500": lambda handler: reply(handler, b"oops", 500),
    "429": lambda handler: reply(handler, b"slow down", 429),
    "a list": lambda handler: reply(handler, b"[]"),
    "an error": lambda handler: reply(handler, b'{"error": {"code": "maxlag"}}'),
    "wrong query": lambda handler: reply(handler, b'{"query": []}'),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_passing_trouble_is_asked_again(name):
    with serve(media_wiki(first=[TROUBLE[name]] * 2)) as address:
        page = Wikipedia(address, tries=3, wait=0.001).page("Wick")
    assert page is not None and page.sentences == ("Wick is a town on the Orle.",)


@pytest.mark.parametrize("name", TROUBLE)
def test_lasting_trouble_is_a_fault(name):
    asked = []

    def answer(handler):
        asked.append(1)
        TROUBLE[name](handler)

    with serve(answer) as address:
        world = make("hotpotqa", data="sample", source="wikipedia", wikipedia=address, wait=0.001)
        world.reset(seed=0)
        with pytest.raises(Fault) as caught:
            world.step("search[Orle]")
    assert caught.value.boundary == "env" and address in str(caught.value) and len(asked) == 4


def test_no_right_to_ask_is_not_asked_again():
    asked = []
    forbidden = [lambda handler: reply(handler, b"no", 403)] * 9
    with serve(media_wiki(asked, first=forbidden)) as address, pytest.raises(Fault, match="403"):
        Wikipedia(address, wait=0.001).page("Orle")
    assert len(asked) == 1


def test_nobody_there_is_a_fault():
    with serve(media_wiki()) as address:
        gone = address
    with pytest.raises(Fault, match="refused"):
        Wikipedia(gone, tries=2, wait=0.001).similar("Orle")


def test_a_silent_server_is_a_fault():
    import threading

    released = threading.Event()
    with serve(lambda handler: released.wait(20)) as address:
        try:
            with pytest.raises(Fault, match="timed out"):
                Wikipedia(address, tries=2, wait=0.001, timeout=0.2).page("Orle")
        finally:
            released.set()


def test_sentences():
    assert sentences_of(ORLE) == (
        "The Orle is a river.",
        "It is 3.5 km long, says Dr.",
        "Penn.",
        "It rises in Wick.",
        "It ends there!",
        "(Truly.)",
    )
    assert sentences_of("") == ()
