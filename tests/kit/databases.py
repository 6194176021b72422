"""Database fixtures: a test that takes `place` runs on SQLite and on PostgreSQL."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bench import postgres
from common.settings import Settings
from jobs.queue import JobQueue
from tests.kit.samples import FakeClock, Place

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    if postgres.find_binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.running() as server:
        asyncio.run(server.execute("CREATE DATABASE atelier_template"))
        asyncio.run(_migrate(Settings(atelier_database_url=server.url("atelier_template"))))
        yield server


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
async def place(template: Path | postgres.Server, tmp_path: Path) -> AsyncIterator[Place]:
    """An empty, migrated database and a folder of its own."""
    if isinstance(template, Path):
        shutil.copy(template, tmp_path / "atelier.sqlite3")
        yield Place(tmp_path, None)
        return
    name = f"test_{next(_numbers)}"
    await template.execute(f"CREATE DATABASE {name} TEMPLATE atelier_template")
    yield Place(tmp_path, template.url(name))
    await template.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def queue(place: Place, clock: FakeClock) -> AsyncIterator[JobQueue]:
    async with await JobQueue.open(place.settings(), clock=clock) as opened:
        yield opened
