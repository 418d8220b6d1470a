import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from agentbank.agents import make_model
from agentbank.trajectories.errors import Fault, MissingPart, UsageError
from agentbank.trajectories.record import Message

STAND_IN = '''#!{python}
"""Speaks as much of vLLM's command line and protocol as is needed here, and has a child of its own, as vLLM has."""
import json, os, pathlib, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

given = sys.argv[1:]
port, name = int(given[given.index("--port") + 1]), given[given.index("--served-model-name") + 1]
engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
told = dict(argv=given, pids=[os.getpid(), engine.pid], key="OPENAI_API_KEY" in os.environ)
pathlib.Path("{notes}").write_text(json.dumps(told))
if "--broken" in given:
    print("ValueError: no kernel for this GPU", flush=True)
    sys.exit(3)
if "--stubborn" in given:
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Handler(BaseHTTPRequestHandler):
    def answer(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    def do_GET(self):
        self.answer(b"")
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["messages"][-1]["content"] == "die":
            os._exit(9)
        said = body["model"] + " heard " + body["messages"][-1]["content"]
        self.answer(json.dumps(dict(choices=[dict(message=dict(content=said))])).encode())
    def log_message(self, *_):
        return

time.sleep(0.2)
HTTPServer(("127.0.0.1", port), Handler).serve_forever()
'''


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A folder with a checkpoint, a program that passes for vLLM's Python, and where it notes what it was given."""
    program, notes = tmp_path / "python-of-vllm", tmp_path / "notes.json"
    program.write_text(STAND_IN.format(python=sys.executable, notes=notes))
    program.chmod(0o755)
    monkeypatch.setenv("AGENTBANK_VLLM_PYTHON", str(program))
    (tmp_path / "samoyed").mkdir()
    return tmp_path


def notes(folder: Path) -> dict:
    import json

    return json.loads((folder / "notes.json").read_text())


def gone(pids: list[int], seconds: float = 20.0) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids):
            return True
        time.sleep(0.02)
    return False


def talk(model, *words):
    async def session():
        try:
            return await asyncio.gather(*(model.complete([Message("user", word)]) for word in words))
        finally:
            await model.close()

    return asyncio.run(session())


def test_one_server_is_started_serves_all_and_is_gone_after_close(stand_in, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret-for-elsewhere")
    checkpoint = str(stand_in / "samoyed")
    replies = talk(make_model(f"vllm:{checkpoint}", args="--max-model-len 64"), "a", "b", "c")
    assert [each.text for each in replies] == [f"{checkpoint} heard {word}" for word in "abc"]
    told = notes(stand_in)
    assert told["argv"][:4] == ["-m", "vllm.entrypoints.openai.api_server", "--model", checkpoint]
    assert told["argv"][-2:] == ["--max-model-len", "64"] and not told["key"]
    assert gone(told["pids"])


def test_nothing_starts_before_the_first_call(stand_in):
    model = make_model(f"vllm:{stand_in / 'samoyed'}")
    asyncio.run(model.close())
    assert not (stand_in / "notes.json").exists()


def test_a_server_that_cannot_start_is_a_fault_with_its_last_words(stand_in):
    model = make_model(f"vllm:{stand_in / 'samoyed'}", args="--broken")

    async def twice():
        for _ in range(2):
            with pytest.raises(Fault, match="no kernel for this GPU") as caught:
                await model.complete([Message("user", "a")])
            assert caught.value.boundary == "model"
        await model.close()

    asyncio.run(twice())
    assert gone(notes(stand_in)["pids"])


def test_a_server_that_dies_is_a_fault_that_says_so(stand_in):
    model = make_model(f"vllm:{stand_in / 'samoyed'}", backoff=0.01, retries=3)
    with pytest.raises(Fault, match="samoyed has ended"):
        talk(model, "die")
    assert gone(notes(stand_in)["pids"])


def test_the_server_goes_when_its_user_is_killed(stand_in):
    code = (
        "import asyncio, sys\n"
        "from agentbank.agents import make_model\n"
        "from agentbank.trajectories.record import Message\n"
        "async def main():\n"
        "    model = make_model('vllm:' + sys.argv[1])\n"
        "    await model.complete([Message('user', 'a')])\n"
        "    print('up', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code, str(stand_in / "samoyed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout.readline() == "up\n"
        user.send_signal(signal.SIGKILL)
    assert gone(notes(stand_in)["pids"])


@pytest.mark.slow
def test_a_server_that_will_not_go_is_killed(stand_in):
    talk(make_model(f"vllm:{stand_in / 'samoyed'}", args="--stubborn"), "a")
    assert gone(notes(stand_in)["pids"])


def test_what_is_missing_is_told(stand_in, monkeypatch, tmp_path):
    with pytest.raises(UsageError, match="no such checkpoint folder"):
        make_model("vllm:nowhere")
    with pytest.raises(UsageError, match="starts its own server"):
        make_model(f"vllm:{stand_in / 'samoyed'}", base_url="http://127.0.0.1:1/v1")
    monkeypatch.setenv("AGENTBANK_VLLM_PYTHON", str(tmp_path / "gone"))
    with pytest.raises(MissingPart, match="AGENTBANK_VLLM_PYTHON"):
        make_model(f"vllm:{stand_in / 'samoyed'}")
    monkeypatch.delenv("AGENTBANK_VLLM_PYTHON")
    monkeypatch.setenv("PATH", os.fspath(tmp_path / "empty"))
    with pytest.raises(MissingPart, match="AGENTBANK_VLLM_PYTHON"):
        make_model(f"vllm:{stand_in / 'samoyed'}")
