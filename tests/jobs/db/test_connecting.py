"""Preparing connections, and translating database errors."""

import sqlite3

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError

from jobs.db.connecting import translated
from jobs.db.database import Transaction
from jobs.db.postgres_errors import explained
from jobs.outcomes import QueueUnavailableError
from jobs.queue import JobQueue
from tests.kit.samples import Storage, submission

SECRET = "a member's own words"
FULL = 2


class FakePostgresError(Exception):
    """An error of PostgreSQL with its SQLSTATE, as the driver raises it."""

    def __init__(self, sqlstate: str, said: str = "refused") -> None:
        super().__init__(said)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    "sqlstate",
    [
        *("08006", "25006", "25P03", "28P01", "3D000", "40001", "40P01", "42501", "42704"),
        *("53100", "53300", "55P03", "57P01", "57P03", "58030"),
    ],
)
async def test_server_errors_raise_queue_unavailable(sqlstate: str) -> None:
    """A deadlock, a full disk or a restart is not reported as a bug of the bot."""
    with pytest.raises(QueueUnavailableError, match="The database cannot be used"):
        async with translated():
            raise DBAPIError("SELECT 1", {}, FakePostgresError(sqlstate))


@pytest.mark.parametrize("sqlstate", ["23505", "42601", "22001", "42P01"])
async def test_statement_errors_are_not_translated(sqlstate: str) -> None:
    with pytest.raises(DBAPIError):
        async with translated():
            raise DBAPIError("SELECT 1", {}, FakePostgresError(sqlstate))


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("permission denied for schema public", "GRANT CREATE ON SCHEMA"),
        ("keine Berechtigung für Schema public", "GRANT CREATE ON SCHEMA"),
        ("droit refusé pour la base de données a", "GRANT CONNECT"),
        ("permiso denegado a la tabla jobs", "; the user of the bot owns the tables"),
        ("permission denied for table alembic_version", "a schema or database of its own"),
    ],
)
def test_advice_on_privileges_suits_what_the_server_says_in_its_language(
    said: str, advice: str
) -> None:
    assert advice in str(explained(FakePostgresError("42501", said)))


async def test_lost_connection_raises_queue_unavailable() -> None:
    lost = DBAPIError("SELECT 1", {}, Exception("gone"), connection_invalidated=True)
    with pytest.raises(QueueUnavailableError, match="was lost"):
        async with translated():
            raise lost


async def test_damaged_file_is_translated_but_an_integrity_error_is_not() -> None:
    damaged = sqlite3.DatabaseError("database disk image is malformed")
    with pytest.raises(QueueUnavailableError, match="image is malformed"):
        async with translated():
            raise DatabaseError("SELECT 1", {}, damaged)
    with pytest.raises(IntegrityError):
        async with translated():
            raise IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE"))


async def test_database_error_omits_the_statement_values(queue: JobQueue) -> None:
    """The error goes into the log, which must have no texts and keys of users."""
    request = submission(user_name=SECRET)
    await queue.submissions.submit(request)
    with pytest.raises(DBAPIError) as error:
        async with queue.database.write() as transaction:
            await transaction.execute(
                sa.text("INSERT INTO jobs (interaction_id, user_name) VALUES (:number, :name)"),
                {"number": request.reply.interaction_id, "name": SECRET},
            )
    assert "INSERT INTO jobs" in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_sqlite_runs_with_full_synchronous_foreign_keys_and_wal(storage: Storage) -> None:
    async with (
        await JobQueue.open(storage.settings()) as queue,
        queue.database.read() as connection,
    ):
        assert await connection.scalar(sa.text("PRAGMA synchronous")) == FULL
        assert await connection.scalar(sa.text("PRAGMA foreign_keys")) == 1
        assert await connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"


class LockRecorder:
    """A connection that records the locks that are taken."""

    def __init__(self) -> None:
        self.taken: list[object] = []

    async def execute(self, statement: sa.Executable, _values: object) -> None:
        self.taken += statement.compile().params.values()  # type: ignore[attr-defined]


async def test_locks_are_always_taken_in_the_same_order() -> None:
    """Otherwise two writers could deadlock."""
    orders = []
    for names in (("a", "b", "c"), ("c", "a", "b"), ("b", "c", "a")):
        connection = LockRecorder()
        transaction = Transaction(connection, 0.0, postgres=True)  # type: ignore[arg-type]
        await transaction.lock(*names)
        orders.append(connection.taken)
    assert orders[0] == orders[1] == orders[2]
    assert len(orders[0]) == 3
