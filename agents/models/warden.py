"""A warden: runs one server as its child, and ends it, children and all, when the warden's own parent is gone.

Run as a plain script, ``python warden.py COMMAND...``; its standard input is a pipe that its parent keeps open. The
pipe closes when the parent closes it, and also when the parent is killed, so that no server outlives its user.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

GRACE = 10.0
"""Seconds between the request to end and the kill."""


def main(command: list[str]) -> int:
    """Run `command` until it ends, or until standard input does; return its exit status as a shell would give it."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def ask(*_: object) -> None:
        threading.Thread(target=end, args=(child.pid,), daemon=True).start()

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, ask)
    threading.Thread(target=watch, args=(child.pid,), daemon=True).start()
    status = child.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # what the server left behind in its group
    return status if status >= 0 else 128 - status


def watch(group: int) -> None:
    """Wait for the end of standard input, then end the group."""
    while os.read(0, 1024):
        continue
    end(group)


def end(group: int) -> None:
    """Ask every process of the group to end; kill what is left after the grace."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        time.sleep(GRACE)
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
