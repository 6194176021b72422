"""Dump and restore of a PostgreSQL database with `pg_dump` and `pg_restore`."""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from common.files import replacing
from jobs.db.addresses import connect_arguments
from jobs.db.other_programs import REVISION_TABLE, TABLES, refuse_other_programs
from jobs.db.postgres_errors import (
    no_schema_error,
    translating_asyncpg_errors,
    translating_server_errors,
)
from jobs.outcomes import QueueError

DUMP_SECONDS = 4 * 3600.0
"""Longer than any of them takes, so that a hang ends at some time."""
_DEBIANS = Path("/usr/lib/postgresql")
_SAID = 500
_SEQUENCES = tuple(f"{table}_id_seq" for table in TABLES)
_INDEXES = tuple(f"ix_{table}_" for table in TABLES)
"""What the names of their indexes begin with."""
_FUNCTION = "jobs_transitions()"
_SCHEMA = """
SELECT coalesce(max(nspname), current_schema()) FROM pg_class JOIN pg_namespace n
ON n.oid = relnamespace WHERE pg_class.oid = to_regclass($1)
"""
"""The schema that a bot uses: where it finds its tables, else the first of the search path."""
_NAMES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_OTHERS = """
SELECT relname FROM pg_class WHERE relnamespace = quote_ident(current_schema())::regnamespace
AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT relname = ANY($1)
"""
"""Tables, views and sequences of other programs in the same schema."""
_SCHEMAS = re.compile(rf"^\d+; \d+ \d+ TABLE (?:DATA )?(.+?) {REVISION_TABLE} ", re.MULTILINE)
"""Schemas with our tables, in the lines of `pg_restore --list`."""
_ENTRY = (
    r"\d+; \d+ \d+ (?P<kind>TABLE DATA|TABLE|SEQUENCE OWNED BY|SEQUENCE SET|SEQUENCE|DEFAULT|"
    r"FK CONSTRAINT|CONSTRAINT|INDEX|TRIGGER|FUNCTION) (?P<schema>%s) (?P<name>\S+) .*"
)
"""One of these lines; names are not quoted there, so that the schemas have to be known."""
_FUNCTIONS = """
SELECT DISTINCT tgfoid::regprocedure::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT tgisinternal AND c.relname = ANY($1)
AND relnamespace = quote_ident(current_schema())::regnamespace
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
    """Dump our tables as of one moment; the file is written whole or not at all.

    Tables of other programs are left out: this user may not even be allowed to read them.

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
    async with connected(url) as connection:
        here = _quoted(await connection.fetchval("SELECT current_schema()"))
        others = await connection.fetch(_OTHERS, [*TABLES, *_SEQUENCES])
    command += [f"--schema={here}"]
    command += [f"--exclude-table={here}.{_quoted(other['relname'])}" for other in others]
    with replacing(destination) as partial, partial.open("wb") as file:
        await asyncio.to_thread(_run, command, url, file)


def _quoted(name: str) -> str:
    """A name as a pattern of `pg_dump` that matches only this name."""
    return '"' + name.replace('"', '""') + '"'


async def load(url: sa.URL, source: Path) -> None:
    """Replace the database's content with a dump; on failure it remains empty.

    Other programs' tables in the dump are not restored: those here are newer.

    Raises:
        QueueError: when there is no `pg_restore`, or it fails.
    """
    command = [program("pg_restore"), "--no-owner", "--no-acl", "--no-password"]
    command += ["--single-transaction", "--exit-on-error"]
    entries = [found[0] for found in _entries_of_ours(_listed(source))]
    await clear(url)
    with tempfile.TemporaryDirectory() as folder, source.open("rb") as file:
        chosen = Path(folder) / "list"
        chosen.write_text("\n".join(entries), "utf-8")
        await asyncio.to_thread(_run, [*command, f"--use-list={chosen}"], url, None, file)


async def clear(url: sa.URL) -> None:
    """Drop the tables of this and of earlier versions, and the functions of their triggers.

    Raises:
        QueueUnavailableError: when the database cannot be reached.
    """
    async with connected(url) as connection, connection.transaction():
        functions = [row[0] for row in await connection.fetch(_FUNCTIONS, TABLES)]
        for name in TABLES:
            await connection.execute(f'DROP TABLE IF EXISTS "{name}" CASCADE')
        for function in functions:
            await connection.execute(f"DROP FUNCTION IF EXISTS {function} CASCADE")


async def check(url: sa.URL, source: Path) -> None:
    """Check that a file is a dump of an Atelier database, whose tables would be found in this one.

    Raises:
        QueueError: if it is not.
    """
    schemas = {found["schema"] for found in _entries_of_ours(_listed(source))}
    async with connected(url) as connection:
        here = await connection.fetchval("SELECT current_schema()")
    if here not in schemas:
        raise QueueError(
            f"The backup has its tables in the schema {', '.join(sorted(schemas))}, and "
            f"ATELIER_DATABASE_URL leads to the schema {here}; one of that name has to come first "
            "in the search_path."
        )


def _listed(source: Path) -> str:
    """The table of contents of a dump.

    Raises:
        QueueError: if it is none of an Atelier database.
    """
    command = [program("pg_restore"), "--list", str(source)]
    listed = subprocess.run(  # noqa: S603 - found above
        command, capture_output=True, timeout=DUMP_SECONDS, check=False
    )
    if listed.returncode or b" alembic_version " not in listed.stdout:
        raise QueueError("The backup contains no database of Atelier.")
    return listed.stdout.decode(errors="replace")


def revision_in(source: Path) -> str | None:
    """The schema revision of a dump; None if it does not say.

    Raises:
        QueueError: if the dump cannot be read.
    """
    command = [program("pg_restore"), "--data-only", f"--table={REVISION_TABLE}", "--file=-"]
    read = subprocess.run(  # noqa: S603 - found above
        [*command, str(source)], capture_output=True, timeout=DUMP_SECONDS, check=False
    )
    if read.returncode:
        raise _failed("pg_restore", read.stderr)
    found = re.search(rf"^COPY .*{REVISION_TABLE} .*\n(\w+)$", read.stdout.decode(), re.MULTILINE)
    return None if found is None else found[1]


def _entries_of_ours(listed: str) -> list[re.Match[str]]:
    """The lines of a table of contents that concern our tables, in order."""
    schemas = "|".join(map(re.escape, set(_SCHEMAS.findall(listed))))
    entry_of_ours = re.compile(_ENTRY % schemas)
    found = (entry_of_ours.fullmatch(line.rstrip()) for line in listed.splitlines())
    return [entry for entry in found if entry and _is_ours(entry["kind"], entry["name"])]


def _is_ours(kind: str, name: str) -> bool:
    match kind.split(maxsplit=1)[0]:
        case "SEQUENCE":
            return name in _SEQUENCES
        case "INDEX":
            return name.startswith(_INDEXES)
        case "FUNCTION":
            return name == _FUNCTION
        case _:
            return name in TABLES


@asynccontextmanager
async def connected(url: sa.URL) -> AsyncIterator[Any]:
    """A separate connection without statement timeouts, which finds tables of one schema only.

    Raises:
        DatabaseAddressError: when another program has tables there of the same names.
        QueueUnavailableError: when the database cannot be reached, or refuses a statement.
    """
    with translating_asyncpg_errors() as asyncpg:
        connection = await asyncpg.connect(**connect_arguments(url, without_timeouts=True))
    try:
        with translating_server_errors():
            await _enter_schema(connection)
            yield connection
    finally:
        await connection.close()


async def _enter_schema(connection: Any) -> None:
    here = await connection.fetchval(_SCHEMA, REVISION_TABLE)
    if here is None:
        raise no_schema_error()
    await connection.execute("SELECT set_config('search_path', quote_ident($1), false)", here)
    tables = [str(row["tablename"]) for row in await connection.fetch(_NAMES)]
    revision = None
    if REVISION_TABLE in tables:
        revision = await connection.fetchval(f"SELECT version_num FROM {REVISION_TABLE}")  # noqa: S608 - our own name
    refuse_other_programs(revision, tables)


def _run(command: list[str], url: sa.URL, output: Any, source: Any = None) -> None:
    """Run one of the programs; the password is passed where the process list does not show it."""
    arguments = connect_arguments(url, without_timeouts=True)
    dsn = sa.make_url(arguments["dsn"])
    # The programs lift timeouts only after their first statements.
    settings = [f"-c{name}={value}" for name, value in arguments["server_settings"].items()]
    options = " ".join([*dsn.normalized_query.get("options", ()), *settings])
    dsn = dsn.update_query_dict({"options": options})
    said = dsn.password or dsn.query.get("password")
    plain = dsn._replace(password=None).difference_update_query(["password"])
    password = {} if said is None else {"PGPASSWORD": str(said)}
    address, mark, query = plain.render_as_string(hide_password=False).partition("?")
    # libpq does not take + for a space.
    command = [*command, f"--dbname={address}{mark}{query.replace('+', '%20')}"]
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
        raise _failed(Path(command[0]).name, ran.stderr)


def _failed(name: str, errors: bytes) -> QueueError:
    said = re.sub(r"\s+", " ", errors.decode(errors="replace")).strip()[:_SAID]
    return QueueError(f"{name} failed: {said}")
