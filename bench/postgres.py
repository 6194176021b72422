"""A private PostgreSQL server, with its own folder and port, removed afterwards."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from bench.runner import BenchError

OPTIONS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=300",
)


def find_binaries() -> Path | None:
    """The newest installed PostgreSQL's folder of programs."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name)
    )
    if folders:
        return folders[-1]
    program = shutil.which("initdb")
    return Path(program).parent if program else None


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    pid: int
    data: Path
    """Its folder; the one above has its Unix socket."""

    def url(self, database: str) -> str:
        """The SQLAlchemy address of a database."""
        return f"postgresql+asyncpg://atelier@127.0.0.1:{self.port}/{database}"

    async def execute(self, statement: str) -> None:
        """Run a statement in the maintenance database."""
        async with self._connection() as connection:
            await connection.execute(statement)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection: Any = await asyncpg.connect(self.url("postgres").replace("+asyncpg", ""))
        try:
            yield connection
        finally:
            await connection.close()

    def processor_seconds(self) -> float:
        """Processor seconds of all its processes so far, ended ones included."""
        server = psutil.Process(self.pid)
        own = server.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for process in server.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return float(total)

    @contextlib.asynccontextmanager
    async def with_tls(self) -> AsyncIterator[Path]:
        """Use TLS for new connections within the block; yields the self-signed certificate."""
        certificate = self.data / "server.crt"
        if not certificate.exists():
            _certify(self.data)
        await self._change("SET ssl = on", until="on")
        try:
            yield certificate
        finally:
            await self._change("RESET ssl", until="off")

    async def _change(self, change: str, *, until: str) -> None:
        """Change the system's settings, and wait until new connections use TLS or do not."""
        await self.execute(f"ALTER SYSTEM {change}")
        await self.execute("SELECT pg_reload_conf()")
        found = ""
        while found != until:
            async with self._connection() as connection:
                found = await connection.fetchval("SHOW ssl")


def as_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; Debian's package brings a user for it."""
    if os.name == "posix" and os.geteuid() == 0:
        import pwd  # noqa: PLC0415 - only POSIX has it

        account = pwd.getpwnam("postgres")
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return {}


@contextlib.contextmanager
def running(options: tuple[str, ...] = OPTIONS) -> Iterator[Server]:
    """Start a server and stop it afterwards.

    Raises:
        BenchError: PostgreSQL is not installed.
    """
    binaries = find_binaries()
    if binaries is None:
        raise BenchError("PostgreSQL is not installed; nothing was measured.")
    user = as_user()
    folder = Path(tempfile.mkdtemp(prefix="atelier-postgres-"))
    if user:
        os.chown(folder, user["user"], user["group"])
    data = folder / "data"
    try:
        subprocess.run(
            [
                *(binaries / "initdb", "-D", data, "-U", "atelier", "-A", "trust"),
                *("-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **user,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = [part for option in options for part in ("-c", option)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    binaries / "postgres",
                    "-D",
                    data,
                    "-h",
                    "127.0.0.1",
                    "-p",
                    str(port),
                    "-k",
                    folder,
                    *settings,
                ],
                stdout=log,
                stderr=log,
                cwd=folder,
                **user,
            )
        server = Server(port, process.pid, data)
        try:
            asyncio.run(_until_ready(server, folder / "log"))
            yield server
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _certify(data: Path) -> None:
    """Make a certificate for 127.0.0.1, where the server looks for one."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=atelier", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", data / "server.key", "-out", data / "server.crt"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **as_user(),
    )


async def _until_ready(server: Server, log: Path) -> None:
    for _ in range(200):
        try:
            await server.execute("SELECT 1")
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")  # noqa: ASYNC240 - a few lines, at the end
