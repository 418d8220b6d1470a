import json

import msgspec
import pytest

from agentbank.trajectories import (
    AgentRef,
    DataError,
    EnvRef,
    Episode,
    Message,
    Result,
    Step,
    Store,
    TaskRef,
    Turn,
    UnknownName,
    UsageError,
    chat,
    read_episodes,
)
from agentbank.trajectories.formats import FORMATS, Conversation, as_turn, export, from_episode, import_, read

SHARED = {
    "evol_code/code_alpaca_2k.json": 2017,
    "evol_code/evol-codealpaca-2k-1.json": 1926,
    "sharegpt_like/alpaca_en_demo.json": 999,
    "sharegpt_like/dataset_info.json": 999 + 270,
    "sharegpt_like/dummy_conversation.json": 500,
    "sharegpt_like/glaive_toolcall_en_demo.json": 270,
    "trajectories/agentgym/webshop_fncall.jsonl": 4,
    "trajectories/alfworld_gt/alfworld_gt_train_400.jsonl": 400,
    "trajectories/eto/icl_examples/alfworld_icl.json": 1,
    "trajectories/eto/icl_examples/sciworld_icl.json": 1,
    "trajectories/eto/icl_examples/webshop_icl.json": 1,
    "trajectories/fireact/alpaca_format/multitask_multimethod.json": 389,
    "trajectories/fireact/gpt_format/multitask_multimethod.jsonl": 2033,
    "trajectories/knowagent/ALFWorld_data_knowagent.json": 134,
    "trajectories/knowagent/HotpotQA_data_knowagent.json": 132,
}


def episode(number=0, success=True):
    return Episode(
        id=f"e{number}",
        task=TaskRef("shop", f"shop/train/{number}", "train", "0123", 7),
        env=EnvRef("1", "sample", "sample", 15, {"mode": "rich"}),
        agent=AgentRef("react", "1", {}, "m", {"temperature": 0.0}, "fedc"),
        prompt=(Message("user", "You shop.\nAction: x"), Message("assistant", "OK.")),
        steps=(
            Step("Find shoes.", Turn("Thought: look.\nAction: search[[a]]", "look.", "search[[a]]"), 0.25),
            Step("[1] Shoes ☃", Turn("??", parsed="none"), valid=False, train=False),
            Step(
                "", Turn("Thought: Action: odd\nAct: buy", "Action: odd", "buy", "lenient"), 0.5, thought_source="gold"
            ),
        ),
        final="Thank you.",
        ending="done",
        outcome=Result(0.75, success, 0.75),
        seconds=2.5,
    )


def rows(path, format=None, **options):
    return list(read(path, format, **options))


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SHARED)
def test_released_files_load(shared, name):
    found = rows(shared / name)
    assert len(found) == SHARED[name]
    for row in found:
        assert row.id and row.messages and all(message.content.strip() or row.meta for message in row.messages)
        assert {message.role for message in row.messages} <= {"system", "user", "assistant"}
        assert any(message.role == "assistant" for message in row.messages)


def test_every_released_file_is_in_the_list(shared):
    found = {
        str(path.relative_to(shared))
        for folder in ("trajectories", "sharegpt_like", "evol_code")
        for path in (shared / folder).rglob("*.json*")
    }
    keyed = {name for name in found if "/trajs/" in name}
    assert found - keyed == set(SHARED)
    (name,) = keyed
    found = rows(shared / name)
    assert len(found) == 465
    first = found[0]
    assert (first.id.rpartition("/")[2], first.meta["gt"], first.meta["f1"]) == ("6238", "seth macfarlane", 1.0)


def test_a_folder_is_read_file_by_file(shared):
    assert len(rows(shared / "evol_code")) == 2017 + 1926


def test_released_rows_keep_what_they_say(shared):
    glaive = rows(shared / "sharegpt_like/glaive_toolcall_en_demo.json")
    called = next(row for row in glaive if "function_call" in row.meta.get("from", []))
    position = called.meta["from"].index("function_call")
    assert called.messages[position].role == "assistant" and called.messages[position + 1].role == "user"
    assert json.loads(called.meta["tools"])
    gym = rows(shared / "trajectories/agentgym/webshop_fncall.jsonl")
    flags = [m.loss for row in gym for m in row.messages if m.role == "assistant"]
    assert (flags.count(True), flags.count(False)) == (21, 4)
    assert {row.world for row in gym} == {"webshop"}
    expert = rows(shared / "trajectories/alfworld_gt/alfworld_gt_train_400.jsonl")
    assert sum(len(row.messages) for row in expert) == 7319 + 6919


@pytest.mark.parametrize("format", ["sharegpt", "agentinstruct", "messages"])
@pytest.mark.parametrize("ending", ["json", "jsonl"])
@pytest.mark.parametrize(
    "name",
    [
        "sharegpt_like/glaive_toolcall_en_demo.json",
        "trajectories/agentgym/webshop_fncall.jsonl",
        "trajectories/fireact/gpt_format/multitask_multimethod.jsonl",
        "evol_code/evol-codealpaca-2k-1.json",
    ],
)
def test_released_rows_survive_a_round_trip(shared, tmp_path, name, format, ending):
    before = rows(shared / name)
    out = tmp_path / f"out.{ending}"
    assert export(before, format, out) == len(before)
    after = rows(out)
    assert [row.id for row in after] == [row.id for row in before]
    learned = [[(m.role, m.content, bool(m.loss)) for m in row.messages] for row in before]
    if format != "sharegpt":
        default = [[m.role == "assistant" if m.loss is None else m.loss for m in row.messages] for row in before]
        again = [[m.role == "assistant" if m.loss is None else m.loss for m in row.messages] for row in after]
        assert again == default
    assert [[each[:2] for each in row] for row in learned] == [
        [(m.role, m.content) for m in row.messages] for row in after
    ]
    raw = (
        json.loads(out.read_text())
        if ending == "json"
        else [json.loads(line) for line in out.read_text().split("\n")[:-1]]
    )
    assert len(raw) == len(before)


def test_sharegpt_is_written_as_it_was_read(shared, tmp_path):
    source = shared / "sharegpt_like/dummy_conversation.json"
    export(source, "sharegpt", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == json.loads(source.read_text())
    glaive = shared / "sharegpt_like/glaive_toolcall_en_demo.json"
    export(glaive, "sharegpt", tmp_path / "out.json")
    for before, after in zip(
        json.loads(glaive.read_text()), json.loads((tmp_path / "out.json").read_text()), strict=True
    ):
        assert after.pop("id") and after == before


def test_instruction_files_are_written_as_they_were_read(shared, tmp_path):
    source = shared / "evol_code/code_alpaca_2k.json"
    export(source, "instruction", tmp_path / "out.json")
    for before, after in zip(
        json.loads(source.read_text()), json.loads((tmp_path / "out.json").read_text()), strict=True
    ):
        assert after.pop("id") and after == before


@pytest.mark.parametrize("format", ["sharegpt", "agentinstruct", "messages", "episodes"])
def test_episodes_come_back_whole(tmp_path, format):
    """Ours to the format and back: prompt, steps, turns, rewards, outcome; only model calls and step info may go."""
    run = tmp_path / "run"
    before = [episode(0), episode(1, success=False)]
    with Store(run / "episodes.jsonl") as store:
        for each in before:
            store.append(each)
    assert export(run, format, tmp_path / "data.jsonl") == 2
    assert import_(tmp_path / "data.jsonl", tmp_path / "back") == 2
    assert list(read_episodes(tmp_path / "back")) == before
    assert export(run, format, tmp_path / "won.jsonl", only_success=True) == 1


def test_loss_flags_of_an_episode(tmp_path):
    export([episode()], "agentinstruct", tmp_path / "a.jsonl")
    turns = json.loads((tmp_path / "a.jsonl").read_text())["conversations"]
    assert [turn["loss"] for turn in turns] == [None, False, None, True, None, False, None, True]
    assert rows(tmp_path / "a.jsonl")[0].messages[1].loss is False
    export([episode()], "messages", tmp_path / "m.jsonl")
    turns = json.loads((tmp_path / "m.jsonl").read_text())["messages"]
    assert [turn.get("weight") for turn in turns] == [None, 0, None, None, None, 0, None, None]


def test_without_thoughts_turns_are_their_actions(tmp_path):
    export([episode()], "sharegpt", tmp_path / "a.jsonl", thoughts=False)
    said = [t["value"] for t in json.loads((tmp_path / "a.jsonl").read_text())["conversations"] if t["from"] == "gpt"]
    assert said == ["OK.", "Action: search[[a]]", "Action: ", "Action: buy"]
    with Store(tmp_path / "run" / "episodes.jsonl") as store:
        store.append(episode())
    assert [m.content for m in rows(tmp_path / "run", thoughts=False)[0].messages if m.role == "assistant"] == said
    assert list(rows(tmp_path / "run")[0].messages) == chat(episode())


def test_an_episode_as_a_conversation_says_whose_it_is():
    row = from_episode(episode())
    assert (row.id, row.world, row.template) == ("e0", "shop", "fedc")
    assert (row.meta["task"], row.meta["success"], row.meta["reward"]) == ("shop/train/0", True, 0.75)


def test_foreign_rows_become_episodes(shared, tmp_path):
    assert import_(shared / "trajectories/agentgym/webshop_fncall.jsonl", tmp_path) == 4
    found = list(read_episodes(tmp_path))
    assert {each.task.env for each in found} == {"webshop"}
    for each in found:
        assert [m.role for m in each.prompt] == ["user", "assistant"] and each.steps[0].observation
        assert each.outcome.success == (each.outcome.reward == 1.0)
    import_(shared / "trajectories/alfworld_gt/alfworld_gt_train_400.jsonl", tmp_path / "alf", env="alfworld")
    first = next(read_episodes(tmp_path / "alf"))
    assert first.task.env == "alfworld" and not first.prompt
    assert first.steps[0].observation.startswith("-= Welcome") and first.steps[0].turn.action == "go to toaster 1"
    assert first.final


@pytest.mark.parametrize(
    ("text", "thought", "action"),
    [
        ("Thought: hm.\nAction: go", "hm.", "go"),
        ("THOUGHT: hm\n ACTION: go to cabinet 1", "hm", "go to cabinet 1"),
        ("Think: so\n\nAct: bash\n\n```bash\nls\n```", "so", "bash\n\n```bash\nls\n```"),
        ("go north", "", "go north"),
    ],
)
def test_turns_are_read(text, thought, action):
    turn = as_turn(text)
    assert (turn.text, turn.thought, turn.action) == (text, thought, action)


LINE = '{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lines.json", f"{LINE}\n\n{LINE}\n"),
        ("lines.jsonl", f"{LINE}\r\n{LINE}"),
        ("list.json", f"  [{LINE},\n{LINE}]"),
        ("list.jsonl", f"[{LINE}, {LINE}]"),
        ("bom.json", f"\ufeff[{LINE}, {LINE}]"),
        ("keyed.json", f'{{"x": {LINE},\n "y": {LINE}}}'),
    ],
)
def test_layouts_of_a_file(tmp_path, name, text):
    found = rows(write(tmp_path / name, text))
    assert [[m.content for m in row.messages] for row in found] == [["a", "b"], ["a", "b"]]


@pytest.mark.parametrize("name", ["one.json", "one.jsonl"])
def test_a_single_record(tmp_path, name):
    assert len(rows(write(tmp_path / name, LINE))) == 1
    assert len(rows(write(tmp_path / name, json.dumps(json.loads(LINE), indent=1)))) == 1


def test_a_large_file_is_a_stream(tmp_path):
    """A record is given before a later, broken one is looked at."""
    path = write(tmp_path / "a.jsonl", f"{LINE}\n" * 1000 + "{broken\n")
    stream = read(path)
    assert [next(stream).messages[0].content for _ in range(1000)] == ["a"] * 1000
    with pytest.raises(DataError, match="line 1001: not JSON"):
        next(stream)


BAD = [
    ("a.jsonl", f"{LINE}\n{{broken\n", r"a.jsonl, record line 2: not JSON"),
    ("a.json", f"[{LINE},\n{LINE},\n{{broken]", r"a.json, record line 3: not JSON"),
    ("a.json", "", "is empty"),
    ("a.json", "[]", "holds no record"),
    ("a.json", "\n \n", r"not JSON|holds no record"),
    ("a.json", "[3]", "record 0: in no known format .found a int"),
    ("a.json", '[{"text": "x"}]', "in no known format .found fields text.*sharegpt"),
    ("a.jsonl", LINE + '\n{"id": 3}\n', "record line 2, field 'conversations': no such field"),
    ("a.jsonl", LINE + '\n{"conversations": {}}', "record line 2, field 'conversations': expected a list of turns"),
    ("a.jsonl", LINE + '\n{"conversations": []}', "holds no turn"),
    ("a.jsonl", LINE + '\n{"conversations": [3]}', r"field 'conversations\[0\]': expected an object, found int"),
    ("a.json", f"[{LINE}, {LINE.replace('gpt', 'hal')}]", r"record 1, field 'conversations\[1\].from': speaker 'hal'"),
    (
        "a.json",
        f"[{LINE}, {LINE.replace(chr(34) + 'b' + chr(34), '7')}]",
        r"conversations\[1\].value': expected text, found int",
    ),
    (
        "a.json",
        '[{"conversations": [{"from": "gpt", "value": "x", "loss": "no"}]}]',
        r"conversations\[0\].loss': expected true",
    ),
    ("a.json", '[{"messages": [{"role": "user"}]}]', r"messages\[0\].content': expected text, found NoneType"),
    ("a.json", '[{"messages": [{"role": "user", "content": [{"image": 1}]}]}]', "images and sound are not read"),
    ("a.json", '[{"instruction": "x", "output": 3}]', "record 0, field 'output': expected text, found int"),
    (
        "a.json",
        '[{"instruction": "x", "output": "y"}, {"instruction": "x"}]',
        "record 1, field 'output': no such field",
    ),
    ("a.json", '[{"instruction": "x", "output": "y", "history": [["a"]]}]', r"history\[0\]': expected a pair"),
    ("a.jsonl", '{"task": 1, "env": 2, "agent": 3, "steps": 4, "outcome": 5}', "record line 1: not an Episode"),
    (
        "a.jsonl",
        '{"schema": 9, "task": 1, "env": 2, "agent": 3, "steps": 4, "outcome": 5}',
        "field 'schema': record schema 9",
    ),
]


@pytest.mark.parametrize(("name", "text", "words"), BAD)
def test_malformed_records_are_named(tmp_path, name, text, words):
    path = write(tmp_path / name, text)
    with pytest.raises(DataError, match=words) as caught:
        rows(path)
    assert caught.value.path == str(path)


def test_bytes_that_are_no_text(tmp_path):
    for name in ("a.json", "a.jsonl"):
        path = tmp_path / name
        path.write_bytes(LINE.encode().replace(b'"a"', b'"\xff\xfe"') + b"\n" + LINE.encode() + b"\n")
        with pytest.raises(DataError, match=name):
            rows(path)


def test_what_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"nowhere.json: cannot be read"):
        rows(tmp_path / "nowhere.json")
    with pytest.raises(DataError, match=r"holds no episodes.jsonl and no .json"):
        rows(tmp_path)
    with pytest.raises(UnknownName, match="did you mean 'sharegpt'"):
        rows(tmp_path, "shargpt")


def test_exports_that_cannot_be(tmp_path):
    out = tmp_path / "out.jsonl"
    with pytest.raises(UsageError, match="no successful episode to export"):
        export([episode(success=False)], "sharegpt", out, only_success=True)
    lopsided = Conversation("x", (Message("user", "a"), Message("user", "b"), Message("assistant", "c")))
    with pytest.raises(UsageError, match=r"'x' is not question and answer in turn .user, user, assistant"):
        export([lopsided], "instruction", out)
    with pytest.raises(UnknownName, match="format"):
        export([lopsided], "nope", out)
    assert list(tmp_path.iterdir()) == [], "nothing half-written stays behind"


def test_instruction_rows_keep_history_and_system(tmp_path):
    row = {"instruction": "q2", "input": "given", "output": "a2", "system": "s", "history": [["q1", "a1"]]}
    path = write(tmp_path / "a.json", json.dumps([row]))
    (found,) = rows(path)
    assert [m.content for m in found.messages] == ["s", "q1", "a1", "q2\n\ngiven", "a2"]
    export([found], "instruction", tmp_path / "b.jsonl")
    written = json.loads((tmp_path / "b.jsonl").read_text())
    assert {key: written[key] for key in row} == row


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.Table.from_pylist([{"id": "os_3", **json.loads(LINE)}] * 600)
    parquet.write_table(table, tmp_path / "a.parquet")
    found = rows(tmp_path / "a.parquet")
    assert len(found) == 600 and found[0].world == "os" and found[0].messages[1].content == "b"
    write(tmp_path / "b.parquet", "no")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        rows(tmp_path / "b.parquet")


def test_every_format_says_what_it_is():
    assert set(FORMATS) == {"episodes", "agentinstruct", "sharegpt", "messages", "instruction"}
    for name, each in FORMATS.items():
        assert each.name == name and each.about


def test_meta_survives_msgspec():
    row = from_episode(episode())
    assert msgspec.json.decode(msgspec.json.encode(row), type=Conversation) == row


def test_an_import_names_the_row_whose_record_was_tampered_with(tmp_path):
    export([episode(0), episode(1)], "sharegpt", tmp_path / "a.jsonl")
    first, second = (tmp_path / "a.jsonl").read_text().splitlines()
    broken = json.loads(second)
    broken["episode"]["task"] = 3
    write(tmp_path / "b.jsonl", f"{first}\n{json.dumps(broken)}\n")
    with pytest.raises(DataError, match=r"b.jsonl, record line 2, field 'episode'"):
        import_(tmp_path / "b.jsonl", tmp_path / "run")
    assert len(list(read_episodes(tmp_path / "run"))) == 1
