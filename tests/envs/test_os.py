"""AgentBench OS: actions, the living shell, set-up and checks, what is left out, what cannot be set up."""

import json

import pytest

from agentbank.envs import make, missing, specs
from agentbank.envs.coding.os_records import load
from agentbank.envs.coding.os_tasks import Move, read_action
from agentbank.envs.data import Source
from agentbank.trajectories.errors import DataError, Fault


@pytest.fixture(autouse=True)
def sandboxed(request):
    lacks = missing(specs()["os"])
    if lacks:
        pytest.skip("; ".join(lacks))


@pytest.fixture
def world(tmp_path):
    made = []

    def build(*rows, **options):
        folder = tmp_path / "data/os_interaction/data/1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mine.json").write_text(json.dumps(rows[0] if len(rows) == 1 else list(rows)))
        env = make("os", data=str(tmp_path), **options)
        made.append(env)
        return env

    yield build
    for env in made:
        env.close()


def row(evaluation, init=None, **more):
    return {"description": "do it", "create": {"local": "default", "init": init}, "evaluation": evaluation} | more


def end(env, *actions):
    env.reset(seed=0)
    for action in actions:
        _, _, done, _, info = env.step(action)
    assert done
    return info["score"]


# --- actions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "move"),
    [
        ("Think: hm\n\nAct: bash\n\n```bash\nls\n```", Move("ls")),
        ("Act: bash\n```bash\nls\n```\nand\n```bash\npwd\n```", Move("ls\n\npwd")),
        ("Think: so.\nAct: answer(a (b) c)", Move(answer="a (b) c")),
        ("Act: finish", Move()),
        ("```bash\nls -l\n```", Move("ls -l")),
        ("ls -l", Move("ls -l")),
        ("answer(220)", Move(answer="220")),
        ("answer()", Move(answer="")),
        ("finish", Move()),
        ("submit", Move()),
        ("", None),
        ("```bash\n```", None),
    ],
)
def test_actions(action, move):
    assert read_action(action) == move


# --- the machine ------------------------------------------------------------------------------------------------------


def test_the_shell_lives_on_and_is_root(world):
    env = world(row({"match": "x"}, "sleep 300 &", start="fruit=plum; cd /srv"))
    env.reset(seed=0)
    assert env.step("echo $fruit; pwd; id -u")[0] == "The output of the OS:\n\nplum\n/srv\n0"
    assert env.step("pgrep -c sleep")[0].endswith("\n1")
    assert env.step("true")[0] == "The output of the OS is empty."
    assert "No such file" in env.step("ls /nowhere")[0]
    assert env.step("nosuchprogram")[4]["valid"] is False
    env.step("exit 3")
    assert env.step("echo back")[0].endswith("back")
    long = env.step("seq 1000")[0]
    assert long.endswith("[truncated because the output is too long]") and len(long) < 900


def test_match_strips_where_told(world):
    rows = [
        row({"match": "yes"}),
        row({"match": {"answer": " yes", "strip": False}}),
        row({"match": {"regex": "^[a-c]+$"}}),
    ]
    env = world(*rows)
    for task, good, bad in zip(env.tasks(), (" yes\n", " yes", "abc"), ("YES", "yes", "abd"), strict=True):
        for answer, score in ((good, 1.0), (bad, 0.0)):
            env.reset(seed=0, options={"task": task.id})
            assert env.step(f"answer({answer})")[4]["score"] == score
        env.reset(seed=0, options={"task": task.id})
        assert env.step("finish")[4]["score"] == 0.0


def test_checks_get_the_answer_and_earlier_outputs(world):
    second = {"language": "python", "code": "import sys\nassert sys.argv[1:] == ['7', 'seen 7\\n']"}
    env = world(row({"check": [{"code": "echo seen $1"}, second]}))
    assert end(env, "answer(7)") == 1.0
    assert end(env, "answer(8)") == 0.0
    assert end(env, "finish") == 0.0


def test_null_stands_for_the_example(world):
    check = [None, {"language": "python", "file": "check/integer-match.py"}]
    env = world(row({"check": check, "example": "ls /srv/x | wc -l"}, "mkdir -p /srv/x; touch /srv/x/{a,b}"))
    assert end(env, "answer( 2 )") == 1.0
    assert end(env, "answer(two)") == 0.0


def test_random_set_ups_come_out_the_same(world):
    env = world(row({"match": "x"}, "echo $RANDOM > /srv/n"))
    seen = []
    for seed in (4, 4, 5):
        env.reset(seed=seed)
        seen.append(env.step("cat /srv/n")[0])
    assert seen[0] == seen[1] != seen[2]


def test_grading_ends_the_agents_processes_first(world):
    env = world(row({"check": "! pgrep sleep"}))
    assert end(env, "sleep 100 & disown", "finish") == 1.0


def test_a_set_up_that_cannot_be_done_is_a_fault_not_a_zero(world):
    env = world(row({"match": "x"}, "chmod u+s /usr/bin/find"), sandbox="bubblewrap")
    with pytest.raises(Fault, match="Read-only file system"):
        env.reset(seed=0)


def test_odd_answers_end_in_zero(world):
    env = world(row({"check": "[ $1 = 5 ]"}))
    for answer in ("answer(\0)", "answer(" + "5" * 150_000 + ")", "answer($(exit 0))"):
        assert end(env, answer) == 0.0


# --- the data ---------------------------------------------------------------------------------------------------------


def test_tasks_without_their_scripts_are_named(world):
    env = world(row({"match": "x"}, {"file": "init/none.sh"}), row({"match": "x"}), row({"check": [None]}))
    assert [task.id for task in env.tasks()] == ["os/test/1-mine-00001"]
    assert "init/none.sh" in env.left_out["os/test/1-mine-00000"]
    assert "example" in env.left_out["os/test/1-mine-00002"]


def test_script_files_are_read(world, tmp_path):
    folder = tmp_path / "data/os_interaction/scripts/1/init"
    folder.mkdir(parents=True)
    (folder / "make.sh").write_text("echo plum > /srv/fruit")
    env = world(row({"check": "grep -q plum /srv/fruit"}, [{"file": "init/make.sh"}, "echo two > /srv/two"]))
    assert end(env, "test -f /srv/two && echo there", "finish") == 1.0


def test_wrong_records_are_named(world, tmp_path):
    for wrong, words in (
        ({"evaluation": {}}, "description"),
        (row({}), "check or match"),
        (row({"check": 5}), "script"),
    ):
        env = world(wrong)
        load.cache_clear()
        with pytest.raises(DataError, match=words):
            env.tasks()
    with pytest.raises(DataError, match="no task"):
        load(Source("folder", tmp_path), "dev")


def test_the_repositorys_archive_is_read_as_it_unpacks(tmp_path):
    folder = tmp_path / "AgentBench-578c5e9/data/os_interaction/data"
    folder.mkdir(parents=True)
    (folder / "dev.json").write_text(json.dumps([row({"match": "x"})]))
    assert len(load(Source("folder", tmp_path), "dev")[0]) == 1
