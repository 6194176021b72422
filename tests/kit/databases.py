"""Database fixtures: a test that takes `storage` runs on SQLite and on PostgreSQL."""

import asyncio
import contextlib
import itertools
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from bench import postgres
from common.settings import Settings
from jobs.db import database, schema
from jobs.db.asynchronous import AsyncEngine
from jobs.db.connecting import create_engine
from jobs.db.database import Transaction
from jobs.outcomes import QueueUnavailableError
from jobs.queue import JobQueue
from tests.kit.samples import FakeClock, Storage

_numbers = itertools.count()
_FINGERPRINT_QUERY = (
    "SELECT (SELECT string_agg(version_num, ',') FROM alembic_version), "
    "(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()), "
    "(SELECT count(*) FROM pg_db_role_setting), "
) + ", ".join(
    f"(SELECT count(*) || ' ' || max(xmin::text::bigint) FROM pg_{catalog})"
    for catalog in ("attribute", "class", "constraint", "proc", "trigger")
)
"""Its result changes with the tables and with the number of connections."""
_DELETE_ALL_ROWS = (
    "BEGIN; SET LOCAL session_replication_role = replica; "
    + "".join(f"DELETE FROM {table}; " for table in schema.metadata.tables)
    + "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'; COMMIT"
)


class _CompiledCache(dict[Any, Any]):
    """SQLAlchemy's cache of compiled statements, shared by all engines of one kind.

    The first part of a key is the engine's own dialect object, and is left out.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[1:], value)


@pytest.fixture(scope="session", autouse=True)
def _shared_compiled_cache() -> Iterator[None]:
    """Compile statements once per process, as compiling takes longer than running them."""
    caches: dict[str, _CompiledCache] = defaultdict(_CompiledCache)

    def create_with_cache(url: sa.URL, *, without_timeouts: bool) -> AsyncEngine:
        engine = create_engine(url, without_timeouts=without_timeouts)
        cache = caches[url.get_backend_name()]
        engine.sync_engine.update_execution_options(compiled_cache=cache)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_engine", create_with_cache)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    if postgres.find_binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.running() as server:
        asyncio.run(server.execute("CREATE DATABASE atelier_template"))
        asyncio.run(_migrate(Settings(atelier_database_url=server.url("atelier_template"))))
        yield server


class _ReusableDatabase:
    """A PostgreSQL database that is emptied between tests, which is faster than creating one.

    It is dropped if a test changed more than rows, or if somebody is still connected.
    """

    def __init__(self, server: postgres.Server) -> None:
        self._server = server
        self._fingerprint: Any = None
        self._name = ""

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[str]:
        """The URL of an empty, migrated database."""
        name, self._name = self._name, ""
        if self._fingerprint is None:
            self._fingerprint = await self._read_fingerprint("atelier_template")
        if not name:
            name = f"test_{next(_numbers)}"
            await self._server.execute(f"CREATE DATABASE {name} TEMPLATE atelier_template")
        try:
            yield self._server.url(name)
        finally:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                if await self._read_fingerprint(name, and_empty=True) == self._fingerprint:
                    self._name = name
            if not self._name:
                await self._server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _read_fingerprint(self, name: str, *, and_empty: bool = False) -> Any:
        dsn = self._server.url(name).replace("+asyncpg", "")
        connection: Any = await asyncpg.connect(dsn)
        try:
            fingerprint = await connection.fetchrow(_FINGERPRINT_QUERY)
            if and_empty and fingerprint == self._fingerprint:
                await connection.execute(_DELETE_ALL_ROWS)
            return fingerprint
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def _reusable_database(postgres_server: postgres.Server) -> _ReusableDatabase:
    return _ReusableDatabase(postgres_server)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sqlite")
    asyncio.run(_migrate(Settings(atelier_data_dir=folder)))
    return folder / "atelier.sqlite3"


async def _migrate(settings: Settings) -> None:
    async with await JobQueue.open(settings):
        pass


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def template(database_kind: str, request: pytest.FixtureRequest) -> Path | postgres.Server:
    """The migrated database that is copied for each test."""
    name = "sqlite_template" if database_kind == "sqlite" else "postgres_server"
    found: Path | postgres.Server = request.getfixturevalue(name)
    return found


@pytest.fixture
async def storage(
    template: Path | postgres.Server, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Storage]:
    """An empty, migrated database and a data folder."""
    if isinstance(template, Path):
        shutil.copy(template, tmp_path / "atelier.sqlite3")
        yield Storage(tmp_path, None)
        return
    database: _ReusableDatabase = request.getfixturevalue("_reusable_database")
    async with database.borrow() as url:
        yield Storage(tmp_path, url)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def queue(storage: Storage, clock: FakeClock) -> AsyncIterator[JobQueue]:
    async with await JobQueue.open(storage.settings(), clock=clock) as opened:
        yield opened


@contextlib.contextmanager
def fail_after_writes(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch, count: int
) -> Iterator[None]:
    """Let the queue's database be away after that many transactions that write."""
    write, writes = queue.database.write, itertools.count(1)

    def write_or_fail(**options: bool) -> contextlib.AbstractAsyncContextManager[Transaction]:
        if next(writes) > count:
            raise QueueUnavailableError("The database is away.")
        return write(**options)

    with monkeypatch.context() as patch:
        patch.setattr(queue.database, "write", write_or_fail)
        yield
