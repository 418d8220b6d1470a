"""HotpotQA: search, lookup and finish over the question's paragraphs; both layouts; keys stay inside."""

import json
import shutil

import pytest

from agentbank.envs import make
from agentbank.envs.reasoning.encyclopedia import Corpus
from agentbank.trajectories import DataError, UnknownName, UsageError

RECORD = {
    "_id": "5ae0000000000000000000aa",
    "question": "Which river runs through the town where Ada Penn was born?",
    "answer": "the Orle",
    "type": "bridge",
    "level": "medium",
    "supporting_facts": [["Ada Penn", 0], ["Wick [town]", 1], ["Ada Penn", 1]],
    "context": [
        ["Ada Penn", ["Ada Penn was born in Wick.", " She paints."]],
        ["Wick [town]", [f"Sentence {n} on wool." for n in range(6)] + [" Wick lies on the Orle."]],
        ["Nowhere", []],
    ],
}


def hugging_face(record):
    """The same record in Hugging Face's layout."""
    pairs = record["supporting_facts"]
    return {
        **{key: record[key] for key in ("question", "answer", "type", "level")},
        "id": record["_id"],
        "supporting_facts": {"title": [t for t, _ in pairs], "sent_id": [n for _, n in pairs]},
        "context": {
            "title": [t for t, _ in record["context"]],
            "sentences": [s for _, s in record["context"]],
        },
    }


def folder(tmp_path, *records, name="hotpot_dev_distractor_v1.json"):
    (tmp_path / name).write_text(json.dumps(list(records)))
    return str(tmp_path)


@pytest.fixture
def env(tmp_path):
    world = make("hotpotqa", data=folder(tmp_path, RECORD))
    world.reset(seed=0)
    return world


def say(env, action):
    return env.step(action)[0]


def test_the_question_comes_first(tmp_path):
    world = make("hotpotqa", data=folder(tmp_path, RECORD))
    observation, info = world.reset(seed=0)
    assert observation == f"Question: {RECORD['question']}"
    assert info["task"] == "hotpotqa/test/5ae0000000000000000000aa"
    assert (info["data"], info["fidelity"]) == ("folder", "reimplementation")


def test_search_shows_the_first_five_sentences(env):
    assert say(env, "search[Ada Penn]") == "Ada Penn was born in Wick. She paints."
    assert say(env, "Search[wick  [TOWN]]").count("Sentence") == 5
    assert say(env, "search[Nowhere]") == "The page Nowhere is empty."


def test_search_names_similar_titles(env):
    assert say(env, "search[Penn, a painter]") == "Could not find Penn, a painter. Similar: ['Ada Penn']."
    assert say(env, "search[wool Wick]") == "Could not find wool Wick. Similar: ['Wick [town]', 'Ada Penn']."
    assert say(env, "search[xyz]") == "Could not find xyz. Similar: []."


def test_a_page_that_is_not_found_leaves_the_open_one(env):
    say(env, "search[Ada Penn]")
    say(env, "search[xyz]")
    assert say(env, "lookup[paints]") == "(Result 1 / 1) She paints."


def test_lookup_steps_through_the_open_page(env):
    assert say(env, "lookup[wool]") == "No page is open; search first."
    say(env, "search[Wick [town]]")
    seen = [say(env, "lookup[WOOL]") for _ in range(7)]
    assert seen[:6] == [f"(Result {n + 1} / 6) Sentence {n} on wool." for n in range(6)]
    assert seen[6] == "No more results."
    assert say(env, "lookup[Orle]") == "(Result 1 / 1) Wick lies on the Orle."


def test_a_new_page_starts_a_lookup_anew(env):
    say(env, "search[Wick [town]]")
    assert say(env, "lookup[Wick]").startswith("(Result 1 / 1) Wick lies")
    say(env, "search[Ada Penn]")
    assert say(env, "lookup[Wick]") == "(Result 1 / 1) Ada Penn was born in Wick."


@pytest.mark.parametrize(
    ("answer", "em", "f1"), [("Orle", 1, 1.0), ("The ORLE.", 1, 1.0), ("river Orle", 0, 2 / 3), ("", 0, 0.0)]
)
def test_finish_is_scored_by_the_official_rules(env, answer, em, f1):
    observation, reward, terminated, truncated, info = env.step(f"finish[{answer}]")
    assert observation == f"Episode finished, reward = {em}."
    assert (reward, terminated, truncated) == (em, True, False)
    assert (info["em"], info["f1"], info["score"], info["success"]) == (em, pytest.approx(f1), em, bool(em))


@pytest.mark.parametrize("action", ["", "go", "finish", "finish[Orle", "search Ada", "lookup[]", "[finish]", "\x00"])
def test_what_is_not_understood_says_what_is(env, action):
    say(env, "search[Ada Penn]")
    observation, reward, terminated, _, info = env.step(action)
    assert (reward, terminated, info["valid"], info["score"]) == (0.0, False, False, 0.0)
    assert "search[TITLE]" in observation or "Look up which words?" in observation


def test_thinking_is_free(env):
    assert env.step("think[I need the river]")[0] == "Nice thought."


def test_the_key_stays_inside(env):
    """Neither the answer nor the supporting titles are told before the end, and the facts never."""
    seen = [env.step(action) for action in ("search[zzz]", "think[a]", "lookup[a]", "nonsense")]
    told = json.dumps([(each[0], each[4]) for each in seen])
    assert "Orle" not in told and "Wick" not in told
    info = env.step("finish[no idea]")[4]
    assert "Orle" not in json.dumps(info) and not {"em", "f1"} & set(seen[-1][4])


def test_both_layouts_are_one(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    official = make("hotpotqa", data=folder(tmp_path / "a", RECORD))
    other = make("hotpotqa", data=folder(tmp_path / "b", hugging_face(RECORD)))
    [one], [two] = official.tasks(), other.tasks()
    assert (one.id, one.digest, one.data) == (two.id, two.digest, two.data)


def test_a_record_without_id_goes_by_its_number(tmp_path):
    bare = {key: value for key, value in RECORD.items() if key != "_id"}
    world = make("hotpotqa", data=folder(tmp_path, bare, bare))
    assert [task.id for task in world.tasks()] == ["hotpotqa/test/0", "hotpotqa/test/1"]


def broken(**changes):
    return {key: value for key, value in {**RECORD, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (broken(answer=None), "record 1, field 'answer': missing"),
        (broken(question=7), "record 1, field 'question': expected str, found int"),
        (broken(context="text"), "field 'context': expected list or dict, found str"),
        (broken(context=[["Ada Penn"]]), "field 'context': expected pairs"),
        (broken(context=[["Ada Penn", "text"]]), "field 'context': expected titles, each with a list"),
        (broken(context={"title": ["a"], "sentences": []}), "field 'context': 1 of title, 0 of sentences"),
        (broken(context={"title": ["a"]}), "field 'sentences': missing"),
        (broken(supporting_facts=None), "field 'supporting_facts': missing"),
        (broken(supporting_facts=[[3, 4]]), "field 'supporting_facts': expected titles"),
        (RECORD, "the id '5ae0000000000000000000aa' stands twice"),
        ("text", "record 1: expected an object, found str"),
    ],
)
def test_a_wrong_record_is_named(tmp_path, record, said):
    with pytest.raises(DataError) as caught:
        make("hotpotqa", data=folder(tmp_path, RECORD, record)).tasks()
    assert said in str(caught.value) and "hotpot_dev_distractor_v1.json" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"[{", "not JSON at line 1"), (b"\xff", "not UTF-8"), (b"{}", "expected a JSON list of records")],
)
def test_a_wrong_file_is_named(tmp_path, content, said):
    (tmp_path / "hotpot_dev_distractor_v1.json").write_bytes(content)
    with pytest.raises(DataError, match=said):
        make("hotpotqa", data=str(tmp_path)).tasks()


def test_an_empty_folder_says_what_is_looked_for(tmp_path):
    with pytest.raises(DataError, match=r"hotpot_train_v1\.1\.json"):
        make("hotpotqa", data=str(tmp_path), split="train").tasks()


def test_no_paragraphs_no_search(tmp_path):
    simple = {key: RECORD[key] for key in ("question", "answer", "type")}
    world = make("hotpotqa", data=folder(tmp_path, simple, name="hotpot_dev_v1_simplified.json"))
    with pytest.raises(DataError, match="source='corpus'"):
        world.reset(seed=0)


def test_an_unknown_source_is_told():
    with pytest.raises(UnknownName, match="did you mean 'corpus'"):
        make("hotpotqa", source="corpse")


# --- the bundled sample -----------------------------------------------------------------------------------------------


def test_the_sample_is_answered_by_its_own_pages():
    for split in ("train", "test"):
        world = make("hotpotqa", data="sample", split=split)
        assert len(world.tasks()) == 32
        for task in world.tasks():
            question = task.data
            texts = {page.title: " ".join(page.sentences) for page in question.pages}
            assert len(texts) == 10 and set(question.supporting) <= set(texts)
            gold = " ".join(texts[title] for title in question.supporting)
            assert question.answer in gold or question.answer in ("yes", "no")


# --- a corpus ---------------------------------------------------------------------------------------------------------


def test_the_sample_has_a_corpus():
    world = make("hotpotqa", data="sample", source="corpus")
    for task in world.tasks():
        world.reset(options={"task": task.id})
        *searches, finish = world.expert(task)
        assert all(not world.step(each)[0].startswith("Could not find") for each in searches)
        assert world.step(finish)[4]["success"]
    world.reset(seed=0)
    observation = world.step("search[the town known for reed flutes]")[0]
    assert observation.startswith("Could not find the town known for reed flutes. Similar: ['Fenwater', ")


def test_a_corpus_finds_by_content_what_has_another_title(shared):
    world = make("hotpotqa", data=str(shared / "hotpotqa"), split="train", file="hotpotqa_train.json", source="corpus")
    found = 0
    for task in world.tasks():
        world.reset(options={"task": task.id})
        assert not world.step(world.expert(task)[0])[0].startswith("Could not find")
        similar = world.step(f"search[{task.data.text}]")[0]
        found += any(repr(title) in similar for title in task.data.supporting)
    assert found == 98  # of 100 questions: BM25's first five titles hold at least one of the two articles


def test_a_big_corpus_keeps_its_index(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTBANK_CACHE", str(tmp_path))
    monkeypatch.setattr("agentbank.envs.reasoning.encyclopedia.BIG", 2)
    pages = {"Wick": ["A town on the Orle."], "Ada Penn": ["A painter of towns."], "Orle": ["A river."]}
    built = Corpus(pages)
    [path] = (tmp_path / "indexes").iterdir()
    before = path.stat().st_mtime_ns
    assert Corpus(pages).similar("river towns") == built.similar("river towns") != []
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("content", "said"),
    [("[]", "expected a JSON object of titles"), ('{"Wick": "text"}', "record Wick: expected a list of sentences")],
)
def test_a_wrong_corpus_is_named(tmp_path, content, said):
    (tmp_path / "my_corpus.json").write_text(content)
    with pytest.raises(DataError, match=said):
        make("hotpotqa", data="sample", source="corpus", corpus=str(tmp_path / "my_corpus.json")).reset(seed=0)


def test_a_folder_without_a_corpus_asks_for_it(tmp_path):
    world = make("hotpotqa", data=folder(tmp_path, RECORD), source="corpus")
    with pytest.raises(UsageError, match="found none"):
        world.reset(seed=0)


# --- real files -------------------------------------------------------------------------------------------------------

FILES = [
    ("train", "hotpot_train.json", 480),
    ("train", "hotpotqa_train.json", 100),
    ("train", "level_easy.json", 100),
    ("train", "level_medium.json", 100),
    ("test", "level_hard.json", 100),
    ("test", "hf_layout/hotpot_dev_distractor_v1.json", 100),
]


@pytest.mark.parametrize(("split", "file", "count"), FILES)
def test_every_real_question_is_answered_by_its_expert(shared, split, file, count):
    world = make("hotpotqa", data=str(shared / "hotpotqa"), split=split, file=file)
    tasks = world.tasks()
    assert len(tasks) == count
    for task in tasks:
        world.reset(options={"task": task.id})
        *searches, finish = world.expert(task)
        assert all(not world.step(each)[0].startswith("Could not find") for each in searches)
        _, reward, terminated, _, info = world.step(finish)
        assert reward == 1.0 and terminated and info["em"] == 1


def test_the_official_names_come_first(shared, tmp_path):
    for source, name in [("hotpot_train.json", "hotpot_train_v1.1.json"), ("level_hard.json", None)]:
        shutil.copy(shared / "hotpotqa" / source, tmp_path / (name or "hotpot_dev_distractor_v1.json"))
    assert len(make("hotpotqa", data=str(tmp_path), split="train").tasks()) == 480
    assert len(make("hotpotqa", data=str(tmp_path), split="test").tasks()) == 100


def test_the_simplified_file_has_questions_only(shared):
    world = make("hotpotqa", data=str(shared / "hotpotqa"), file="hotpot_dev_v1_simplified.json")
    assert len(world.tasks()) == 7365
