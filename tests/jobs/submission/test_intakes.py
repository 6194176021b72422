"""Open intakes: the pictures they hold, their erasure and their submission."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from common.options import PaintInputs, StyleInput
from common.store import PictureStore, key_for
from jobs.model import JobState
from jobs.outcomes import (
    Accepted,
    AlreadySubmitted,
    Erased,
    QueueError,
    QueueUnavailableError,
    Refused,
)
from jobs.queue import JobQueue
from tests.kit.old_databases import make_version
from tests.kit.samples import Storage, delete_for_good, submission, submit_job

PHOTO = b"a photograph"


async def store_old_picture(queue: JobQueue, storage: Storage) -> str:
    """Store a picture with an old modification time; return its key."""
    key = await queue.store.put(PHOTO, "png")
    long_ago = 86_400.0  # old by the queue's pretended clock too, which may be behind the real one
    for path in storage.folder.rglob(key):
        os.utime(path, (long_ago, long_ago))
    return key


def inputs(key: str) -> PaintInputs:
    return PaintInputs(content=key, styles=(StyleInput(preset="x"),))


async def cancelled_job(queue: JobQueue, key: str) -> int:
    job = await submit_job(queue, inputs=inputs(key))
    await queue.jobs.cancel(job.id, job.user_id)
    return job.id


async def test_pictures_of_an_open_intake_survive_deletion(
    queue: JobQueue, storage: Storage
) -> None:
    key = await store_old_picture(queue, storage)
    job_id = await cancelled_job(queue, key)
    await queue.intakes.open(7, 1, {})
    assert await queue.intakes.hold_pictures(7, [key])
    assert await queue.intakes.hold_pictures(7, [key, key_for(b"its style", "png")])
    await delete_for_good(queue, job_id, 1)
    await queue.retention.gc()
    assert await queue.store.exists(key)
    outcome = await queue.submissions.submit(submission(1, interaction_id=7, inputs=inputs(key)))
    assert isinstance(outcome, Accepted)
    await queue.retention.gc()
    assert await queue.store.exists(key)
    await queue.jobs.cancel(outcome.job.id, 1)
    await delete_for_good(queue, outcome.job.id, 1)
    assert not await queue.store.exists(key)


async def test_closed_intake_holds_no_pictures(queue: JobQueue, storage: Storage) -> None:
    key = await store_old_picture(queue, storage)
    await queue.intakes.open(7, 1, {})
    await queue.intakes.hold_pictures(7, [key])
    assert (await queue.retention.gc()).files == 0
    await queue.intakes.close(7)
    assert await queue.intakes.hold_pictures(7, [key])
    assert (await queue.retention.gc()).files == 1


class SlowStore(PictureStore):
    """A store that is slow to delete."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.deleting = asyncio.Event()

    async def delete_if_untouched(self, key: str, seconds: float) -> bool:
        self.deleting.set()
        await asyncio.sleep(0.2)
        return await super().delete_if_untouched(key, seconds)


@pytest.mark.parametrize("by_gc", [False, True])
async def test_picture_being_deleted_is_not_reported_as_stored(
    queue: JobQueue, storage: Storage, by_gc: bool
) -> None:
    key = await store_old_picture(queue, storage)
    job_id = None if by_gc else await cancelled_job(queue, key)
    await queue.intakes.open(7, 2, {})
    slow = SlowStore(storage.settings().storage_url)
    async with await JobQueue.open(storage.settings(), store=slow) as other:
        deleting = asyncio.ensure_future(
            other.retention.gc() if job_id is None else delete_for_good(other, job_id, 1)
        )
        await slow.deleting.wait()
        await queue.intakes.hold_pictures(7, [key])
        seen = await queue.store.exists(key)
        await deleting
        assert await queue.store.exists(key) == seen
        await queue.store.put(PHOTO, "png")
        await other.retention.gc()
        assert await queue.store.exists(key)


async def test_erasure_deletes_the_members_open_intakes(queue: JobQueue, storage: Storage) -> None:
    key = await store_old_picture(queue, storage)
    await queue.intakes.open(7, 1, {"sender": {"user_name": "Ada"}})
    await queue.intakes.open(8, 2, {})
    await queue.intakes.hold_pictures(7, [key])
    await queue.privacy.erase_user(1)
    assert [intake.interaction_id for intake in await queue.intakes.pending()] == [8]
    assert not await queue.store.exists(key)
    assert not await queue.intakes.hold_pictures(7, [key])
    assert isinstance(await queue.submissions.submit(submission(1, interaction_id=7)), Erased)
    assert await queue.jobs.of_user(1) == []
    assert not await queue.intakes.open(7, 1, {})
    assert isinstance(await queue.submissions.submit(submission(2, interaction_id=8)), Accepted)


async def test_no_submission_slips_through_an_erasure(queue: JobQueue) -> None:
    numbers = range(2000, 2030)
    for number in numbers:
        await queue.intakes.open(number, 1, {})

    async def submit(number: int) -> None:
        await queue.submissions.submit(submission(1, interaction_id=number))

    await asyncio.gather(*(submit(number) for number in numbers), queue.privacy.erase_user(1))
    assert await queue.positions.waiting(None, limit=100) == []
    assert await queue.jobs.of_user(1, states=[JobState.QUEUED]) == []


async def test_intake_of_an_older_schema_is_erased(tmp_path: Path) -> None:
    storage = Storage(tmp_path, None)
    make_version("0002", storage)
    with closing(sqlite3.connect(storage.sqlite_file)) as connection:
        connection.execute("""UPDATE intakes SET payload = '{"sender": {"user_id": 31}}'""")
        connection.commit()
    async with await JobQueue.open(storage.settings()) as queue:
        assert len(await queue.intakes.pending()) == 1
        await queue.privacy.erase_user(31)
        assert await queue.intakes.pending() == []


async def test_intake_stays_pending_until_submitted(queue: JobQueue) -> None:
    request = submission()
    assert await queue.intakes.open(
        request.reply.interaction_id, 1, {"attachments": ["https://x/1"]}
    )
    assert not await queue.intakes.open(request.reply.interaction_id, 1, {})
    (intake,) = await queue.intakes.pending()
    assert intake.payload == {"attachments": ["https://x/1"]}
    assert isinstance(await queue.submissions.submit(request), Accepted)
    assert await queue.intakes.pending() == []
    assert not await queue.intakes.open(request.reply.interaction_id, 1, {})
    assert isinstance(await queue.submissions.submit(request), AlreadySubmitted)


async def test_simultaneous_intakes_share_a_transaction(queue: JobQueue) -> None:
    commits = 0

    def count(_connection: sa.Connection) -> None:
        nonlocal commits
        commits += 1

    known = await submit_job(queue)
    sa.event.listen(queue.database.engine.sync_engine, "commit", count)
    new = range(known.reply.interaction_id + 1, known.reply.interaction_id + 101)
    numbers = [*new, new[6], known.reply.interaction_id]
    is_new = await asyncio.gather(
        *(queue.intakes.open(number, 1, {"n": number}) for number in numbers)
    )
    assert is_new == [True] * 100 + [False, False]
    assert [intake.payload for intake in await queue.intakes.pending()] == [
        {"n": number} for number in new
    ]
    assert commits <= 3


async def test_failed_intake_write_raises_for_every_caller(queue: JobQueue) -> None:
    async with queue.database.write() as transaction:
        await transaction.connection.execute(sa.text("ALTER TABLE intakes RENAME TO elsewhere"))
    outcomes = await asyncio.gather(
        *(queue.intakes.open(number, 1, {}) for number in range(3)), return_exceptions=True
    )
    assert all(isinstance(outcome, sa.exc.SQLAlchemyError | QueueError) for outcome in outcomes)
    async with queue.database.write() as transaction:
        await transaction.connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO intakes"))
    assert await queue.intakes.open(1, 1, {})


async def test_refused_intake_stays_open_until_closed(queue: JobQueue) -> None:
    """Otherwise a bot killed in between would leave the member without an answer."""
    await queue.blocks.add(5, 1, 9)
    request = submission()
    await queue.intakes.open(request.reply.interaction_id, 1, {})
    assert isinstance(await queue.submissions.submit(request), Refused)
    (left,) = await queue.intakes.pending()
    assert left.interaction_id == request.reply.interaction_id
    await queue.intakes.close(request.reply.interaction_id)
    assert await queue.intakes.pending() == []
    await queue.intakes.open(999, 1, {})
    await queue.intakes.close(999)
    assert await queue.intakes.pending() == []
    assert not await queue.intakes.open(999, 1, {})


async def test_opening_an_intake_raises_while_the_database_is_down(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_unavailable(**_options: bool) -> object:
        raise QueueUnavailableError("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(queue.database, "write", raise_unavailable)
        async with asyncio.timeout(5):
            with pytest.raises(QueueUnavailableError):
                await queue.intakes.open(1, 1, {})
    assert await queue.intakes.open(1, 1, {})
