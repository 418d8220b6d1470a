"""The command as a person types it: every mistake is one line with its mend, every result can be piped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
TOY = "import sys; sys.path.insert(0, {tests!r}); import toy; toy.add(); toy.add('slow', lives='thread'); from agentbank.harness.cli import main; main()"


def command(*arguments):
    return [sys.executable, "-c", TOY.format(tests=str(TESTS)), *map(str, arguments)]


def agentbank(*arguments, cwd, env=None, **options):
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(env or {})},
        **options,
    )


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [
        (["evall"], "Did you mean 'eval'?"),
        (["eval", "--env", "conut", "--out", "x"], "did you mean 'count'"),
        (["eval", "--env", "count", "--agent", "expret", "--out", "x"], "did you mean 'expert'"),
        (["eval", "--env", "count", "--split", "tset", "--out", "x"], "did you mean 'test'"),
        (["eval", "--env", "count", "--agent", "react", "--model", "opnai:x", "--out", "x"], "did you mean 'openai'"),
        (["eval", "--env", "count", "--agent", "react", "--out", "x"], "--model"),
        (["eval", "--env", "count", "--agent", "expert", "-o", "truoble=1", "--out", "x"], "did you mean 'trouble'"),
        (["eval", "--env", "count", "--agent", "expert", "-o", "trouble", "--out", "x"], "KEY=VALUE"),
        (["eval", "--env", "count", "--agent", "expert", "--data", "/nowhere", "--out", "x"], "no such folder"),
        (["eval", "--env", "count", "--agent", "expert", "--tasks", "nowhere.json", "--out", "x"], "cannot be read"),
        (["eval", "--env", "count", "--agent", "expert", "--out", "x", "-n", "0"], "-n"),
        (["eval", "--env", "count"], "--out"),
        (["report", "nowhere"], "no run folder"),
        (["play", "maths,count"], "play one"),
        (["envs", "webshp"], "did you mean 'webshop'"),
    ],
)
def test_mistakes_are_one_line_with_the_mend(tmp_path, arguments, mend):
    done = agentbank(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: "), done.stderr
    assert mend in done.stderr, done.stderr


def test_eval_report_and_panel_speak_json(tmp_path):
    done = agentbank("eval", "--env", "count", "--agent", "expert", "-n", "5", "--out", "run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["worlds"]["count"]
    assert row["score"] == 1.0 and row["n"] == row["valid"] == 5
    assert json.loads((tmp_path / "run/report.json").read_text())["worlds"]["count"] == row
    again = agentbank("report", "run", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["worlds"]["count"] == row
    panel = agentbank("panel", "--env", "count", "-n", "2", cwd=tmp_path)
    (tmp_path / "panel.json").write_text(panel.stdout)
    fixed = agentbank(
        "eval", "--env", "count", "--agent", "expert", "--tasks", "panel.json", "--out", "b", "--json", cwd=tmp_path
    )
    assert json.loads(fixed.stdout)["worlds"]["count"]["n"] == 2
    (tmp_path / "panel.json").write_text(panel.stdout.replace('"digest": "', '"digest": "0'))
    changed = agentbank(
        "eval", "--env", "count", "--agent", "expert", "--tasks", "panel.json", "--out", "c", cwd=tmp_path
    )
    assert changed.returncode == 2 and "not the same task" in changed.stderr


def test_failed_episodes_exit_3(tmp_path):
    done = agentbank(
        "eval", "--env", "count", "--agent", "expert", "-n", "2", "-o", "trouble=raise", "--out", "run", cwd=tmp_path
    )
    assert done.returncode == 3 and "failed by no fault of the agent" in done.stdout
    assert len((tmp_path / "run/failures.jsonl").read_text().splitlines()) == 2


def test_an_endpoint_that_is_down_fails_episodes_not_the_run(tmp_path):
    arguments = [
        "eval",
        "--env",
        "count",
        "--model",
        "openai:m",
        "--base-url",
        "http://127.0.0.1:9/v1",
        "-n",
        "2",
        "--out",
        "run",
    ]
    arguments += ["--model-option", "retries=1", "--model-option", "backoff=0.01"]
    done = agentbank(*arguments, cwd=tmp_path, env={"OPENAI_API_KEY": "sk-very-secret"})
    assert done.returncode == 3, done.stderr
    failure = json.loads((tmp_path / "run/failures.jsonl").read_text().splitlines()[0])
    assert failure["error"]["boundary"] == "model"
    for path in (tmp_path / "run").iterdir():
        assert "sk-very-secret" not in path.read_text()
    assert "sk-very-secret" not in done.stdout + done.stderr


def test_ctrl_c_keeps_finished_work_and_exits_130(tmp_path):
    arguments = command(
        "eval", "--env", "slow", "--agent", "expert", "-n", "60", "-j", "3", "-o", "trouble=sleep", "--out", "run"
    )
    running = subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    store, deadline = tmp_path / "run/episodes.jsonl", time.monotonic() + 30
    while not (store.exists() and store.read_text().count("\n") >= 4):
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, errors = running.communicate(timeout=30)
    assert running.returncode == 130, errors
    assert "Traceback" not in errors and "not played yet" in out
    assert store.read_text().count("\n") >= 4 and store.read_text().endswith("\n")


def test_play_from_a_pipe_is_recorded(tmp_path):
    done = agentbank(
        "play", "count", "--task", "count/test/9", cwd=tmp_path, input="\n".join(map(str, range(1, 10))) + "\n"
    )
    assert done.returncode == 0, done.stderr
    assert "score 1.00" in done.stdout
    line = json.loads((tmp_path / "runs/play/episodes.jsonl").read_text())
    assert line["agent"]["name"] == "human" and line["outcome"]["success"] is True


def test_envs_and_doctor(tmp_path):
    listed = json.loads(agentbank("envs", "--json", cwd=tmp_path).stdout)
    assert {"webshop", "scienceworld", "hotpotqa", "count"} <= {row["id"] for row in listed}
    done = agentbank("doctor", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert done.returncode == int(any(found["worlds"].values()))
    assert {"python", "cache", "model endpoint"} <= {row["name"] for row in found["checks"]}


def test_every_command_has_help_with_words(tmp_path):
    top = agentbank("--help", cwd=tmp_path)
    assert top.returncode == 0
    for name in ("eval", "collect", "play", "report", "panel", "envs", "doctor", "data", "demo"):
        assert name in top.stdout
        page = agentbank(name, "--help", cwd=tmp_path)
        assert page.returncode == 0 and "Usage" in page.stdout


def test_a_closed_pipe_is_no_error(tmp_path):
    done = subprocess.run(
        f"{sys.executable} -m agentbank envs --json | true",
        shell=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.stderr == ""


def test_compare_is_paired(tmp_path):
    for agent, out in (("noop", "a"), ("expert", "b")):
        agentbank("eval", "--env", "count", "--agent", agent, "-n", "3", "--out", out, cwd=tmp_path)
    done = agentbank("compare", "a", "b", "--json", cwd=tmp_path)
    row = json.loads(done.stdout)["count"]
    assert row["tasks"] == 3 == row["better"] and row["difference"] == 1.0
    other = agentbank("compare", "a", "nowhere", cwd=tmp_path)
    assert other.returncode == 2 and "episodes.jsonl" in other.stderr
