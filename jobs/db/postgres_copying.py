"""Dump and restore of a PostgreSQL database with `pg_dump` and `pg_restore`."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from common.files import replacing
from jobs.db import schema
from jobs.db.addresses import connect_arguments
from jobs.db.postgres_errors import translating_asyncpg_errors
from jobs.outcomes import QueueError

DUMP_SECONDS = 4 * 3600.0
"""Longer than any of them takes, so that a hang ends at some time."""
_DEBIANS = Path("/usr/lib/postgresql")
_SAID = 500
_FUNCTIONS = """
SELECT DISTINCT tgfoid::regprocedure::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT tgisinternal AND c.relname = ANY($1) AND c.relnamespace = current_schema()::regnamespace
"""


def program(name: str) -> str:
    """Path of one of PostgreSQL's programs, of the newest version installed.

    The newest reads all older servers.

    Raises:
        QueueError: when it is not installed.
    """
    folders = [folder for folder in _DEBIANS.glob("*/bin") if (folder / name).is_file()]
    if folders:
        return str(max(folders, key=lambda folder: float(folder.parent.name)) / name)
    if (found := shutil.which(name)) is not None:
        return found
    raise QueueError(
        f"{name} is not installed here; it comes with PostgreSQL's client programs, of the "
        "server's version or a newer one."
    )


async def dump(url: sa.URL, destination: Path, *, snapshot: str | None = None) -> None:
    """Dump the database as of one moment; the file is written whole or not at all.

    Args:
        url: of the database.
        destination: the file.
        snapshot: an exported snapshot of a transaction, to dump exactly that; None: now.

    Raises:
        QueueError: when there is no `pg_dump`, or it fails.
        OSError: when the copy cannot be written.
    """
    command = [program("pg_dump"), "--format=custom", "--no-owner", "--no-acl", "--no-password"]
    command += [] if snapshot is None else [f"--snapshot={snapshot}"]
    with replacing(destination) as partial, partial.open("wb") as file:
        await asyncio.to_thread(_run, command, url, file)


async def load(url: sa.URL, source: Path) -> None:
    """Replace the database's content with a dump; on failure it remains empty.

    Raises:
        QueueError: when there is no `pg_restore`, or it fails.
    """
    command = [program("pg_restore"), "--no-owner", "--no-acl", "--no-password"]
    command += ["--single-transaction", "--exit-on-error"]
    await clear(url)
    with source.open("rb") as file:
        await asyncio.to_thread(_run, command, url, None, file)


async def clear(url: sa.URL) -> None:
    """Drop the tables of this and of earlier versions, and the functions of their triggers.

    Raises:
        QueueUnavailableError: when the database cannot be reached.
    """
    names = [*schema.metadata.tables, "alembic_version"]
    async with connected(url) as connection, connection.transaction():
        functions = [row[0] for row in await connection.fetch(_FUNCTIONS, names)]
        for name in names:
            await connection.execute(f'DROP TABLE IF EXISTS "{name}" CASCADE')
        for function in functions:
            await connection.execute(f"DROP FUNCTION IF EXISTS {function} CASCADE")


def check(source: Path) -> None:
    """Check that a file is a dump of an Atelier database.

    Raises:
        QueueError: if it is not.
    """
    command = [program("pg_restore"), "--list", str(source)]
    listed = subprocess.run(  # noqa: S603 - found above
        command, capture_output=True, timeout=DUMP_SECONDS, check=False
    )
    if listed.returncode or b" alembic_version " not in listed.stdout:
        raise QueueError("The backup contains no database of Atelier.")


@asynccontextmanager
async def connected(url: sa.URL) -> AsyncIterator[Any]:
    """A separate connection without statement timeouts.

    Raises:
        QueueUnavailableError: when the database cannot be reached.
    """
    with translating_asyncpg_errors() as asyncpg:
        connection = await asyncpg.connect(**connect_arguments(url, without_timeouts=True))
    try:
        yield connection
    finally:
        await connection.close()


def _run(command: list[str], url: sa.URL, output: Any, source: Any = None) -> None:
    """Run one of the programs; the password is passed where the process list does not show it."""
    dsn = sa.make_url(connect_arguments(url, without_timeouts=True)["dsn"])
    plain = dsn._replace(password=None).render_as_string(hide_password=False)
    password = {} if url.password is None else {"PGPASSWORD": str(url.password)}
    command = [*command, f"--dbname={plain}"]
    try:
        ran = subprocess.run(  # noqa: S603 - found above
            command,
            stdin=subprocess.DEVNULL if source is None else source,
            stdout=subprocess.DEVNULL if output is None else output,
            stderr=subprocess.PIPE,
            env=os.environ | password,
            timeout=DUMP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise QueueError(f"{Path(command[0]).name} does not finish.") from None
    if ran.returncode:
        said = re.sub(r"\s+", " ", ran.stderr.decode(errors="replace")).strip()[:_SAID]
        raise QueueError(f"{Path(command[0]).name} failed: {said}")
