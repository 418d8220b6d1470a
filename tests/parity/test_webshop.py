"""WebShop beside upstream's own records: products, pages, goals, people's sessions, Lucene's rankings."""

import importlib.util
import itertools
import json
import os
import random
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Comment
from thefuzz import fuzz

from agentbank.envs import make
from agentbank.envs.retrieval import BM25
from agentbank.envs.web.webshop import pages
from agentbank.envs.web.webshop.catalogue import catalogue
from agentbank.envs.web.webshop.goals import SEED, Goal
from agentbank.envs.web.webshop.nouns import nouns
from agentbank.envs.web.webshop.products import Product
from agentbank.envs.web.webshop.reward import options_met, ratio, type_factor

GOLDEN = Path(__file__).parents[1] / "golden" / "webshop_lucene.json"
FIELDS = {
    "asin": "asin", "category": "category", "query": "query", "product_category": "product_category", "name": "title",
    "Title": "title", "Description": "description", "BulletPoints": "bullets", "pricing": "pricing",
    "Price": "price_tag", "options": "options", "option_to_image": "option_images", "Attributes": "attributes",
    "MainImage": "main_image", "Rating": "rating",
}  # fmt: skip


@pytest.fixture(scope="module")
def root(shared):
    return shared / "webshop"


@pytest.fixture(scope="module")
def real(root):
    return catalogue(root)


def lines(path):
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_all_products_load_as_upstream_loads_them(root, real):
    documents = lines(root / "search_engine/resources_1k/documents.jsonl")
    assert len(documents) == len(real.products) == 960
    for document, product in zip(documents, real.products, strict=True):
        assert document["contents"] == product.contents
        theirs = document["product"]
        assert {key: theirs[key] for key in FIELDS} == {key: getattr(product, name) for key, name in FIELDS.items()}
        asked = [(each["instruction"], each["instruction_options"]) for each in theirs.get("instructions", [])]
        assert asked == [(each.instruction, each.instruction_options) for each in product.instructions]


# --- pages ------------------------------------------------------------------------------------------------------------


def visible(soup):
    """Upstream's text mode (WebAgentTextEnv.convert_html_to_text)."""
    hidden = {"style", "script", "head", "title", "meta", "[document]"}
    texts = [t for t in soup.find_all(string=True) if t.parent.name not in hidden and not isinstance(t, Comment)]
    return " [SEP] ".join(text.strip() for text in texts if text != "\n")


def clickable(soup):
    """Upstream's clickables (get_available_actions)."""
    buttons = soup.find_all(class_="btn") + soup.find_all(class_="product-link")
    return {each.get_text().lower() for each in buttons} | {o["value"] for o in soup.select('input[type="radio"]')}


@pytest.fixture(scope="module")
def html(root):
    def read(name):
        return BeautifulSoup((root / "html_pages" / f"mock_parse_{name}.html").read_text(), "html.parser")

    return read


def product(**known):
    blank = dict.fromkeys(("asin", "category", "query", "product_category", "title", "description"), "")
    rest = {"bullets": [], "pricing": [], "price_tag": "", "options": {}, "option_images": {}, "attributes": []}
    return Product(**{**blank, **rest, "main_image": "", **known})


def instruction(soup):
    return soup.find(id="instruction-text").h4.get_text().removeprefix("Instruction:")


def test_results_page_is_the_real_one(html):
    soup = html("results_ws")
    cells = [
        [each.find(string=True) for each in soup.find_all(class_=f"product-{name}")]
        for name in ("link", "title", "price")
    ]
    shown = [product(asin=a, title=t, price_tag=p) for a, t, p in zip(*cells, strict=True)]
    assert len(shown) == 10
    page = pages.results_page(instruction(soup), shown, 1, 50, frozenset())
    assert pages.plain(page) == visible(soup)
    assert set(pages.clickables(page)) == clickable(soup)


def test_item_page_is_the_real_one(html):
    soup = html("item_page_ws")
    options = {}
    for each in soup.select('input[type="radio"]'):
        options.setdefault(each["name"], []).append(each["value"])
    price = soup.find(string=re.compile("^Price: ")).removeprefix("Price: ")
    shown = product(asin="B09P87V3LZ", title=soup.h2.get_text(), price_tag=str(price), options=options)
    page = pages.item_page(instruction(soup), shown, "", False)
    assert len(options) == 2 and pages.plain(page) == visible(soup)
    assert set(pages.clickables(page)) == clickable(soup)


@pytest.mark.parametrize(("file", "name"), [("item_page_ws_desc", "Description"), ("item_page_ws_feat", "Features")])
def test_sub_pages_are_the_real_ones(html, file, name):
    soup = html(file)
    texts = [each.get_text().removeprefix(" ") for each in soup.find_all(class_="product-info")]
    assert texts
    page = pages.sub_page(instruction(soup), product(description=texts[0], bullets=texts), name)
    assert pages.plain(page) == visible(soup)
    assert set(pages.clickables(page)) == clickable(soup)


# --- goals ------------------------------------------------------------------------------------------------------------


def test_human_goals_stand_where_the_official_order_has_them(root, real):
    official = json.loads((root / "baseline_models/data/human_goals.json").read_text())
    before = list(range(len(official)))
    random.Random(SEED).shuffle(before)
    places = {}
    for goal in real.goals("human"):
        text = goal.instruction_text.partition(", and price lower")[0]
        places[text] = [before[at] for at, each in enumerate(official) if each.strip(".") == text]
    # The small set is the beginning of the full one, so its goals come first before the shuffle, in its order.
    firsts = [min(found) for found in places.values() if found]
    assert len(firsts) >= 9 and max(firsts) < 15


def test_human_goals_are_parsed_as_others_parsed_them(root, real):
    theirs = {}
    for each in json.loads((root / "webshop_tasks.json").read_text()):
        theirs.setdefault(each["asin"], []).append(each)
    matched = 0
    for goal in real.goals("human"):
        text = goal.instruction_text.partition(", and price lower")[0]
        for each in theirs.get(goal.asin, []):
            if each["instruction"].strip(".") == text:
                assert each["target_attributes"] == {"attributes": goal.attributes, "options": goal.goal_options}
                matched += 1
    assert matched >= 9


def test_price_limits_are_drawn_as_upstream_draws_them(real):
    for kind in ("human", "synthetic"):
        for goal in real.goals(kind):
            price = float(real.prices[goal.row])
            near = [limit for limit in (10.0 * n for n in range(1, 100)) if limit > price][:4]
            assert goal.price_upper in near[1:] if len(near) > 1 else goal.price_upper == 1_000_000


def test_synthetic_goals_give_every_split(root):
    sizes = {split: len(make("webshop", split=split, data=str(root)).tasks()) for split in ("test", "dev", "train")}
    assert sizes == {"test": 500, "dev": 1000, "train": 4526}


def test_the_expert_solves_what_can_be_solved(root):
    env = make("webshop", split="test", data=str(root))
    solved = 0
    for task in env.tasks():
        env.reset(options={"task": task.id})
        gold = env.expert(task)
        if gold is not None:
            *_, last = [env.step(action) for action in gold]
            assert last[1] == 1.0 and last[2], task
            solved += 1
    assert solved == 480


# --- people's sessions ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sessions(root):
    found = [lines(path) for path in sorted((root / "user_session_logs/all_trajs").glob("*.jsonl"))]
    assert len(found) == 42 and all(each[-1]["page"] == "done" for each in found)
    return found


def test_peoples_rewards_follow_from_their_parts(sessions):
    for session in sessions:
        theirs, last, told = session[0]["goal"], session[-1], session[-1]["reward_info"]
        goal = Goal(**{key: theirs[key] for key in Goal.__struct_fields__ if key in theirs} | {"name": theirs["name"]})
        met = options_met(list(last["content"]["options"].values()), goal)
        if goal.goal_options:
            assert met / len(goal.goal_options) == told["r_option"]
        assert (last["content"]["price"] <= goal.price_upper) == told["r_price"]
        factor = type_factor(told["query_match"] or told["category_match"], told["title_score"])
        assert factor == told["r_type"]
        count = len(goal.attributes)
        total = (told["r_att"] * count + met + told["r_price"]) / (count + len(goal.goal_options) + 1) * factor
        assert total == pytest.approx(last["reward"], abs=1e-12)


def test_peoples_instructions_are_goals_in_words(sessions, root):
    official = {each.strip(".") for each in json.loads((root / "baseline_models/data/human_goals.json").read_text())}
    known = 0
    for session in sessions:
        goal = session[0]["goal"]
        text, _, limit = goal["instruction_text"].partition(", and price lower than ")
        assert not limit or limit == f"{goal['price_upper']:.2f} dollars"
        known += text in official
    assert known >= 30


def test_nouns_count_nearly_as_spacys(sessions):
    """A title score is a share of the wanted title's nouns, so its denominator tells how many spaCy found."""
    off = []
    for session in sessions:
        score = session[-1]["reward_info"]["title_score"]
        if score == 0:
            continue
        ours = len(nouns(session[0]["goal"]["name"]))
        possible = [n for n in range(1, 60) if abs(score * n - round(score * n)) < 1e-9]
        off.append(min(abs(n - ours) for n in possible))
    assert len(off) >= 40 and sum(off) / len(off) < 1.0 and max(off) <= 3


# --- search and matching ----------------------------------------------------------------------------------------------


def test_fuzzy_ratio_is_thefuzzs_on_real_words(real):
    words = sorted({each for p in real.products for each in [*p.attributes, *itertools.chain(*p.options.values())]})
    rng = random.Random(1)
    for _ in range(20_000):
        one, other = rng.choice(words), rng.choice(words)
        assert ratio(one, other) == fuzz.token_set_ratio(one, other)


def test_rankings_of_the_sample_are_lucenes():
    """Recorded with benchmarks/lucene/record.py from a real Lucene over the bundled shop."""
    index, recorded = catalogue(None).index, json.loads(GOLDEN.read_text())
    assert len(recorded) >= 200
    for each in recorded:
        found = index.search(each["query"], 50)
        assert len(found) == each["hits"] and [row for row, _ in found[:20]] == each["rows"], each["query"]
        assert [score for _, score in found[:20]] == pytest.approx(each["scores"], abs=1e-4)


@pytest.mark.slow
def test_rankings_of_real_products_are_lucenes(root):
    """Against a live Lucene: set AGENTBANK_LUCENE_JAR to Anserini's fat jar (docs/worlds/webshop.md)."""
    jar = os.environ.get("AGENTBANK_LUCENE_JAR")
    if not jar:
        pytest.skip("needs AGENTBANK_LUCENE_JAR, the path of anserini-0.22.1-fatjar.jar, and Java")
    path = Path(__file__).parents[2] / "benchmarks" / "lucene" / "oracle.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    rows = lines(root / "search_engine/resources_1k/documents.jsonl")
    ids, texts = [row["id"] for row in rows], [row["contents"] for row in rows]
    goals = json.loads((root / "baseline_models/data/human_goals.json").read_text())
    queries = [" ".join(each.split()) for each in goals if each.strip()][:1000]
    index = BM25.build(texts, ties=ids)
    ours = [[(ids[row], score) for row, score in index.search(each, 50)] for each in queries]
    found = oracle.compare(oracle.lucene(Path(jar), ids, texts, queries, 50), ours)
    assert found["same_first_page"] == found["same_ranking"] == 1.0, found
