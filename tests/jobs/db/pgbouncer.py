"""PgBouncer in front of the tests' PostgreSQL."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import postgres


@contextlib.contextmanager
def running_pgbouncer(server: postgres.Server, mode: str, ignored: str = "") -> Iterator[int]:
    """Run PgBouncer; yields its port. The test is skipped if it is not installed.

    Args:
        server: the PostgreSQL that it leads to.
        mode: what it pools: session, transaction or statement.
        ignored: startup parameters that it ignores.
    """
    if (program := shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")) is None:
        pytest.skip("PgBouncer is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = postgres.as_user()
    with tempfile.TemporaryDirectory(prefix="atelier-pgbouncer-") as folder:
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port} user=atelier\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = {mode}\nignore_startup_parameters = {ignored}\n"
        )
        if user:  # it refuses to run as root, too
            for path in (Path(folder), settings):
                os.chown(path, user["user"], user["group"])
        process = subprocess.Popen([program, "-q", settings], stderr=subprocess.DEVNULL, **user)
        try:
            _wait_until_open(port)
            yield port
        finally:
            process.kill()
            process.wait()


def _wait_until_open(port: int) -> None:
    end = time.monotonic() + 10.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return
