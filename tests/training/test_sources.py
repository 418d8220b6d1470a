import json

import pytest

from agentbank.training.sources import Part, load, parse_parts
from agentbank.trajectories import DataError, UsageError

TURNS = [{"from": "human", "loss": None, "value": "a"}, {"from": "gpt", "loss": False, "value": "b"}]


def test_parts_are_parsed():
    words = ["runs/annotated=0.8", "general.jsonl=.1", "hf:org/set#train=0.1", "odd=name.jsonl", "plain"]
    assert parse_parts(words) == [
        Part("runs/annotated", 0.8),
        Part("general.jsonl", 0.1),
        Part("hf:org/set#train", 0.1),
        Part("odd=name.jsonl", 1.0),
        Part("plain", 1.0),
    ]
    for wrong in (["a=0"], ["a=-1"], ["=1"], ["a=nan"], ["a=inf"]):
        with pytest.raises(UsageError, match="expected SOURCE=WEIGHT with a positive weight"):
            parse_parts(wrong)
    with pytest.raises(UsageError, match="named twice"):
        parse_parts(["a=1", "a=2"])
    with pytest.raises(UsageError, match="no data named"):
        parse_parts([])


def test_rows_of_a_world_have_its_skill(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"id": f"{w}_1", "conversations": TURNS}) for w in ("webshop", "nowhere")))
    assert [(row.world, row.skill) for row in load(str(path))] == [("webshop", "web"), ("a", "")]


def test_released_general_and_code_data_load(shared):
    assert len(list(load(str(shared / "sharegpt_like/dummy_conversation.json")))) == 500
    assert len(list(load(str(shared / "evol_code/code_alpaca_2k.json")))) == 2017


@pytest.fixture
def offline(monkeypatch):
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_data_set_folder_through_datasets(tmp_path, offline):
    """A local folder is loaded by the same call as a name on the hub."""
    folder = tmp_path / "set"
    folder.mkdir()
    for split in ("os", "db"):
        rows = [{"id": f"{split}_{number}", "conversations": TURNS} for number in range(3)]
        (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    header = "---\nconfigs:\n- config_name: default\n  data_files:\n"
    header += "".join(f"  - split: {split}\n    path: {split}.jsonl\n" for split in ("os", "db"))
    (folder / "README.md").write_text(header + "---\n")
    found = list(load(f"hf:{folder}"))
    assert [row.id for row in found] == ["os_0", "os_1", "os_2", "db_0", "db_1", "db_2"]
    assert [(m.role, m.content, m.loss) for m in found[0].messages] == [("user", "a", None), ("assistant", "b", False)]
    assert {row.world for row in found} == {"os", "db"}
    assert [row.id for row in load(f"hf:{folder}#db")] == ["db_0", "db_1", "db_2"]
    with pytest.raises(DataError, match=r"hf:.*#kg: cannot be loaded"):
        list(load(f"hf:{folder}#kg"))


def test_a_train_split_keeps_the_test_split_out(tmp_path, offline):
    folder = tmp_path / "instructions"
    folder.mkdir()
    for split in ("train", "test"):
        (folder / f"{split}.json").write_text(json.dumps([{"instruction": split, "input": "", "output": "x"}] * 2))
    assert [row.messages[0].content for row in load(f"hf:{folder}")] == ["train", "train"]


def test_a_set_that_is_not_there(tmp_path, offline):
    with pytest.raises(DataError, match="cannot be loaded"):
        list(load(f"hf:{tmp_path / 'nothing'}"))


def test_a_set_of_another_shape_is_named(tmp_path, offline):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "train.json").write_text(json.dumps([{"text": "just text"}]))
    with pytest.raises(DataError, match=r"texts.train, record 0: in no known format .found fields text"):
        list(load(f"hf:{folder}"))
