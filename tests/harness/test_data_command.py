"""`agentbank data` against a real server on loopback: cut, resumed, verified, refused."""

import http.server
import json
import os
import subprocess
import sys
import threading
from typing import ClassVar

import pytest

FILES = {
    "/datasets/hotpot/hotpot_train_v1.1.json": b"[1, 2, 3]" * 4000,
    "/datasets/hotpot/hotpot_dev_distractor_v1.json": b"[4]",
}


class Official(http.server.BaseHTTPRequestHandler):
    """Serves the files by range, but cuts the first answer of each in the middle."""

    protocol_version = "HTTP/1.1"
    cut: ClassVar[set[str]] = set()

    def do_GET(self):
        whole = FILES.get("/datasets/" + self.path.partition("/datasets/")[2])
        if whole is None:
            return self.send_error(404)
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        body = whole[start:]
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path not in self.cut and len(body) > 1000:
            self.cut.add(self.path)
            body = body[: len(body) // 2]
        self.close_connection = True
        self.wfile.write(body)

    def log_message(self, *_):
        """Tests print nothing."""


@pytest.fixture
def mirror():
    Official.cut = set()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Official) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def agentbank(*arguments, cache):
    command = [sys.executable, "-m", "agentbank", "data", *arguments]
    env = {**os.environ, "AGENTBANK_CACHE": str(cache)}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)


def test_fetch_where_verify(mirror, tmp_path):
    before = json.loads(agentbank("where", "hotpotqa", "--json", cache=tmp_path).stdout)
    assert before["hotpotqa"]["kind"] == "sample"
    assert agentbank("verify", "hotpotqa", cache=tmp_path).returncode == 1
    done = agentbank("fetch", "hotpotqa", "--mirror", mirror, "--json", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    for path, content in FILES.items():
        assert (tmp_path / "data/hotpotqa" / path.rpartition("/")[2]).read_bytes() == content
    assert json.loads(agentbank("where", "hotpotqa", "--json", cache=tmp_path).stdout)["hotpotqa"]["kind"] == "cache"
    assert agentbank("verify", "hotpotqa", cache=tmp_path).returncode == 0
    (tmp_path / "data/hotpotqa/hotpot_train_v1.1.json").write_bytes(b"[]")
    wrong = agentbank("verify", "hotpotqa", cache=tmp_path)
    assert wrong.returncode == 1 and "wrong: expected" in wrong.stdout


def test_a_server_that_is_down_is_one_line(tmp_path):
    done = agentbank("fetch", "hotpotqa", "--mirror", "http://127.0.0.1:9", cache=tmp_path)
    assert done.returncode == 1 and done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert agentbank("fetch", "hotpotqaa", cache=tmp_path).returncode == 2
