"""Migrating databases of earlier versions, and refusing those of later ones."""

import asyncio
import contextlib
import os
import platform
import sqlite3
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bench import postgres
from common.options import PaintOptions
from jobs.db import copying, migrate, schema
from jobs.db.copying import BEFORE_MIGRATIONS
from jobs.db.migrate import known_revisions
from jobs.db.rows import moment
from jobs.management.gallery import GalleryPost
from jobs.model import JobState
from jobs.outcomes import (
    Accepted,
    DatabaseTooNewError,
    DatabaseTooOldError,
    QueueError,
)
from jobs.queue import JobQueue
from tests.kit.old_databases import SCHEMAS, copy_to_postgresql, make_version
from tests.kit.samples import (
    RESULT,
    FakeClock,
    Storage,
    advance_with_reaper,
    claim_job,
    engine_info,
    paint_report,
    submission,
    submit_job,
)

BOT = "INSERT INTO bots VALUES ('host-1-abc', 42, 'host', 1, '0.2.0', 1.0, ?, 1.0, 0.05)"


@pytest.fixture
def old(tmp_path: Path) -> Storage:
    """A database of 0.1.0."""
    storage = Storage(tmp_path, None)
    make_version("0003", storage)
    return storage


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """The folder of copies made before migrations."""
    folder = tmp_path / BEFORE_MIGRATIONS
    folder.mkdir()
    return folder


async def open_and_close(storage: Storage, clock: FakeClock | None = None) -> None:
    async with await JobQueue.open(storage.settings(), clock=clock):
        pass


def test_newest_schema_has_a_file() -> None:
    assert (SCHEMAS / f"{known_revisions()[-1]}.sql").is_file()


@pytest.mark.parametrize("revision", known_revisions())
async def test_old_database_works_after_migration(
    revision: str, template: Path | postgres.Server, tmp_path: Path, clock: FakeClock
) -> None:
    storage = Storage(tmp_path, None)
    make_version(revision, storage)
    with contextlib.closing(sqlite3.connect(storage.sqlite_file)) as connection:
        is_there = "SELECT count(*) FROM sqlite_master WHERE name = 'gallery_posts'"
        (has_gallery,) = connection.execute(is_there).fetchone()
        if has_gallery:
            connection.execute("INSERT INTO gallery_posts VALUES (1, 5, 7, 8, 9.0)")
        connection.execute("UPDATE engines SET last_seen = last_seen - 61")  # stopped engines
        connection.commit()
    if isinstance(template, postgres.Server):
        await template.execute(f"CREATE DATABASE old_{revision}")
        url = template.url(f"old_{revision}")
        await copy_to_postgresql(storage.sqlite_file, url, revision)
        storage = Storage(tmp_path, url)
    async with await JobQueue.open(storage.settings(), clock=clock) as queue:
        states = [(await queue.jobs.get(n)) for n in range(1, 6)]
        assert [job.state for job in states if job is not None] == [
            JobState.DONE,
            JobState.FAILED,
            JobState.RUNNING,
            JobState.CANCELLED,
            JobState.QUEUED,
        ]
        assert all(job is not None and job.unreadable is None for job in states)
        assert (await queue.limits.in_force(5)).max_per_day == 7
        assert [intake.interaction_id for intake in await queue.intakes.pending()] == [4242]
        assert len(await queue.styles.visible_to(1, None)) == 1
        posted = GalleryPost(1, 5, channel_id=7, message_id=8, at=moment(9.0))
        assert await queue.gallery.of(1, 5) == (posted if has_gallery else None)
        await advance_with_reaper(queue, clock, 60)
        for expected in (3, 5):
            claim = await claim_job(queue)
            assert claim.job.id == expected
            await queue.claims.finish(claim, RESULT, paint_report())
        request = submission(6, interaction_id=987_654)
        assert isinstance(await queue.submissions.submit(request), Accepted)


async def test_predicted_time_stays_when_the_work_of_a_picture_is_counted_anew(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Schema 15. 12 s were measured for a square picture of 256 px."""
    storage = Storage(tmp_path, None)
    make_version("0014", storage)
    with contextlib.closing(sqlite3.connect(storage.sqlite_file)) as connection:
        connection.execute("UPDATE engines SET last_seen = last_seen - 61")  # stopped engines
        connection.execute("UPDATE speeds SET seconds_per_work = 12 / 0.065536")
        connection.commit()
    async with await JobQueue.open(storage.settings(), clock=clock) as queue:
        await queue.engines.register(engine_info())
        new = await submit_job(queue, 9, 55, options=PaintOptions(size_px=256, network="lite"))
        assert new.predicted_seconds == pytest.approx(12 * 0.75, rel=0.2)  # of its usual aspect
        async with queue.database.read() as connection:
            waiting = sa.select(schema.jobs.c.work).where(schema.jobs.c.state == "queued")
            old_work, new_work = await connection.scalars(waiting.order_by(schema.jobs.c.id))
        assert old_work == pytest.approx(new_work, rel=0.2)


async def test_the_migrations_make_the_tables_that_the_code_expects(storage: Storage) -> None:
    def difference(connection: sa.Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), schema.metadata))

    async with (
        await JobQueue.open(storage.settings()) as queue,
        queue.database.read() as connection,
    ):
        assert await connection.run_sync(difference) == []


async def test_numbers_of_deleted_jobs_are_not_given_again(old: Storage) -> None:
    """Discord's buttons name jobs by them. Alembic's batch would leave AUTOINCREMENT out."""
    await open_and_close(old)
    with contextlib.closing(sqlite3.connect(old.sqlite_file)) as connection:
        (last,) = connection.execute("SELECT max(id) FROM jobs").fetchone()
        connection.execute("DELETE FROM jobs WHERE id = ?", (last,))
        connection.commit()
    async with await JobQueue.open(old.settings()) as queue:
        assert (await submit_job(queue, interaction_id=1000)).id > last


async def test_a_newer_database_is_refused(storage: Storage) -> None:
    async with await JobQueue.open(storage.settings()) as queue:
        await submit_job(queue)
        async with queue.database.write() as transaction:
            await transaction.connection.execute(
                sa.text("UPDATE alembic_version SET version_num = '9999'")
            )
    with pytest.raises(DatabaseTooNewError, match=r"schema 9999.*newer version"):
        await JobQueue.open(storage.settings())


async def test_a_copy_is_made_before_a_migration(old: Storage, tmp_path: Path) -> None:
    await open_and_close(old)
    await open_and_close(old)
    (copy,) = (tmp_path / BEFORE_MIGRATIONS).iterdir()
    assert copy.name.endswith("schema-0003.sqlite3")
    kept = sqlite3.connect(copy)
    assert kept.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)
    assert kept.execute("SELECT count(*) FROM jobs").fetchone() == (5,)
    kept.close()


async def test_migration_is_refused_when_no_copy_can_be_made(old: Storage, tmp_path: Path) -> None:
    (tmp_path / BEFORE_MIGRATIONS).write_text("a file instead of a folder")
    with pytest.raises(QueueError, match="no copy of it can be made"):
        await JobQueue.open(old.settings())
    left = sqlite3.connect(old.sqlite_file)
    assert left.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)
    left.close()


@pytest.mark.parametrize("seconds", [59.0, 61.0])
async def test_database_is_not_migrated_while_a_bot_runs(tmp_path: Path, seconds: float) -> None:
    """As by an engine of a newer version that starts before the old bot is stopped."""
    storage = Storage(tmp_path, None)
    make_version("0004", storage)
    clock = FakeClock()
    connection = sqlite3.connect(storage.sqlite_file)
    connection.execute(BOT, (clock() - seconds,))
    connection.commit()
    connection.close()
    if seconds > 60:
        async with await JobQueue.open(storage.settings(), clock=clock):
            return
    with pytest.raises(DatabaseTooOldError, match="Stop the bot first"):
        await JobQueue.open(storage.settings(), clock=clock)
    assert not (tmp_path / BEFORE_MIGRATIONS).exists()


@pytest.mark.parametrize(
    ("seconds", "host", "pid", "refused"),
    [(59.0, "host", 4321, True), (61.0, "host", 4321, False), (1.0, platform.node(), 2**22, False)],
)
async def test_database_is_not_migrated_while_a_first_version_engine_runs(
    old: Storage, tmp_path: Path, seconds: float, host: str, pid: int, refused: bool
) -> None:
    """Bots of the first version did not register themselves."""
    clock = FakeClock()
    with contextlib.closing(sqlite3.connect(old.sqlite_file)) as connection:
        row = (clock() - seconds, host, pid)
        connection.execute("UPDATE engines SET last_seen = ?, host = ?, pid = ?", row)
        connection.commit()
    if refused:
        with pytest.raises(DatabaseTooOldError, match=r"engine of an older version .*Stop its bot"):
            await JobQueue.open(old.settings(), clock=clock)
        assert not (tmp_path / BEFORE_MIGRATIONS).exists()
        return
    await open_and_close(old, clock)


async def test_only_the_newest_pre_migration_copies_are_kept(old: Storage, copies: Path) -> None:
    stamps = [f"2026010{day}-120000" for day in range(1, 6)]
    for stamp in stamps:
        (copies / f"atelier-{stamp}-schema-0002.sqlite3").write_text("an earlier copy")
    (copies / "mine.txt").write_text("the owner's")
    await open_and_close(old)
    left = sorted(path.name for path in copies.iterdir())
    assert left[:2] == [f"atelier-{stamp}-schema-0002.sqlite3" for stamp in stamps[-2:]]
    assert left[2].endswith("schema-0003.sqlite3")
    assert left[3:] == ["mine.txt"]


async def test_failing_migration_copies_an_unchanged_database_only_once(
    old: Storage, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service manager restarts the bot every few seconds."""
    earlier = [f"atelier-2026010{day}-120000-schema-000{day}.sqlite3" for day in (1, 2)]
    for name in (*earlier, "atelier-20260103-120000-schema-0003.sqlite3"):
        (copies / name).write_text("an earlier copy")
    monkeypatch.setattr(migrate, "_upgrade", Mock(side_effect=RuntimeError))

    async def copies_after_start(day: int) -> list[str]:
        stamp = f"2026020{day}-120000"
        monkeypatch.setattr(copying, "time_stamp", lambda: stamp)
        with pytest.raises(RuntimeError):
            await JobQueue.open(old.settings())
        return sorted(path.name for path in copies.iterdir())

    once = [*earlier, "atelier-20260203-120000-schema-0003.sqlite3"]
    assert [await copies_after_start(day) for day in (3, 4, 5)] == [once, once, once]
    with contextlib.closing(sqlite3.connect(old.sqlite_file)) as connection:
        connection.execute("DELETE FROM jobs WHERE id = 1")
        connection.commit()
    assert await copies_after_start(6) == [*earlier, "atelier-20260206-120000-schema-0003.sqlite3"]
    with contextlib.closing(sqlite3.connect(copies / (await copies_after_start(7))[-1])) as kept:
        assert kept.execute("SELECT count(*) FROM jobs WHERE id = 1").fetchone() == (0,)


async def test_database_with_an_open_log_is_always_copied(
    old: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its changes are still in the log, so the file itself looks unchanged."""
    monkeypatch.setattr(migrate, "_upgrade", Mock(side_effect=RuntimeError))
    names = []
    with contextlib.closing(sqlite3.connect(old.sqlite_file)) as other:
        for day in (3, 4):
            stamp = f"2026020{day}-120000"
            monkeypatch.setattr(copying, "time_stamp", lambda stamp=stamp: stamp)
            with pytest.raises(RuntimeError):
                await JobQueue.open(old.settings())
            names += [path.name[8:16] for path in (tmp_path / BEFORE_MIGRATIONS).iterdir()]
            other.execute("UPDATE jobs SET revision = revision + 1")
            other.commit()
    assert names == ["20260203", "20260204"]


async def test_partial_copies_of_killed_migrations_are_deleted(old: Storage, copies: Path) -> None:
    for name, hours in (("a.part", 2), ("a.part-journal", 2), ("b.part", 0.9)):
        (copies / name).write_text("half a database")
        at = time.time() - hours * 3600
        os.utime(copies / name, (at, at))
    await open_and_close(old)
    left = [path.name for path in sorted(copies.iterdir()) if path.suffix != ".sqlite3"]
    assert left == ["b.part"], "it may still be written"


async def test_few_partial_copies_remain_of_starts_that_are_killed_soon(
    old: Storage, copies: Path
) -> None:
    for number in range(6):
        (copies / f"{number}.part").write_text("half a database")
        at = time.time() - 600 + number * 60
        os.utime(copies / f"{number}.part", (at, at))
    await open_and_close(old)
    left = [path.name for path in sorted(copies.iterdir()) if path.suffix != ".sqlite3"]
    assert left == ["3.part", "4.part", "5.part"]


async def test_partial_copies_of_programs_that_start_now_remain(old: Storage, copies: Path) -> None:
    halves = {copies / f"{number}.part" for number in range(6)}
    for half in halves:
        half.write_text("half a database")
    await open_and_close(old)
    assert halves <= set(copies.iterdir())


async def test_newer_copy_of_a_program_that_starts_now_remains(
    old: Storage, tmp_path: Path
) -> None:
    """Otherwise two programs would each delete the other's copy."""
    newer = tmp_path / BEFORE_MIGRATIONS / "atelier-99990101-120000-schema-0003.sqlite3"
    newer.parent.mkdir()
    newer.write_text("its copy")
    await open_and_close(old)
    assert newer.is_file()


async def test_copy_stays_that_another_program_made_before_it_migrated_meanwhile(
    old: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if both begin in the same second."""
    monkeypatch.setattr("jobs.db.copying.time.strftime", lambda *_: "20260101-120001")
    copy_sqlite = copying.copy_sqlite

    async def migrate_elsewhere() -> None:
        await open_and_close(old)

    def copy_too_late(source: Path, destination: Path) -> None:
        monkeypatch.setattr(copying, "copy_sqlite", copy_sqlite)
        asyncio.run(migrate_elsewhere())
        copy_sqlite(source, destination)

    monkeypatch.setattr(copying, "copy_sqlite", copy_too_late)
    await migrate_elsewhere()
    (copy,) = (tmp_path / BEFORE_MIGRATIONS).iterdir()
    assert copy.match("atelier-20260101-120001-*-schema-0003.sqlite3")
    with contextlib.closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)


async def test_database_is_not_migrated_when_its_copy_is_damaged(old: Storage) -> None:
    """Otherwise the only intact rows would be changed without a backup."""
    with contextlib.closing(sqlite3.connect(old.sqlite_file)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("CREATE TABLE broken (x TEXT)")
        connection.execute("INSERT INTO broken VALUES ('a')")
        connection.execute("CREATE INDEX of_broken ON broken (x)")
        connection.commit()
        connection.execute("DELETE FROM sqlite_master WHERE name = 'of_broken'")
        connection.commit()
    with pytest.raises(QueueError, match="The copy is damaged"):
        await JobQueue.open(old.settings())
    with contextlib.closing(sqlite3.connect(old.sqlite_file)) as left:
        assert left.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)


async def test_bot_killed_on_this_host_does_not_block_migration(tmp_path: Path) -> None:
    storage, clock = Storage(tmp_path, None), FakeClock()
    make_version("0004", storage)
    with contextlib.closing(sqlite3.connect(storage.sqlite_file)) as connection:
        connection.execute(BOT, (clock(),))
        killed = (platform.node(), 2**22 + 1)
        connection.execute("UPDATE bots SET host = ?, pid = ?", killed)
        connection.commit()
    await open_and_close(storage, clock)
