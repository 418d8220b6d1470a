"""InterCode-Bash: its shell, its comparison of two file systems, its reward, its bad input."""

import json
import math

import pytest

from agentbank.envs import make, missing, specs
from agentbank.envs.coding.bash_reward import Side, judge, similarity, status
from agentbank.envs.coding.bash_trees import load
from agentbank.envs.coding.intercode_bash import command_of, simplified
from agentbank.envs.data import Source
from agentbank.envs.sandboxes.core import Entry
from agentbank.trajectories.errors import DataError, UsageError

FILE, FOLDER = Entry("file", 0o644, 1, "aa"), Entry("dir", 0o755)


@pytest.fixture
def env(request):
    lacks = missing(specs()["intercode_bash"])
    if lacks:
        pytest.skip("; ".join(lacks))
    made = make("intercode_bash", data="sample", max_steps=30)
    yield made
    made.close()


def begin(env, words):
    task = next(task for task in env.tasks() if words in task.data["query"])
    env.reset(seed=0, options={"task": task.id})


# --- what changed -----------------------------------------------------------------------------------------------------


def test_status_lists_what_git_would():
    before = {"/w": FOLDER, "/w/a": FILE, "/w/b": FILE, "/w/c": FILE, "/w/run.sh": FILE, "/usr/x": FILE}
    after = {
        "/w": FOLDER,
        "/w/a": Entry("file", 0o644, 1, "bb"),
        "/w/b": Entry("file", 0o600, 1, "aa"),  # only the owner's x is git's
        "/w/run.sh": Entry("file", 0o744, 1, "aa"),
        "/w/new": FILE,
        "/d": FOLDER,
        "/d/e": FOLDER,
        "/d/e/f": FILE,
        "/empty": FOLDER,
        "/usr/y": FILE,
        "/w/link": Entry("link", 0o777, 0, "a"),
    }
    assert status(before, after) == {
        ("w/a", "M"),
        ("w/run.sh", "M"),
        ("w/c", "D"),
        ("w/new", "??"),
        ("w/link", "??"),
        ("d/", "??"),
    }


def test_status_quotes_odd_names():
    assert status({}, {"/Icon\r": FILE}) == {('"Icon\\r"', "??")}
    assert ('"\\303\\244"', "??") in status({}, {"/ä": FILE})


def test_contents_count_only_where_the_path_has_a_dot():
    other = Entry("file", 0o644, 1, "bb")
    for name, part in (("/x.txt", 0.0), ("/x", 0.33)):
        mine = Side({name: FILE}, status({}, {name: FILE}), "")
        gold = Side({name: other}, status({}, {name: other}), "")
        assert judge(mine, gold).file_changes == part


def test_a_link_counts_as_what_it_leads_to():
    files = {"/a.txt": FILE, "/w/l.txt": Entry("link", 0o777, 0, "../a.txt"), "/w/f.txt": FILE}
    mine = Side(files, frozenset({("w/l.txt", "??")}), "")
    gold = Side({"/w/l.txt": FILE}, frozenset({("w/l.txt", "??")}), "")
    assert judge(mine, gold).reward == 1.0


# --- how alike --------------------------------------------------------------------------------------------------------


def test_similarity_is_the_cosine_of_tfidf():
    rare = math.log(3 / 2) + 1
    assert similarity("red fish", "red bird") == pytest.approx(1 / (1 + rare**2))
    assert similarity("Red fish", "fish red") == pytest.approx(1.0)
    assert similarity("", "fish") == 0.0
    assert similarity("3\n", "3\n") == 1.0 and similarity("3\n", "4\n") == 0.0  # no word in either
    assert similarity(None, "fish") == 0.0


def test_reward_falls_with_each_difference():
    files = {f"/n{number}": FILE for number in range(3)}
    empty = Side({}, frozenset(), "ab")
    rewards = [judge(empty, Side(files, frozenset((f"n{i}", "??") for i in range(n)), "ab")).reward for n in range(3)]
    assert rewards == [pytest.approx(1.0), pytest.approx(0.72), pytest.approx(0.67)]


# --- the shell --------------------------------------------------------------------------------------------------------


def test_plain_and_fenced_commands():
    assert command_of(" ls -l \n") == "ls -l"
    assert command_of("I look first.\n```bash\nls\npwd\n```") == "ls\npwd"
    assert simplified("/a/b", "../c") == "/a/c" and simplified("/a", "/") == "/" and simplified("/", "..") == "/"


def test_the_folder_is_kept_and_variables_are_not(env):
    begin(env, "first line")
    env.step("cd /garden/beds")
    env.step("cd ../notes")
    assert env.step("pwd")[0] == "/garden/notes\n"
    assert env.step("cd nowhere")[4]["action_executed"] is False
    assert env.step("X=5")[4]["valid"] and env.step("echo $X.")[0] == ".\n"
    env.step("cd /")
    env.step("cd $(dirname /garden/logs/week1.log)")
    assert env.step("pwd")[0] == "/garden/logs\n"


def test_double_quotes_end_the_command_as_upstream(env):
    begin(env, "first line")
    assert env.step('echo "one two"')[0] == "one\n"
    assert env.step(r"echo \"one  two\"")[0] == "one  two\n"
    observation, _, _, _, info = env.step("echo \"it's")
    assert observation == "Malformed command" and not info["valid"]
    assert env.step("nosuchprogram")[4]["valid"] is False
    assert env.step("grep nothing /garden/README")[4] | {"valid": True} == env._info | {
        "valid": True,
        "action_executed": False,
        "parts": env.parts._asdict(),
    }


def test_score_is_the_reward_so_far_and_submit_pays_it(env):
    begin(env, "Delete every empty regular file")
    assert env.step("submit")[1] == 0.0  # nothing done, nothing paid
    begin(env, "Delete every empty regular file")
    first = env.step("ls /garden/logs")[4]
    assert 0 < first["score"] < 1 and first["parts"]["file_diff"] < 0.33
    done = env.step("rm /garden/logs/empty.log")
    assert done[4]["score"] == 1.0 and done[1] == 0.0 and not done[2]
    _, reward, terminated, _, info = env.step("submit")
    assert reward == 1.0 and terminated and info["success"]


def test_the_gold_machine_is_another(env):
    begin(env, "Remove the folder /garden/tools")
    env.step("true")
    assert "secret.key" in env.step("ls /garden/tools")[0]


def test_reset_brings_every_file_back(env):
    begin(env, "first line")
    env.step("rm -rf /garden")
    begin(env, "first line")
    assert env.step("head -n 1 /garden/README")[0] == "The garden book.\n"


def test_odd_output_is_answered(env):
    begin(env, "first line")
    assert env.step("printf 'a\\0b'")[0] == "a\u2400b"
    assert env.step("printf '\\377'")[0] == "Malformed command"
    observation = env.step("yes | head -c 3000000")[0]
    assert len(observation) < 9_000 and "more bytes are not shown" in observation
    deep = env.step("d=/garden; for i in $(seq 2500); do mkdir $d/abc || break; cd $d/abc; d=.; done")
    assert 0.0 <= deep[4]["score"] < 1.0
    assert env.step("echo still here")[0]


# --- the data ---------------------------------------------------------------------------------------------------------


def test_wrong_files_are_named(tmp_path):
    with pytest.raises(DataError, match="nl2bash_fs_1"):
        load(Source("folder", tmp_path))
    path = tmp_path / "nl2bash_fs_1.json"
    path.write_text(json.dumps([{"query": "q"}]))
    with pytest.raises(DataError, match="gold"):
        load(Source("folder", tmp_path / "."))
    with pytest.raises(UsageError, match="file_times"):
        make("intercode_bash", data="sample", file_times="never")


def test_upstreams_set_up_scripts_make_the_file_system(tmp_path, env):
    (tmp_path / "nl2bash_fs_3.json").write_text(json.dumps([{"query": "list", "gold": "find /workspace"}]))
    script = "mkdir -p /workspace/void /workspace/a\necho hi > /workspace/a/b.txt\n"
    (tmp_path / "setup_nl2b_fs_3.sh").write_text(script)
    mine = make("intercode_bash", data=str(tmp_path))
    try:
        mine.reset(seed=0)
        assert mine.step("find /workspace | sort")[0] == "/workspace\n/workspace/a\n/workspace/a/b.txt\n"
    finally:
        mine.close()
