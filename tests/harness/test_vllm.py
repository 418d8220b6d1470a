"""A real vLLM server: many episodes at once, killed in the middle, resumed.

Needs ``AGENTBANK_VLLM_PYTHON``, a Python that has vllm (docs/agents.md says how to make one).
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from tiny import write_checkpoint

PYTHON = os.environ.get("AGENTBANK_VLLM_PYTHON")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="AGENTBANK_VLLM_PYTHON does not name a Python that has vllm"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A vLLM server on a tiny random Llama; its address and model name."""
    folder = tmp_path_factory.mktemp("vllm") / "tiny"
    write_checkpoint(folder, window=8192, hidden=128)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        PYTHON,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(folder),
        "--served-model-name",
        "tiny",
    ]
    command += [
        "--dtype",
        "float32",
        "--max-model-len",
        "8192",
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
        "--enforce-eager",
    ]
    with (folder.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "VLLM_CPU_KVCACHE_SPACE": "2"}, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 600
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (folder.parent / "log").read_text()[-3000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
                break
            except OSError:
                time.sleep(1)
        yield f"http://127.0.0.1:{port}/v1", "tiny"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_200_webshop_episodes_64_at_once_killed_and_resumed(server, tmp_path):
    base_url, model = server
    command = [
        sys.executable,
        "-m",
        "agentbank",
        "eval",
        "--env",
        "webshop",
        "--agent",
        "react",
        "--model",
        f"openai:{model}",
    ]
    command += [
        "--base-url",
        base_url,
        "-n",
        "200",
        "-j",
        "64",
        "--max-steps",
        "3",
        "--max-tokens",
        "24",
        "--out",
        "run",
        "--json",
    ]
    store = tmp_path / "run/episodes.jsonl"
    victim = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 900
    while not (store.exists() and store.read_bytes().count(b"\n") >= 60):
        assert victim.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    kept = store.read_bytes().count(b"\n")
    assert 60 <= kept < 200
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["worlds"]["webshop"]
    # Bytes: a random model says U+2028 too, and str.splitlines() would take that for the end of a line.
    episodes = [json.loads(line) for line in store.read_bytes().splitlines()]
    assert len({each["id"] for each in episodes}) == len(episodes) == 200 == row["valid"]
    assert row["failed"] == 0 and row["completion_tokens"] > 0
    assert all(
        call["prompt_tokens"] > 0 for each in episodes for step in each["steps"] for call in step["turn"]["calls"]
    )
    print(f"kept {kept} of 200 at the kill; {row['steps']:.1f} steps an episode, {row['tokens']} tokens")
