"""Database URLs as hosting providers give them, each tried on a real server."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from bench import postgres
from jobs.db.database import Database
from jobs.db.postgres_copying import dump
from jobs.outcomes import QueueUnavailableError
from jobs.queue import JobQueue
from tests.kit.samples import Storage, submit_job

CONNECTIONS = sa.text(
    "SELECT count(*), count(*) FILTER (WHERE ssl), min(application_name) "
    "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = current_database()"
)


@pytest.fixture
async def certificate(postgres_server: postgres.Server, tmp_path: Path) -> AsyncIterator[Path]:
    """The certificate of the server, which uses TLS during the test."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    async with postgres_server.with_tls() as certificate:
        # Copied, as only the server may read its own file.
        yield shutil.copyfile(certificate, tmp_path / "root.crt")


@pytest.mark.parametrize(
    ("number", "query", "is_encrypted", "name"),
    [
        (0, "sslmode=require", True, "atelier"),
        (1, "ssl=require", True, "atelier"),
        (2, "ssl=true&channel_binding=prefer&connect_timeout=20", True, "atelier"),
        (3, "sslmode=verify-full&sslrootcert={certificate}", True, "atelier"),
        (4, "sslmode=disable&application_name=studio", False, "studio"),
        (5, "options=-c%20statement_timeout%3D60s", True, "atelier"),
    ],
)
async def test_address_options_apply_to_every_connection(
    postgres_server: postgres.Server,
    certificate: Path,
    tmp_path: Path,
    number: int,
    query: str,
    is_encrypted: bool,
    name: str,
) -> None:
    await postgres_server.execute(f"CREATE DATABASE options_{number} TEMPLATE atelier_template")
    address = postgres_server.url(f"options_{number}").replace("postgresql+asyncpg", "postgres")
    storage = Storage(tmp_path, f"{address}?{query.format(certificate=certificate)}")
    async with await JobQueue.open(storage.settings()) as queue:
        await queue.wait_for_change(0.01)
        await submit_job(queue)
        async with queue.database.read() as connection:
            count, encrypted, shown = (await connection.execute(CONNECTIONS)).one()
    assert count >= 2  # one for statements, one that listens
    assert encrypted == (count if is_encrypted else 0)
    assert shown == name


@pytest.mark.parametrize(
    "hosts",
    ["{socket}:{port}", "127.0.0.1:1,[::1]:1,127.0.0.1:{port}", "127.0.0.1:1,{socket}:{port}"],
    ids=["a Unix socket", "several servers", "several with a Unix socket"],
)
async def test_hosts_are_understood_as_libpq_does(
    postgres_server: postgres.Server, tmp_path: Path, hosts: str
) -> None:
    socket = quote(str(postgres_server.data.parent), safe="")
    hosts = hosts.format(socket=socket, port=postgres_server.port)
    storage = Storage(tmp_path, f"postgresql://atelier:a%2Cb@{hosts}/atelier_template")
    async with await JobQueue.open(storage.settings(), may_migrate=False) as queue:
        assert await queue.database.now() > 0
        if hosts.count(",") < 2:  # `pg_dump` cannot have IPv6 addresses there
            await dump(queue.database.url, tmp_path / "dump")


@pytest.mark.usefixtures("certificate")
async def test_system_trusts_no_certificate_of_the_tests(
    postgres_server: postgres.Server,
    tmp_path: Path,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"{postgres_server.url('atelier_template')}?sslmode=verify-full&sslrootcert=system"
    settings = Storage(tmp_path, url).settings()
    with pytest.raises(QueueUnavailableError, match="certificate verify failed"):
        await JobQueue.open(settings, may_migrate=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with await JobQueue.open(settings, may_migrate=False) as queue:
        assert await queue.database.now() > 0


@pytest.mark.usefixtures("certificate")
async def test_untrusted_certificate_raises_queue_unavailable(
    postgres_server: postgres.Server, tmp_path: Path
) -> None:
    for query in ("sslmode=verify-full", f"sslmode=verify-ca&sslrootcert={tmp_path}/none.crt"):
        storage = Storage(tmp_path, f"{postgres_server.url('postgres')}?{query}")
        with pytest.raises(QueueUnavailableError):
            await JobQueue.open(storage.settings())


@pytest.mark.parametrize("query", ["sslmode=require", "ssl=require", "ssl=true", "ssl=1"])
async def test_required_tls_without_server_support_raises_queue_unavailable(
    postgres_server: postgres.Server, tmp_path: Path, query: str
) -> None:
    storage = Storage(tmp_path, f"{postgres_server.url('postgres')}?{query}")
    with pytest.raises(QueueUnavailableError, match="SSL"):
        await JobQueue.open(storage.settings())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("pgbouncer=true", "pgbouncer"),
        ("sslmode=yes", "sslmode.*must be one of"),
        ("sslmode=require&sslcert=/none.crt", "sslcert the file /none.crt"),
        ("target_session_attrs=standby", "target_session_attrs"),
    ],
)
async def test_unknown_address_options_are_named_in_the_error(
    postgres_server: postgres.Server, tmp_path: Path, query: str, expected: str
) -> None:
    storage = Storage(tmp_path, f"{postgres_server.url('postgres')}?{query}")
    with pytest.raises(QueueUnavailableError, match=expected):
        await JobQueue.open(storage.settings())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("channel_binding=require", "asks for channel_binding"),
        ("connect_timeout=soon", "not a number of seconds"),
        ("port=99999", "names the port 99999"),
    ],
)
def test_unusable_address_options_are_named_without_the_password(query: str, expected: str) -> None:
    with pytest.raises(QueueUnavailableError, match=expected) as raised:
        Database(f"postgres://user:secret@host/name?{query}")
    assert "secret" not in str(raised.value)


def test_unescaped_password_is_explained_without_being_repeated() -> None:
    with pytest.raises(QueueUnavailableError, match="in a password @ is written as %40") as raised:
        Database("postgresql://u:p@ss:w/rd%@host/name")
    assert "p@ss" not in str(raised.value)
    for hosts in ("a,", ",b", "a,:5432"):
        with pytest.raises(QueueUnavailableError, match="is not the address of a database"):
            Database(f"postgresql://u@{hosts}/name")
    assert Database("postgresql://u:p%40ss%3Aw%2Frd%25@host/name").url.password == "p@ss:w/rd%"


def test_common_postgres_url_schemes_use_asyncpg() -> None:
    for url in ("postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"):
        assert Database(url).url.drivername == "postgresql+asyncpg"


def test_location_for_display_has_no_password() -> None:
    for url in ("postgresql://u:hunter2@h/d", "postgresql:///d?host=h&user=u&password=hunter2"):
        assert "hunter2" not in Database(url).location
