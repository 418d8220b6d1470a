"""Sandboxes under attack: the same hostile suite for every provider."""

import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from agentbank.envs.sandboxes import Limits, Pool, changes, open_sandbox, shown, why_none
from agentbank.trajectories.errors import Fault, MissingPart, UnknownName, UsageError

TIGHT = Limits(memory=256 << 20, pids=32, disk=16 << 20, cpu_s=2, timeout_s=20, output=10_000)


@pytest.fixture(params=["bubblewrap", pytest.param("docker", marks=pytest.mark.docker)])
def provider(request):
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
    reason = why_none(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def box(provider):
    with open_sandbox(provider, limits=TIGHT) as box:
        yield box


def alive(box) -> bool:
    return box.python("print('here')").stdout == b"here\n"


def processes(box) -> list[str]:
    """The processes in the sandbox besides its server and the lister itself."""
    listed = box.run("for each in /proc/[0-9]*; do [ $each = /proc/1 ] || [ $each = /proc/$$ ] || echo $each; done")
    return listed.stdout.decode().split()


def test_a_program_runs_and_is_told_apart(box):
    done = box.python("import sys; print(input()); print('e', file=sys.stderr); sys.exit(3)", stdin=b"hello\n")
    assert (done.code, done.stdout, done.stderr, done.timed_out) == (3, b"hello\n", b"e\n", False)
    assert done.cpu_seconds < 2


def test_commands_by_words_and_by_line(box):
    assert box.run(["echo", "a b"]).stdout == b"a b\n"
    assert box.run("echo $WHO | tr a-z A-Z; exit 4", env={"WHO": "me"}).stdout == b"ME\n"
    assert box.run("cat", stdin=b"x" * 100_000, output_limit=200_000).stdout == b"x" * 100_000
    assert box.run(["no-such-program"]).code == 127


def test_a_shell_keeps_its_folder_and_variables(box):
    shell = box.shell()
    assert shell.run("cd /tmp; who=me; false").code == 1
    assert shell.run("pwd; echo $who").stdout == b"/tmp\nme\n"
    assert shell.run("if then").code == 2
    late = shell.run("sleep 60", timeout_s=0.5)
    assert late.timed_out
    assert shell.run("pwd; exit 5").code == 5
    assert shell.run("pwd").stdout == b"/tmp\n"


def test_a_talk_answers_and_ends(box):
    talk = box.talk("while (heard := hear()) is not None: say(heard[::-1])\nprint('bye')")
    assert talk.ask(b"abc") == b"cba"
    assert talk.ask(b"a" * 1_000_000) == b"a" * 1_000_000
    assert talk.end().stdout == b"bye\n"
    ended = box.talk("hear(); raise SystemExit(7)").ask(b"x")
    assert ended.code == 7


def test_fork_bomb(box):
    box.python("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", timeout_s=6)
    box.run(":(){ :|:& };:", timeout_s=3)
    assert alive(box) and processes(box) == []


def test_memory_bomb(box):
    assert box.python("x = bytearray(10**10)").code == 1
    many = """
    import os, time
    for n in range(20):
        if os.fork() == 0:
            x = bytearray(b"x" * (100 << 20))
            time.sleep(1)
    time.sleep(2)
    """
    box.python(textwrap.dedent(many), timeout_s=10)
    assert alive(box)


def test_endless_output(box):
    done = box.python("import sys\nwhile True: sys.stdout.write('x' * (1 << 20))", cpu_s=30)
    assert done.timed_out and len(done.stdout) == TIGHT.output and done.truncated_bytes > 200 << 20
    assert alive(box)


def test_one_long_line_is_cut_and_counted(box):
    done = box.python("print('y' * (50 << 20), end='')")
    assert (len(done.stdout), done.truncated_bytes, done.code) == (TIGHT.output, (50 << 20) - TIGHT.output, 0)
    assert done.text.endswith(f"[... {done.truncated_bytes} more bytes are not shown]")


def test_broken_text_is_shown(box):
    done = box.python("import sys; sys.stdout.buffer.write(b'a\\xff\\xc3(\\0z')")
    assert done.text == "a\ufffd\ufffd(\u2400z"
    assert shown(b"abc", limit=2) == "ab\n[... 1 more bytes are not shown]"


def test_disk_fill(box):
    fill = """
    import os
    total = 0
    for folder in ("/job", "/tmp", "/dev/shm"):
        for n in range(100):
            try:
                with open(f"{folder}/{n}", "wb", buffering=0) as file:
                    for _ in range(1000): total += file.write(b"x" * 100_000)
            except OSError: pass
    print(total)
    """
    done = box.python(textwrap.dedent(fill), cpu_s=20)
    assert 0 < int(done.stdout) <= TIGHT.disk
    assert alive(box)
    box.write("/job/a", b"x" * 1000)
    with pytest.raises(UsageError, match="No space left"):
        box.write("/job/b", b"x" * (TIGHT.disk + 1))
    assert box.read("/job/a") == b"x" * 1000


def test_a_loop_that_ignores_signals_ends_by_cpu_time(box):
    loop = "import signal\nfor n in (15, 2, 1, 24): signal.signal(n, signal.SIG_IGN)\nwhile True: pass"
    done = box.python(loop, cpu_s=1)
    assert done.cpu_exceeded and not done.timed_out


def test_a_sleeper_ends_by_the_wall(box):
    assert box.python("import time; time.sleep(100)", timeout_s=0.5).timed_out


def test_no_host_files_and_no_secrets(provider, monkeypatch, tmp_path):
    monkeypatch.setenv("AGENTBANK_TEST_SECRET", "open-sesame")
    (tmp_path / "secret").write_text("open-sesame")
    hunt = f"""
    import glob, os
    found = [repr(dict(os.environ))]
    paths = glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline")
    for path in ["{tmp_path}/secret", "{Path(__file__)}", "/etc/shadow", *paths]:
        try: found.append(path + ": " + open(path).read())
        except OSError: pass
    found += glob.glob("/root/*") + glob.glob("/home/*") + glob.glob("/root/.*") + glob.glob("/var/run/docker*")
    print(found)
    """
    with open_sandbox(provider, limits=TIGHT) as box:
        seen = box.python(textwrap.dedent(hunt)).stdout.decode()
    assert "open-sesame" not in seen and "test_sandboxes" not in seen and "pytest" not in seen
    assert "/etc/shadow" not in seen and "/home/" not in seen.replace("/nonexistent", "")


def test_no_network(box):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"""
        import socket
        for address in (("127.0.0.1", {port}), ("1.1.1.1", 53)):
            try: socket.create_connection(address, 2); print("in")
            except OSError: print("out")
        """
        assert box.python(textwrap.dedent(code)).stdout == b"out\nout\n"


def test_nothing_outside_can_be_written(box):
    code = """
    for path in ("/x", "/usr/x", "/etc/x", "/usr/bin/python3", "/dev/x", "/proc/sys/kernel/hostname"):
        try: open(path, "w"); print(path)
        except OSError: pass
    """
    assert box.python(textwrap.dedent(code)).stdout == b""


def test_links_are_not_followed(box):
    box.run("ln -s /etc/passwd l; ln -s / d; mkdir real; ln -s /proc/1/environ e; mkfifo f")
    for path in (
        "/job/l",
        "/job/d/etc/passwd",
        "/job/e",
        "/job/f",
        "/job/real",
        "/job/../etc/passwd",
        "relative",
    ):
        with pytest.raises(UsageError):
            box.read(path)
    for path in ("/job/l", "/job/d/job/x", "/job/real"):
        with pytest.raises(UsageError):
            box.write(path, b"x")
    seen = box.snapshot(["/job"])
    assert seen["/job/d"].kind == "link" and seen["/job/d"].digest == "/" and "/job/d/etc" not in seen
    assert seen["/job/f"].kind == "other"


def test_trees_and_changes(box, tmp_path):
    (tmp_path / "work" / "sub").mkdir(parents=True)
    (tmp_path / "work" / "sub" / "a").write_text("one")
    (tmp_path / "work" / "run").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "work" / "run").chmod(0o755)
    (tmp_path / "work" / "away").symlink_to("/etc")
    box.put_tree(tmp_path / "work", "/job")
    before = box.snapshot(["/job"])
    assert before["/job/sub/a"].digest == "f97c5d29941bfb1b2fdab0874906ab82"
    assert box.run("./run; rm away; echo two > sub/a; touch new; chmod 700 sub").stdout == b"ran\n"
    found = changes(before, box.snapshot(["/job"]))
    assert (found.added, found.removed, found.changed) == (
        ("/job/new",),
        ("/job/away",),
        ("/job/sub", "/job/sub/a"),
    )


def test_the_server_cannot_be_killed_or_spoken_for(box):
    code = """
    import ctypes, os, signal, struct
    for pid in (1, os.getppid(), -1):
        for n in (9, 15, 19):
            try: os.kill(pid, n) if pid != -1 else None
            except OSError: pass
    forged = struct.pack(">II", 2, 0) + b"{}"
    for fd in list(range(3, 1024)):
        try: os.write(fd, forged)
        except OSError: pass
    for path in ("/proc/1/mem", "/proc/1/fd/200", "/proc/1/fd/201", "/proc/1/environ", "/proc/1/root/etc/shadow"):
        try: open(path, "rb").read(1); print("read", path)
        except OSError: pass
    print("traced", ctypes.CDLL(None).ptrace(16, 1, 0, 0))
    os.kill(-1, 9)
    """
    done = box.python(textwrap.dedent(code))
    assert b"read" not in done.stdout and b"traced 0" not in done.stdout
    assert alive(box) and alive(box)


def test_daemons_end_with_their_call(box):
    code = """
    import os, signal, sys, time
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)
                time.sleep(1000)
            os._exit(0)
    print("left them")
    """
    began = time.monotonic()
    assert box.python(textwrap.dedent(code)).stdout == b"left them\n"
    assert box.run("setsid sleep 1000 & disown; echo out").stdout == b"out\n"
    assert processes(box) == [] and time.monotonic() - began < 15


def test_no_state_passes_from_call_to_call(box):
    leave = """
    import os
    for folder in ("/job", "/tmp", "/dev/shm"):
        os.makedirs(f"{folder}/a/b"); open(f"{folder}/a/b/note", "w").write("psst"); os.chmod(f"{folder}/a", 0)
    import builtins; builtins.note = "psst"; os.environ["NOTE"] = "psst"
    """
    look = """
    import builtins, os
    print(hasattr(builtins, "note"), "NOTE" in os.environ, [os.listdir(f) for f in ("/job", "/tmp", "/dev/shm")])
    """
    assert box.python(textwrap.dedent(leave)).code == 0
    assert box.python(textwrap.dedent(look)).stdout == b"False False [[], [], []]\n"
    assert box.run("ipcmk -M 10 || ipcmk -S 1 || ipcmk -Q").code != 0
    box.run("touch /job/kept")
    assert "/job/kept" in box.snapshot(["/job"])
    box.renew()
    assert box.snapshot(["/job"]) == {}


def test_a_folder_of_any_depth_is_emptied(box):
    dig = "import os\nfor n in range(3000):\n    os.mkdir('d'); os.chdir('d')\nopen('x','w')"
    assert box.python(dig).code == 0
    assert box.python("import os; print(os.listdir('/job'))").stdout == b"[]\n"


def test_a_sandbox_outlives_the_thread_that_opened_it(provider):
    made = []
    thread = threading.Thread(target=lambda: made.append(open_sandbox(provider, limits=TIGHT)))
    thread.start()
    thread.join()
    with made[0] as box:
        assert alive(box)


def test_root_of_a_writable_root(provider):
    with open_sandbox(provider, user="root", writable=True, limits=TIGHT) as box:
        done = box.run(
            "id -u; mkdir /testbed; echo 1 > /testbed/a; echo x > /etc/n; chown 1000 /testbed/a; stat -c %u /testbed/a"
        )
        assert done.stdout == b"0\n1000\n"
        assert {"/testbed/a", "/etc/n"} <= box.snapshot(["/testbed", "/etc"]).keys()
        who = box.run("whoami", user="agent")
        assert who.stdout == b"agent\n", who
        assert box.python("open('/testbed/b', 'w')").code == 0 and "/testbed/b" in box.snapshot(["/testbed"])
        assert box.run("echo 2 > /usr/list && cat /usr/list").stdout == b"2\n"
        box.renew()
        assert box.run("ls -d /testbed /etc/n /usr/list").stdout == b""


def test_a_tree_is_there_again_after_renewal(provider, tmp_path):
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "given").write_text("one")
    with open_sandbox(provider, tree=tmp_path, limits=TIGHT) as box:
        assert box.python("print(open('given').read())").stdout == b"one\n"
        assert box.run("rm given; touch made").code == 0
        box.renew()
        assert set(box.snapshot(["/job"])) == {"/job/given"}


def leftovers(provider) -> set[str]:
    """Children of ours, mounts, control groups: what sandboxes could leave."""
    found = {f"process {each.pid} {each.name()}" for each in psutil.Process().children(recursive=True)}
    # An engine's mounts are the engine's, unless it is the provider.
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    found |= {f"mount {line}" for line in mounts if provider == "docker" or "docker" not in line}
    found |= {f"group {each}" for each in Path("/sys/fs/cgroup").glob(f"**/agentbank-{os.getpid()}-*")}
    return found | {f"descriptor {each.name}" for each in Path("/proc/self/fd").iterdir()}


def containers(provider, pid: int) -> list[str]:
    """The containers that the process `pid` started and that are still there."""
    if provider != "docker":
        return []
    from agentbank.envs.sandboxes.docker import LABEL, OWNER, client

    listed = client().api.containers(all=True, filters={"label": LABEL})
    return [each["Id"] for each in listed if each["Labels"][OWNER].split("/")[1] == str(pid)]


@pytest.mark.slow
def test_two_hundred_leave_nothing(provider):
    open_sandbox(provider, limits=TIGHT).close()
    before = leftovers(provider)
    for _ in range(200):
        with open_sandbox(provider, limits=TIGHT) as box:
            box.run("setsid sleep 1000 & echo")
    assert containers(provider, os.getpid()) == []
    # The engine's client keeps a varying number of connections open.
    assert {
        each for each in leftovers(provider) - before if not each.startswith("descriptor") or provider != "docker"
    } == set()


def test_a_killed_host_leaves_nothing(provider):
    code = f"""
    import os, threading
    from agentbank.envs.sandboxes import open_sandbox
    box = open_sandbox({provider!r})
    threading.Thread(target=lambda: box.run("sleep 4242"), daemon=True).start()
    import time; time.sleep(1.5)
    print("ready", flush=True)
    os.kill(os.getpid(), 9)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE) as host:
        assert host.communicate()[0] == b"ready\n" and host.returncode == -9

    def left() -> list[str]:
        listed = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True).stdout
        return [line for line in listed.splitlines() if line.endswith("sleep 4242") and not line.startswith("Z")]

    end = time.monotonic() + 20
    while (left() or containers(provider, host.pid)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left() == [] and containers(provider, host.pid) == []


def test_a_pool_hands_out_fresh_ones_and_leaves_nothing(provider):
    open_sandbox(provider, limits=TIGHT).close()
    before = leftovers(provider)
    with Pool(provider, size=2, limits=TIGHT) as pool:
        for _ in range(3):
            with pool.take() as box:
                assert box.snapshot(["/job"]) == {}
                box.run("touch /job/used")
    with pytest.raises(UsageError, match="closed"):
        pool.take()
    assert containers(provider, os.getpid()) == [] and not [
        each for each in leftovers(provider) - before if not each.startswith("desc")
    ]
    with Pool(provider, image="no-such-image") as pool, pytest.raises(MissingPart):
        pool.take()


def test_a_dead_sandbox_is_a_fault_and_closed(provider):
    box = open_sandbox(provider, limits=TIGHT)
    box.link.close()
    with pytest.raises((Fault, ValueError, OSError)):
        box.python("print(1)")
    assert box.closed
    with pytest.raises(UsageError, match="closed"):
        box.python("print(1)")


def test_what_is_missing_is_said(provider, monkeypatch):
    with pytest.raises(UnknownName, match="did you mean 'docker'"):
        open_sandbox("dokcer")
    with pytest.raises(MissingPart, match=r"no such|no root directory|has no image"):
        open_sandbox(provider, image="no-such-image")
    if provider == "bubblewrap":
        from agentbank.envs.sandboxes import bubblewrap

        monkeypatch.setenv("PATH", "/nonexistent")
        assert "apt-get install bubblewrap" in bubblewrap.lacks.__wrapped__()
    else:
        from agentbank.envs.sandboxes import docker

        monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        with pytest.raises(MissingPart, match="no Docker engine answers"):
            docker.client.__wrapped__()


def test_a_full_machine_is_a_fault(monkeypatch, tmp_path):
    if why_none("bubblewrap"):
        pytest.skip(why_none("bubblewrap"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(Fault, match="could not be set up") as raised:
        open_sandbox("bubblewrap")
    assert raised.value.boundary == "sandbox"


def test_no_sandbox_is_never_taken_for_one():
    assert why_none("unsafe-subprocess") == ""
    with open_sandbox("auto") as box:
        assert box.provider in ("bubblewrap", "docker")
    with open_sandbox("unsafe-subprocess") as box:
        assert "NO ISOLATION" in box.notes[0]
        assert box.python("print(6 * 7)").stdout == b"42\n"
        home = box.python("import os; print(os.getcwd())").stdout.decode().strip()
    assert not Path(home).exists()
