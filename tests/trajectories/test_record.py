import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from agentbank.trajectories import (
    SCHEMA,
    AgentRef,
    DataError,
    EnvRef,
    Episode,
    Failure,
    Message,
    Reply,
    Result,
    Step,
    Store,
    TaskRef,
    Turn,
    UsageError,
    chat,
    episode_id,
    json_schema,
    read_episodes,
)

GOLDEN = Path(__file__).parents[1] / "golden"


def episode(**changes):
    whole = Episode(
        id=episode_id("run", "webshop/test/12", 7, 0),
        task=TaskRef("webshop", "webshop/test/12", "test", "0123456789abcdef", 7),
        env=EnvRef("1", "sample", "sample", 15, {"mode": "rich"}),
        agent=AgentRef("react", "1", {}, "openai:my-model", {"temperature": 0.0}, "fedcba9876543210"),
        prompt=(Message("system", "You shop."),),
        steps=(
            Step(
                "Find red shoes.",
                Turn(
                    "Thought: search.\nAction: search[red shoes]",
                    "search.",
                    "search[red shoes]",
                    calls=(Reply("…", 120, 9, seconds=0.5),),
                ),
                info={"score": 0.0, "success": False},
            ),
            Step("[1] Red shoes", Turn("??", parsed="none"), valid=False, train=False),
        ),
        final="Thank you.",
        ending="done",
        outcome=Result(0.75, False, 0.75),
        started=1.5,
        seconds=2.25,
    )
    return msgspec.structs.replace(whole, **changes)


def test_a_line_reads_as_it_did(tmp_path):
    """The golden file guards the format: a change here is a new SCHEMA and a reader for the old one."""
    line = msgspec.json.encode(episode())
    golden = GOLDEN / f"episode-{SCHEMA}.json"
    assert json.loads(line) == json.loads(golden.read_bytes())
    assert msgspec.json.decode(golden.read_bytes(), type=Episode) == episode()


def test_the_schema_is_the_published_one():
    golden = json.loads((GOLDEN / f"episode-{SCHEMA}.schema.json").read_text())
    assert json.loads(json.dumps(json_schema())) == golden
    validator = jsonschema.Draft202012Validator(golden)
    validator.validate(json.loads(msgspec.json.encode(episode())))
    failed = episode(ending="failed", error=Failure("model", "Fault", "down"))
    validator.validate(json.loads(msgspec.json.encode(failed)))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(json.loads(msgspec.json.encode(episode())) | {"ending": "tired"})


def test_records_are_frozen():
    with pytest.raises(AttributeError):
        episode().id = "x"


def test_chat_marks_what_the_model_wrote():
    messages = chat(episode())
    assert [(m.role, m.loss) for m in messages] == [
        ("system", False), ("user", False), ("assistant", True), ("user", False), ("assistant", False),
    ]  # fmt: skip
    assert chat(episode(), thoughts=False)[2].content == "Action: search[red shoes]"


def test_an_id_is_known_before_the_episode():
    assert episode_id("r", "t", 1, 0) == episode_id("r", "t", 1, 0)
    assert len({episode_id("r", "t", seed, trial) for seed in range(9) for trial in range(9)}) == 81


def test_store_appends_whole_lines_and_repairs_torn_ones(tmp_path):
    path = tmp_path / "run/episodes.jsonl"
    with Store(path) as store:
        store.append(episode())
    with path.open("ab") as stream:
        stream.write(b'{"id": "torn", "task": {"env"')
    assert [each.id for each in read_episodes(path)] == [episode().id]
    with Store(path) as store:
        store.append(episode(id="second"))
    assert [each.id for each in read_episodes(tmp_path / "run")] == [episode().id, "second"]
    assert b'"torn"' in (tmp_path / "run/episodes.jsonl.torn").read_bytes()


def test_reading_names_file_line_and_field(tmp_path):
    path = tmp_path / "episodes.jsonl"
    good = msgspec.json.encode(episode())
    path.write_bytes(good + b"\n" + good.replace(b'"score":0.75', b'"score":"high"') + b"\n")
    with pytest.raises(DataError, match=r"episodes.jsonl, record 2: .*outcome.score"):
        list(read_episodes(path))
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match="record 1"):
        list(read_episodes(path))
    with pytest.raises(DataError, match="cannot be read"):
        list(read_episodes(tmp_path / "nowhere.jsonl"))
    path.write_bytes(good.replace(b'"schema":1', b'"schema":99') + b"\n")
    with pytest.raises(DataError, match=r"Invalid value 99 - at `\$.schema`"):
        list(read_episodes(path))


def test_an_empty_store_is_no_error(tmp_path):
    with Store(tmp_path / "e.jsonl"):
        assert list(read_episodes(tmp_path / "e.jsonl")) == []


def test_unwritable_place_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises((UsageError, OSError)):
        Store(tmp_path / "file" / "episodes.jsonl")
