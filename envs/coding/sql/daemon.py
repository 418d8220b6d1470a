"""A MariaDB server of our own: started on a socket in a fresh folder, ended with us however we end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from ....trajectories.errors import Fault, MissingPart

_WATCH = '"$@" & server=$!; cat > /dev/null; kill -9 $server; wait $server; rm -rf "$FOLDER"'
"""The shell that starts the server and reads our pipe: when we are gone, by whatever death, so are both and the folder."""
_PATHS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/mariadb/bin")
_START = 60.0


def program(*names: str) -> str:
    """The first of these programs that is on PATH or where Debian puts servers.

    Raises:
        MissingPart: there is none.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_PATHS])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise MissingPart(
        f"server='mysql' needs the program {names[0]} (apt-get install mariadb-server), or use server='sqlite'"
    )


class Daemon:
    """A running server; `socket` is where it listens, and it listens nowhere else."""

    def __init__(self) -> None:
        """Install an empty server in a temporary folder and start it; about two seconds.

        Raises:
            MissingPart: MariaDB is not installed.
            Fault: it cannot be installed or does not start within a minute; its last words are told.
        """
        server, install = program("mariadbd", "mysqld"), program("mariadb-install-db", "mysql_install_db")
        # Short, since a socket's path may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="agentbank-sql-"))
        self.socket = self.folder / "socket"
        data, files = self.folder / "data", self.folder / "files"
        files.mkdir()
        user = ["--user=root"] if os.geteuid() == 0 else []
        try:
            done = subprocess.run(
                [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                 "--skip-test-db", "--innodb-log-file-size=8M", *user],
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise Fault("env", f"MariaDB cannot be installed in {self.folder}: {error}") from error
        if done.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise Fault("env", f"MariaDB cannot be installed in {self.folder}: {(done.stdout + done.stderr)[-500:]}")
        command = [
            server, "--no-defaults", f"--datadir={data}", f"--socket={self.socket}", "--skip-networking",
            f"--pid-file={self.folder / 'pid'}", f"--secure-file-priv={files}", "--lower-case-table-names=1",
            "--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci", "--skip-log-bin",
            "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0", "--innodb-stats-auto-recalc=0", "--skip-performance-schema",
            "--local-infile=0", "--max-statement-time=10",
            "--max-session-mem-used=268435456", "--tmp-disk-table-size=268435456", "--default-time-zone=+00:00", *user,
        ]  # fmt: skip
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", _WATCH, "sh", *command],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "FOLDER": str(self.folder)},
            )  # fmt: skip
        self._await()

    def _await(self) -> None:
        until = time.monotonic() + _START
        while not self._answers():
            said = self.log.read_text(errors="replace") if self.log.exists() else ""
            if "Aborting" in said or time.monotonic() > until:
                self.stop()
                raise Fault("env", f"MariaDB does not start: {said[-500:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        # The file is there a moment before the server listens.
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True

    def stop(self) -> None:
        """End the server and remove its folder."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
