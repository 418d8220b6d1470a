"""WebShop on its bundled shop: the state machine, the reward, the files, copies."""

import itertools
import json
import re
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thefuzz import fuzz

from agentbank.envs import make
from agentbank.envs.web.webshop import catalogue as stock
from agentbank.envs.web.webshop.goals import Goal, combination
from agentbank.envs.web.webshop.nouns import nouns
from agentbank.envs.web.webshop.products import prices, raw_products
from agentbank.envs.web.webshop.reward import colour, options_met, ratio, type_factor, wanted_options
from agentbank.envs.web.webshop.sample import generate
from agentbank.envs.web.webshop.world import parse, searchable
from agentbank.trajectories import DataError, UnknownName, UsageError


@pytest.fixture
def shop():
    env = make("webshop", split="test", data="sample")
    env.reset(seed=1, options={"task": "webshop/test/12"})
    return env


def act(env, *actions):
    for action in actions:
        observation, reward, done, _, info = env.step(action)
        assert info["valid"], (action, observation)
    return observation, reward, done, info


def items(observation):
    return re.findall(r"S\d{6}[A-H][J-R]\d", observation)


def test_splits_are_the_official_places():
    sizes = {split: len(make("webshop", split=split, data="sample").tasks()) for split in ("test", "dev", "train")}
    assert sizes == {"test": 500, "dev": 1000, "train": 100}
    tasks = make("webshop", split="dev", data="sample").tasks()
    assert tasks[0].id == "webshop/dev/500" and tasks[-1].id == "webshop/dev/1499"
    assert [each.id for each in tasks[:2]] == ["webshop/dev/500", "webshop/dev/501"]


def test_the_full_choice_is_a_shop_of_its_own():
    some, full = (make("webshop", data="sample", goals="synthetic", choice=each) for each in ("some", "full"))
    assert len(full.tasks()) == len(some.tasks()) == 500
    assert {each.digest for each in full.tasks()}.isdisjoint(each.digest for each in some.tasks()[:5])
    for env, alike in ((full, True), (some, False)):
        offers = {product.query: set() for product in env.shop.products}
        for product in env.shop.products:
            offers[product.query].add(frozenset((name, each) for name, of in product.options.items() for each in of))
        assert all((len(each) == 1) is alike for each in offers.values())


def test_a_choice_is_refused_where_it_has_no_meaning(tmp_path):
    with pytest.raises(UnknownName, match="choice"):
        make("webshop", data="sample", choice="all")
    with pytest.raises(UsageError, match="data='sample'"):
        make("webshop", data=tmp_path, choice="full")


@pytest.mark.parametrize("goals", ["human", "synthetic"])
def test_the_expert_earns_one_on_every_bundled_task(goals):
    for split in ("test", "dev", "train"):
        env = make("webshop", split=split, data="sample", goals=goals)
        for task in env.tasks()[::3]:
            env.reset(options={"task": task.id})
            gold = env.expert(task)
            assert gold, task.data
            *_, last = [env.step(action) for action in gold]
            assert last[1] == 1.0 and last[2] and last[4]["success"], task


def test_pages_lead_to_each_other(shop):
    results, _, _, info = act(shop, "search[desk lamp collection]")
    assert "Page 1 (Total results: 50)" in results and len(items(results)) == 10 and info["page"] == "results"
    second, *_ = act(shop, "click[next >]")
    assert "Page 2" in second and not set(items(second)) & set(items(results))
    assert act(shop, "click[< prev]")[0] == results
    asin = items(results)[3]
    item, _, _, info = act(shop, f"click[{asin.lower()}]")
    assert info["page"] == "item" and "Buy Now" in item
    for name in ("description", "features", "reviews"):
        page, _, _, info = act(shop, f"click[{name}]")
        assert info["page"] == "sub" and "Buy Now" not in page
        assert act(shop, "click[< prev]")[0] == item
    assert act(shop, "click[< prev]")[0] == results
    home, *_ = act(shop, "click[back to search]")
    assert home.startswith("WebShop [SEP] Instruction:") and home.endswith("[SEP] Search")


def test_pages_past_the_last_are_empty_and_known(shop):
    last, *_ = act(shop, "search[desk lamp collection]", *["click[next >]"] * 6)
    assert "Page 7 (Total results: 50)" in last and not items(last)
    nothing, *_ = act(shop, "search[zzzzqqq]")
    assert "Page 1 (Total results: 0)" in nothing


def test_options_count_and_are_forgotten_on_leaving(shop):
    gold = shop.expert(shop.task)
    *_, info = act(shop, *gold[:-1])
    assert info["progress"] == 1.0 and info["score"] == 0.0 and not info["success"]
    act(shop, "click[< prev]", gold[1] if gold[1] != "click[next >]" else next(g for g in gold if "click[s0" in g))
    observation, reward, done, info = act(shop, "click[buy now]")
    assert done and reward == info["score"] < 1.0 and "[SEP] options [SEP] {} [SEP]" in observation


def test_searching_is_allowed_on_any_page(shop):
    results, *_ = act(shop, "search[herbal tea]")
    assert act(shop, f"click[{items(results)[0]}]", "search[HERBAL tea]")[0] == results


@pytest.mark.parametrize(
    "action", ["click[search]", "click[nowhere]", "click[buy now]", "search[]", "Search[tea]", "buy", "click[a]["]
)
def test_what_is_not_understood_leaves_the_page(shop, action):
    before = shop.render_mode, act(shop, "search[tea]")[0]
    observation, reward, done, _, info = shop.step(action)
    assert (reward, done, info["valid"]) == (0.0, False, False)
    assert observation == f"{shop.hint()} [SEP] {before[1]}"
    assert shop.step("click[next >]")[4]["valid"]


def test_without_notice_the_page_stands_alone():
    env = make("webshop", data="sample", notice=False)
    first, _ = env.reset(seed=3)
    assert env.step("dance")[0] == first


def test_rich_mode_marks_buttons_and_what_was_clicked():
    env = make("webshop", data="sample", mode="text_rich", show_attrs=True)
    env.reset(options={"task": "webshop/test/12"})
    gold = env.expert(env.task)
    act(env, *gold[:-1])
    seen = env.step(gold[-2])[0]
    chosen = gold[-2][6:-1]
    assert seen.startswith(f"You have clicked {chosen}.\n") or "You have clicked" in seen.split("Instruction:")[0]
    assert f"  [clicked button] {chosen} [clicked button_]" in seen and "[button] Attributes [button_]" in seen
    asin = next(each for each in gold if "click[s0" in each)[6:-1].upper()
    results, *_ = act(env, "click[< prev]")
    assert f"\n[clicked button] {asin} [clicked button_]" in results and "\n[button] S0" in results
    attributes, *_ = act(env, f"click[{asin}]", "click[attributes]")
    assert env.shop.products[env.task.data.row].product_category in attributes


def test_actions_are_what_can_be_clicked(shop):
    (search,) = shop.actions()
    assert search.startswith("search[") and shop.step(search)[4]["valid"]
    for action in shop.actions():
        assert shop.fork().step(action)[4]["valid"], action


def test_a_fork_goes_its_own_way(shop):
    gold = shop.expert(shop.task)
    act(shop, *gold[:2])
    twin, page = shop.fork(), shop.step("click[nowhere]")[0]
    act(shop, "click[back to search]")
    assert twin.step("click[nowhere]")[0] == page
    assert len(twin.history) == 3 and len(shop.history) == 4 and twin.rng is not shop.rng
    assert twin.shop is shop.shop


def test_nothing_of_the_key_is_shown(shop):
    for action in ("search[lamp]", "click[next >]", "bad"):
        info = shop.step(action)[4]
        assert set(info) == {"task", "seed", "success", "score", "valid", "fidelity", "data", "page", "progress"}


def test_unknown_names_are_mended(shop):
    with pytest.raises(UnknownName, match="did you mean 'human'"):
        make("webshop", goals="humen")
    with pytest.raises(UnknownName, match="text_rich"):
        make("webshop", mode="rich")
    for wrong in (
        "webshop/test/500",
        "webshop/test/012",
        "webshop/dev/12",
        "webshop/test/-1",
        "nonsense",
        "webshop/test/²",
    ):
        with pytest.raises(UnknownName, match=r"did you mean|there are"):
            shop.reset(options={"task": wrong})


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab[]\n C", max_size=12))
def test_actions_are_read_by_upstreams_pattern(text):
    match = re.match(r"(.+)\[(.+)\]", text.strip())
    expected = (match[1], match[2].lower()) if match else None
    assert (tuple(parse(text)) if parse(text).argument else None) == expected


def test_a_huge_action_is_read_in_linear_time(shop):
    assert parse("[" * 200_000) == ("[" * 200_000, "")
    assert not shop.step("click" + "[" * 199_000)[4]["valid"]


# --- reward -----------------------------------------------------------------------------------------------------------


@settings(max_examples=2000, deadline=None)
@given(st.text(alphabet="abc xX1-/|'é中\xa0,.", max_size=14), st.text(alphabet="abc xX1-/|'é中\xa0,.", max_size=14))
def test_fuzzy_ratio_is_thefuzzs(one, other):
    assert ratio(one, other) == fuzz.token_set_ratio(one, other)


def test_fuzzy_ratio_is_thefuzzs_on_the_shops_words():
    products = stock.catalogue(None).products
    words = sorted({each for p in products for each in [*p.attributes, *itertools.chain(*p.options.values()), p.query]})
    assert len(words) > 100
    assert all(ratio(a, b) == fuzz.token_set_ratio(a, b) for a in words for b in words)
    pairs = [(name, value) for p in products[:40] for name, values in p.options.items() for value in values]
    assert all(ratio(str(a), b) == fuzz.token_set_ratio(a, b) for a in pairs for b in words)


def test_options_are_compared_as_upstream_does():
    def goal(options):
        return Goal("a", "c", "q", "n", "p", "t", ["x"], 10.0, options)

    assert colour("dark navy blue") == "blue" and colour("size 9") == "size 9"
    assert options_met(["pack of 12", "grey", "XL"], goal(["grey", "XL", "pack of 12"])) == 3
    assert options_met(["pack of 12", "powder snow", "XL"], goal(["cool powder snow", "XL", "pack of 12"])) == 3
    assert options_met(["pack of 12", "blue", "XL"], goal(["grey", "XL", "pack of 12"])) == 2
    assert options_met([], goal(["grey"])) == 0
    assert wanted_options({"color": "red", "size": "9 x 12"}) == ["red", "('size', '9 x 12')"]
    assert options_met(["red", "9 x 12"], goal({"color": "red", "size": "9 x 12"})) == 2


def test_type_factor():
    assert [type_factor(True, s) for s in (0.0, 0.05, 0.1, 0.2, 0.9)] == [0.0, 0.1, 1.0, 1.0, 1.0]
    assert [type_factor(False, s) for s in (0.0, 0.05, 0.1, 0.2, 0.21)] == [0.0, 0.1, 0.5, 0.5, 1.0]


def test_nouns_leave_out_what_is_none():
    assert nouns("Men's Soft Shoes for Walking, 2 Pack, gluten-free and easily washed") == (
        "men", "soft", "shoes", "walking", "pack", "gluten", "washed",
    )  # fmt: skip


def test_prices_are_read_as_upstream_reads_them():
    assert prices("$16.99$26.99") == ([16.99, 26.99], "$16.99 to $26.99")
    assert prices("$1,016.5") == ([1016.5], "$1016.5")
    assert prices("") == prices(None) == ([100.0], "$100.0")


def test_combinations_run_last_name_fastest():
    options = {"size": ["s", "m"], "color": ["red", "blue", "green"]}
    assert [combination(options, pick) for pick in (0, 1, 2, 5)] == [
        {"color": "red", "size": "s"}, {"color": "red", "size": "m"},
        {"color": "blue", "size": "s"}, {"color": "green", "size": "m"},
    ]  # fmt: skip


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The sample written out in the official layout, and a cache of its own."""
    raws, notes, human = generate(40)
    data = tmp_path / "shop" / "data"
    data.mkdir(parents=True)
    (data / "items_shuffle.json").write_text(json.dumps(list(raws), indent=1))
    (data / "items_ins_v2.json").write_text(json.dumps({key: json.loads(bytes(raw)) for key, raw in notes.items()}))
    asked = {
        key: [{"asin": key, "instruction": e.instruction, "instruction_attributes": e.instruction_attributes,
               "instruction_options": e.instruction_options, "worker_id": ""} for e in each]
        for key, each in human.items()
    }  # fmt: skip
    (data / "items_human_ins.json").write_text(json.dumps(asked))
    monkeypatch.setenv("AGENTBANK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "shop"


def tour(folder):
    env = make("webshop", split="test", data=str(folder), goals="human")
    seen = [task.digest for task in env.tasks()]
    for seed in range(5):
        seen.append(env.reset(seed=seed)[0])
        seen += [env.step(action)[:3] for action in env.expert(env.task)]
    return seen


def test_a_large_file_is_built_once_and_gives_the_same(folder, tmp_path, monkeypatch):
    memory = tour(folder)
    monkeypatch.setattr(stock, "LARGE", 0)
    monkeypatch.setattr(stock, "_loaded", {})
    assert tour(folder) == memory
    (built,) = (tmp_path / "cache" / "webshop").iterdir()
    stamp = built.stat().st_mtime_ns
    monkeypatch.setattr(stock, "_loaded", {})
    monkeypatch.setattr(stock, "build", None)
    assert tour(folder) == memory and built.stat().st_mtime_ns == stamp


def test_a_cache_that_cannot_be_written_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(stock, "LARGE", 0)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AGENTBANK_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="set AGENTBANK_CACHE"):
        make("webshop", data=str(folder)).reset(seed=0)


def test_a_build_that_fails_leaves_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(stock, "LARGE", 0)
    rewrite(folder, lambda raw: raw[: len(raw) // 2])
    with pytest.raises(DataError, match="cut off"):
        make("webshop", data=str(folder)).reset(seed=0)
    assert list((tmp_path / "cache" / "webshop").iterdir()) == []


def test_without_human_instructions_goals_are_synthetic(folder):
    (folder / "data" / "items_human_ins.json").unlink()
    env = make("webshop", data=str(folder))
    assert env.kind == "synthetic" and len(env.tasks()) > 100


def test_the_folder_may_be_the_data_itself(folder):
    assert make("webshop", data=str(folder / "data"), goals="human").reset(seed=0)[0]


def rewrite(folder, change):
    path = folder / "data" / "items_shuffle.json"
    path.write_bytes(change(path.read_bytes()))


def test_odd_and_repeated_ids_are_left_out(folder):
    rows = json.loads((folder / "data" / "items_shuffle.json").read_bytes())
    rewrite(
        folder,
        lambda _: json.dumps([rows[0], rows[0], {**rows[1], "asin": "nan"}, {**rows[2], "asin": "x" * 11}]).encode(),
    )
    env = make("webshop", data=str(folder), goals="human")
    assert len(env.shop.products) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda raw: raw[: len(raw) // 2], r"items_shuffle\.json, record \d+: cut off or not JSON"),
        (lambda raw: b"", r"items_shuffle\.json, record 0: cut off or not JSON"),
        (lambda raw: b'{"a": 1}', r"expected a JSON list of products"),
        (lambda raw: raw.replace(b"Lamp", b"\xff\xfe", 1), r"not UTF-8"),
        (lambda raw: raw.replace(b'"name":', b'"nom":', 1), r"record 1, field 'name': missing"),
        (lambda raw: raw.replace(b'"query": "desk lamps"', b'"query": 5', 1), r"record 1, field 'query': expected str"),
        (lambda raw: re.sub(rb'"pricing": "[^"]*"', b'"pricing": "$cheap"', raw, count=1), r"field 'pricing': expected dollar"),
        (lambda raw: raw.replace(b'"value":', b'"worth":', 1), r"field 'customization_options': expected"),
        (lambda raw: b"[3]", r"record 1: expected an object, found int"),
    ],
)  # fmt: skip
def test_a_broken_product_file_is_named(folder, change, told):
    rewrite(folder, change)
    with pytest.raises(DataError, match=told):
        make("webshop", data=str(folder)).reset(seed=0)


def test_other_broken_files_are_named(folder, tmp_path):
    data = folder / "data"
    (data / "items_human_ins.json").write_text('{"S": [{"instruction": 3}]}')
    with pytest.raises(DataError, match=r"items_human_ins.json: Expected `str`"):
        make("webshop", data=str(folder)).reset(seed=0)
    (data / "items_human_ins.json").unlink()
    whole = (data / "items_ins_v2.json").read_text()
    (data / "items_ins_v2.json").write_text(whole.replace('"attributes": [', '"attributes": 5, "x": [', 1))
    with pytest.raises(DataError, match=r"items_ins_v2 is wrong"):
        make("webshop", data=str(folder)).reset(seed=0)
    (data / "items_ins_v2.json").unlink()
    with pytest.raises(DataError, match=r"items_ins_v2.json: missing"):
        make("webshop", data=str(folder)).reset(seed=0)
    shutil.rmtree(data)
    with pytest.raises(DataError, match=r"no product file; expected data/items_shuffle.json"):
        make("webshop", data=str(folder)).reset(seed=0)


def test_a_record_longer_than_a_chunk_is_read(tmp_path, monkeypatch):
    from agentbank.envs.web.webshop import products

    monkeypatch.setattr(products, "CHUNK", 7)
    rows = [{"a": "x" * 100}, {"b": [1, 2, "]"]}, {}]
    (tmp_path / "p.json").write_text(json.dumps(rows, indent=2))
    assert list(raw_products(tmp_path / "p.json")) == rows


def test_keywords_stay_inside_their_brackets():
    assert searchable("a [b]\n c") == "a b c"
