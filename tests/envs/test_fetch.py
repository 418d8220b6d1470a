"""Data comes whole and right, or not at all, from a server that does all that servers do."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from agentbank.envs import specs
from agentbank.envs.core import EnvSpec
from agentbank.envs.data import Archive
from agentbank.envs.fetch import fetch, sha256, verify, where
from agentbank.envs.unpack import unpack
from agentbank.trajectories import DataError, Fault, UsageError

from .web_server import reply, serve

BODY = bytes(range(256)) * 5_000


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTBANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AGENTBANK_DATA", raising=False)
    monkeypatch.delenv("AGENTBANK_MIRROR", raising=False)
    return tmp_path / "cache"


def world(*archives):
    return EnvSpec("shelf", "x:Y", "web", "held-in", 5, "m", "language", "engine", archives=archives)


def one(**more):
    return world(Archive("https://data.example.org/sets/shelf.bin", "shelf.bin", **more))


class Shelf:
    """Serves `body` with ranges; the next answers may be cut after so many bytes, or be whole strange answers."""

    def __init__(self, body=BODY, etag='"1"', ranges=True, cuts=(), strange=()):
        self.body, self.etag, self.ranges = body, etag, ranges
        self.cuts, self.strange, self.asked = list(cuts), list(strange), []

    def __call__(self, handler):
        asked = handler.headers.get("Range")
        self.asked.append((handler.path, asked))
        if self.strange:
            return self.strange.pop(0)(handler)
        start = 0
        if asked and self.ranges and handler.headers.get("If-Range") == self.etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(self.body):
            return reply(handler, b"", 416, Content_Range=f"bytes */{len(self.body)}")
        part = self.body[start:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.body) - 1}/{len(self.body)}")
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.send_header("Content-Length", str(len(part)))
        handler.end_headers()
        handler.wfile.write(part[: self.cuts.pop(0)] if self.cuts else part)
        return None


def get(spec, address, **more):
    return fetch(spec, mirror=address, wait=0.001, timeout=10, **more)


def test_a_file_comes_whole_and_complete_is_written_last(cache):
    told = []
    spec = one(sha256=None)
    with serve(Shelf()) as address:
        folder = get(spec, address, progress=lambda *step: told.append(step))
    assert folder == cache / "data" / "shelf"
    assert (folder / "shelf.bin").read_bytes() == BODY
    assert json.loads((folder / "COMPLETE").read_text()) == {"shelf.bin": sha256(folder / "shelf.bin")}
    assert told[-1] == ("shelf.bin", len(BODY), len(BODY)) and len(told) > 1
    assert where(spec).kind == "cache" and where(spec).path == folder
    assert [check.ok for check in verify(spec)] == [True]
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "COMPLETE", "shelf.bin"]


def test_what_is_right_is_not_fetched_again(cache):
    shelf = Shelf()
    with serve(shelf) as address:
        get(one(), address)
        get(one(), address)
    assert len(shelf.asked) == 1


def test_a_cut_is_resumed_where_it_was(cache):
    shelf = Shelf(cuts=[300_000, 400_000, 10])
    with serve(shelf) as address:
        folder = get(one(), address)
    assert (folder / "shelf.bin").read_bytes() == BODY
    assert [asked for _, asked in shelf.asked] == [None, "bytes=300000-", "bytes=700000-", "bytes=700010-"]


def test_the_next_call_resumes_what_the_last_one_left(cache):
    shelf = Shelf(cuts=[300_000], strange=[])
    with serve(shelf) as address:
        with pytest.raises(Fault, match="300000 bytes are kept"):
            get(one(), address, tries=1)
        assert where(one()).kind == "sample"
        folder = get(one(), address)
    assert (folder / "shelf.bin").read_bytes() == BODY
    assert shelf.asked[-1][1] == "bytes=300000-"


def test_a_changed_file_is_not_glued_to_the_old_part(cache):
    shelf = Shelf(cuts=[300_000])
    with serve(shelf) as address:
        with pytest.raises(Fault):
            get(one(), address, tries=1)
        shelf.body, shelf.etag = BODY[::-1], '"2"'
        folder = get(one(), address)
    assert (folder / "shelf.bin").read_bytes() == BODY[::-1]


def test_a_server_without_ranges_starts_over(cache):
    shelf = Shelf(cuts=[1000], ranges=False)
    with serve(shelf) as address:
        folder = get(one(), address)
    assert (folder / "shelf.bin").read_bytes() == BODY


def test_a_whole_part_needs_no_more_bytes(cache):
    folder = cache / "data" / "shelf"
    folder.mkdir(parents=True)
    (folder / "shelf.bin.part").write_bytes(BODY)
    (folder / "shelf.bin.tag").write_text('"1"')
    shelf = Shelf()
    with serve(shelf) as address:
        get(one(), address)
    assert (folder / "shelf.bin").read_bytes() == BODY and len(shelf.asked) == 1


def test_a_wrong_pinned_digest_is_refused_and_nothing_kept(cache):
    spec = one(sha256="0" * 64)
    with serve(Shelf()) as address, pytest.raises(DataError, match=r"expected 0{64} \(pinned\)"):
        get(spec, address)
    left = {path.name for path in (cache / "data" / "shelf").iterdir()}
    assert not left & {"COMPLETE", "shelf.bin", "shelf.bin.part"}
    assert where(spec).kind == "sample"


def test_without_a_pin_the_first_digest_counts(cache):
    shelf = Shelf()
    with serve(shelf) as address:
        folder = get(one(), address)
        (folder / "shelf.bin").unlink()
        (folder / "COMPLETE").unlink()
        shelf.body, shelf.etag = b"other bytes", '"2"'
        with pytest.raises(DataError, match="that of the first fetch"):
            get(one(), address)


def test_verify_tells_damage_and_loss(cache):
    spec = one()
    with serve(Shelf()) as address:
        folder = get(spec, address)
        (folder / "shelf.bin").write_bytes(b"damaged")
        [check] = verify(spec)
        assert not check.ok and check.found != check.expected
        (folder / "shelf.bin").unlink()
        [check] = verify(spec)
        assert not check.ok and check.found is None
        get(spec, address)
    assert verify(spec)[0].ok


def test_trouble_is_asked_again(cache):
    trouble = [lambda handler, code=code: reply(handler, b"no", code) for code in (500, 503, 429)]
    with serve(Shelf(strange=trouble)) as address:
        assert (get(one(), address) / "shelf.bin").read_bytes() == BODY


def test_lasting_trouble_is_a_fault(cache):
    with serve(lambda handler: reply(handler, b"no", 500)) as address, pytest.raises(Fault, match="500"):
        get(one(), address, tries=3)


def test_not_found_is_not_asked_again(cache):
    shelf = Shelf(strange=[lambda handler: reply(handler, b"no", 404)] * 5)
    with serve(shelf) as address, pytest.raises(Fault, match="404"):
        get(one(), address)
    assert len(shelf.asked) == 1


def test_a_page_is_not_a_file(cache):
    page = b"<html><body>Please log in</body></html>"
    answer = [lambda handler: reply(handler, page, Content_Type="text/html; charset=utf-8")]
    with serve(Shelf(strange=answer)) as address, pytest.raises(DataError, match="HTML page"):
        get(one(), address)
    assert not (cache / "data" / "shelf" / "shelf.bin").exists()


def test_nobody_there_is_a_fault(cache):
    with serve(Shelf()) as address:
        gone = address
    with pytest.raises(Fault, match="refused"):
        get(one(), gone, tries=2)


def test_the_mirror_keeps_the_path_and_may_come_from_the_environment(cache, monkeypatch):
    shelf = Shelf()
    with serve(shelf) as address:
        monkeypatch.setenv("AGENTBANK_MIRROR", f"{address}/copies/")
        fetch(one(), wait=0.001)
    assert shelf.asked[0][0] == "/copies/sets/shelf.bin"


def test_a_world_without_archives_says_so():
    with pytest.raises(UsageError, match="no official download"):
        fetch(specs()["scienceworld"])


def packed(files, kind):
    box = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(box, "w") as bundle:
            for name, content in files.items():
                bundle.writestr(name, content)
    else:
        with tarfile.open(fileobj=box, mode="w:gz") as bundle:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                bundle.addfile(entry, io.BytesIO(content))
    return box.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_archives_are_unpacked(cache, kind):
    spec = world(Archive(f"https://data.example.org/a.{kind}", f"a.{kind}", unpack=True))
    with serve(Shelf(packed({"deep/er/a.txt": b"one", "b.txt": b"two"}, kind))) as address:
        folder = get(spec, address)
    assert (folder / "deep/er/a.txt").read_bytes() == b"one" and (folder / "b.txt").read_bytes() == b"two"


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize("name", ["../out.txt", "/tmp/agentbank-out.txt", "a/../../out.txt"])
def test_no_path_leads_out(tmp_path, kind, name):
    archive, folder = tmp_path / f"a.{kind}", tmp_path / "in"
    archive.write_bytes(packed({name: b"out"}, kind))
    folder.mkdir()
    with pytest.raises(DataError, match="out of the folder"):
        unpack(archive, folder)
    assert not (tmp_path / "out.txt").exists() and not Path("/tmp/agentbank-out.txt").exists()


def test_links_are_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as bundle:
        entry = tarfile.TarInfo("door")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc"
        bundle.addfile(entry)
    with pytest.raises(DataError, match="link"):
        unpack(tmp_path / "a.tar", tmp_path / "in")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_torn_archive_is_named(tmp_path, kind):
    archive = tmp_path / f"a.{kind}"
    archive.write_bytes(packed({"a.txt": bytes(range(256)) * 400}, kind)[:-200])
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(archive, tmp_path)
