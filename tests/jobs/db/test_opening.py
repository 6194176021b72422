import asyncio
import contextlib
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from bench import postgres
from common.settings import Settings
from jobs.db import migrate
from jobs.db.migrate import known_revisions, migration_config
from jobs.outcomes import (
    Accepted,
    QueueUnavailableError,
)
from jobs.queue import JobQueue
from tests.kit.old_databases import make_version
from tests.kit.samples import (
    Storage,
    submission,
    submit_job,
)
from tests.whole.tiny_bot import lock


def test_known_revisions_match_alembic() -> None:
    scripts = ScriptDirectory.from_config(migration_config())
    in_order = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    assert known_revisions() == in_order


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_concurrent_opens_set_up_an_empty_postgresql(
    template: postgres.Server, tmp_path: Path
) -> None:
    await template.execute("CREATE DATABASE from_nothing")
    storage = Storage(tmp_path, template.url("from_nothing"))
    queues = await asyncio.gather(*(JobQueue.open(storage.settings()) for _ in range(4)))
    await submit_job(queues[0])
    assert (await queues[3].positions.overview(None)).waiting == 1
    for queue in queues:
        await queue.close()


def fork_context() -> Any:
    """A context whose processes need not import everything again."""
    name = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(name)
    if name == "forkserver":
        context.set_forkserver_preload(["tests.whole.tiny_bot"])
    return context


def open_queue(folder: str) -> None:
    async def open_and_close() -> None:
        async with await JobQueue.open(Settings(_env_file=None, atelier_data_dir=Path(folder))):
            pass

    asyncio.run(open_and_close())


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    context = fork_context()
    processes = [context.Process(target=open_queue, args=(str(tmp_path),)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    connection = sqlite3.connect(tmp_path / "atelier.sqlite3")
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
        (known_revisions()[-1],)
    ]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://nobody@127.0.0.1:9/nowhere",
        "mysql://root@localhost/x",
        "sqlite+aiosqlite:////proc/no/such/folder/x.sqlite3",
    ],
)
async def test_unusable_database_raises_queue_unavailable(url: str, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, atelier_data_dir=tmp_path, atelier_database_url=url)
    with pytest.raises(QueueUnavailableError):
        await JobQueue.open(settings)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("user", "database", "expected"),
    [
        ("atelier", "nowhere", 'database "nowhere" does not exist; create it'),
        ("nobody", "postgres", 'role "nobody" does not exist; check the user'),
        ("guest", "guests", "permission denied for schema public; .*GRANT CREATE ON SCHEMA"),
        ("guest", "atelier_template", "permission denied for table .*allow this one to use them"),
        ("atelier", "latin", "encoded in LATIN1.*ENCODING 'UTF8'"),
    ],
)
async def test_postgresql_refusal_is_reported_with_its_reason(
    template: postgres.Server, tmp_path: Path, user: str, database: str, expected: str
) -> None:
    with contextlib.suppress(asyncpg.DuplicateObjectError):
        await template.execute("CREATE ROLE guest LOGIN")
    if database == "guests":
        await template.execute("CREATE DATABASE guests")
    if database == "latin":
        await template.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1")
    url = template.url(database).replace("atelier@", f"{user}@")
    with pytest.raises(QueueUnavailableError, match=expected):
        await JobQueue.open(Storage(tmp_path, url).settings())


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("default_transaction_read_only=on", "can only be read; name the server that can be"),
        ("search_path=nowhere", "no schema for tables; create the schema"),
    ],
)
async def test_settings_under_which_nothing_can_be_written_are_refused_when_opening(
    storage: Storage, setting: str, expected: str
) -> None:
    """A bot would otherwise start, and fail at the first command."""
    url = f"{storage.database_url}?options=-c%20{setting.replace('=', '%3D')}"
    with pytest.raises(QueueUnavailableError, match=expected):
        await JobQueue.open(Storage(storage.folder, url).settings())


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_database_that_was_read_only_for_a_while_is_written_again(
    storage: Storage, template: postgres.Server
) -> None:
    """Hosts set a database so when its disk is full, which its open connections keep."""
    name = str(storage.database_url).rpartition("/")[2]
    await template.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with await JobQueue.open(storage.settings(), may_migrate=False) as queue:
        with pytest.raises(QueueUnavailableError, match="name the server that can be written"):
            await submit_job(queue)
        await template.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await submit_job(queue)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_stricter_default_isolation_refuses_no_concurrent_submission(
    storage: Storage, template: postgres.Server
) -> None:
    name = str(storage.database_url).rpartition("/")[2]
    await template.execute(
        f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
    )
    async with await JobQueue.open(storage.settings()) as queue:
        outcomes = await asyncio.gather(
            *(queue.submissions.submit(submission(interaction_id=n)) for n in range(1, 9))
        )
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_exhausted_connection_pool_raises_queue_unavailable(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        pool: Any = queue.database.engine.sync_engine.pool
        pool._timeout = 0.1
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(pool.size()):
                await stack.enter_async_context(queue.database.read())
            with pytest.raises(QueueUnavailableError, match="all connections are in use"):
                await queue.positions.overview(None)
        await queue.positions.overview(None)


async def test_non_database_file_raises_queue_unavailable(tmp_path: Path) -> None:
    storage = Storage(tmp_path, None)
    storage.sqlite_file.write_bytes(b"this is no database at all, but it is long enough" * 100)
    with pytest.raises(QueueUnavailableError, match="not a database"):
        await JobQueue.open(storage.settings())


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_unwritable_file_of_this_version_is_refused(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "BUSY_TIMEOUT_SECONDS", 0.0)
    with contextlib.closing(sqlite3.connect(storage.sqlite_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(QueueUnavailableError, match="locked"):
            await JobQueue.open(storage.settings())


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_writers_wait_for_a_database_locked_for_five_seconds(storage: Storage) -> None:
    context = fork_context()
    async with await JobQueue.open(storage.settings()) as queue:
        job = await submit_job(queue)
        locker = context.Process(target=lock, args=(storage.sqlite_file, 5.0))
        locker.start()
        while not await asyncio.to_thread(is_locked, storage.sqlite_file):
            await asyncio.sleep(0.02)
        # Readers do not wait for the lock.
        assert await queue.jobs.get(job.id) is not None
        waiting = [
            asyncio.create_task(queue.submissions.submit(submission(n))) for n in range(10, 15)
        ]
        claim = asyncio.create_task(queue.claims.claim("engine"))
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in waiting)
        assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*waiting))
        assert await claim is not None
        await asyncio.to_thread(locker.join, 20)


def is_locked(file: Path) -> bool:
    connection = sqlite3.connect(file, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


async def test_a_change_by_another_process_is_noticed(storage: Storage) -> None:
    async with (
        await JobQueue.open(storage.settings()) as bot,
        await JobQueue.open(storage.settings()) as engine,
    ):
        assert await engine.wait_for_work(0.01)
        while await engine.wait_for_work(0.01):
            pass
        assert not await engine.wait_for_work(0.1)
        waiting = asyncio.create_task(engine.wait_for_work(20))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await submit_job(bot)
        assert await waiting
        assert await engine.claims.claim("engine") is not None
        while await bot.wait_for_change(0.01):
            pass
        waiting = asyncio.create_task(bot.wait_for_change(20))
        await asyncio.sleep(0.1)
        await submit_job(engine, 2)
        assert await waiting


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_lost_connection_is_reestablished(
    storage: Storage, template: postgres.Server
) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await queue.wait_for_change(0.01)
        await submit_job(queue)
        await template.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname LIKE 'test_%' AND pid <> pg_backend_pid()"
        )
        await asyncio.sleep(0.2)
        await submit_job(queue, 2)
        await queue.wait_for_change(1)
        await queue.wait_for_change(1)
        await submit_job(queue, 3)
        assert await queue.wait_for_change(10)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_wait_for_work_wakes_when_the_connection_is_lost(
    storage: Storage, template: postgres.Server
) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        while await queue.wait_for_work(0.01):
            pass
        waiting = asyncio.create_task(queue.wait_for_work(20))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await template.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname LIKE 'test_%' AND query LIKE '%LISTEN%'"
        )
        assert await waiting
        while await queue.wait_for_work(0.01):
            pass
        waiting = asyncio.create_task(queue.wait_for_work(20))
        await submit_job(queue)
        assert await waiting


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_cancellation_is_not_missed_when_the_listener_reconnects(
    storage: Storage, template: postgres.Server
) -> None:
    async with (
        await JobQueue.open(storage.settings()) as engines,
        await JobQueue.open(storage.settings()) as bots,
    ):
        job = await submit_job(bots)
        await engines.claims.claim("engine")
        while await engines.wait_for_cancellation(job.id, 0.1):
            pass
        waiting = asyncio.create_task(engines.wait_for_cancellation(job.id, 20))
        await asyncio.sleep(0.1)
        await template.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname LIKE 'test_%' AND query LIKE '%LISTEN%'"
        )
        assert await asyncio.wait_for(waiting, 10), (
            "a cancellation may have been missed while reconnecting"
        )
        await bots.jobs.cancel(job.id, 1)
        assert await engines.wait_for_cancellation(job.id, 2.0)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
async def test_accepted_jobs_survive_an_immediate_kill(storage: Storage) -> None:
    """A job is on disk before it is confirmed to the user."""
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from jobs.queue import JobQueue\n"
        "from tests.kit.samples import Place, submission\n"
        "async def main():\n"
        "    queue = await JobQueue.open(Place(Path(sys.argv[1]), None).settings())\n"
        "    for n in range(1, 1000):\n"
        "        await queue.submissions.submit(submission(n, interaction_id=n))\n"
        "        print(n, flush=True)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here meanwhile
        [sys.executable, "-c", code, str(storage.folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    confirmed = 0
    for line in process.stdout:
        confirmed = int(line)
        if confirmed == 20:
            process.send_signal(signal.SIGKILL)
            break
    confirmed = max([confirmed, *(int(line) for line in process.stdout if line.strip().isdigit())])
    process.wait(20)
    async with await JobQueue.open(storage.settings()) as queue:
        overview = await queue.positions.overview(None)
        assert overview.waiting >= confirmed
        jobs = await queue.positions.waiting(None, limit=1000)
        assert sorted(job.interaction_id for job in jobs) == list(range(1, len(jobs) + 1))


def test_import_starts_no_threads_and_loads_no_heavy_modules() -> None:
    code = (
        "import sys, threading\n"
        "import jobs.queue, jobs.cli.commands\n"
        "assert threading.active_count() == 1\n"
        "assert not {'torch', 'discord', 'asyncpg', 's3fs', 'botocore'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(os.name != "posix", reason="Windows has other rights")
@pytest.mark.parametrize("exists", [False, True])
async def test_database_file_is_accessible_only_to_its_owner(tmp_path: Path, exists: bool) -> None:
    storage = Storage(tmp_path, None)
    if exists:
        make_version("0004", storage)
        storage.sqlite_file.chmod(0o644)
    async with await JobQueue.open(storage.settings()) as queue:
        await submit_job(queue, 9, interaction_id=987_656)
        modes = {path.stat().st_mode & 0o777 for path in tmp_path.glob("atelier.sqlite3*")}
    assert modes == {0o600}
