"""An empty PostgreSQL database that the command line is configured for."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import postgres
from tests.jobs.conftest import use_folder
from tests.kit.samples import Storage

_numbers = itertools.count()


@pytest.fixture
def empty_database(
    postgres_server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Storage]:
    """An empty database that the command line is configured for."""
    name = f"backup_{next(_numbers)}"
    asyncio.run(postgres_server.execute(f"CREATE DATABASE {name}"))
    folder = tmp_path / "my böt #1 50%"
    use_folder(folder, monkeypatch)
    monkeypatch.setenv("ATELIER_DATABASE_URL", postgres_server.url(name))
    yield Storage(folder, postgres_server.url(name))
    asyncio.run(postgres_server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
