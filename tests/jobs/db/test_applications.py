"""Several applications on one database, and two bots of one application."""

import asyncio
import dataclasses
import os
import platform
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.app.folder_lock import lock_folder
from common.settings_loading import SettingsError
from jobs.db import schema
from jobs.db.liveness import BOT_ALIVE_SECONDS, BotInfo, has_ended
from jobs.management.installation import DISCORD, LOOPBACK
from jobs.outcomes import Accepted, DatabaseRefusedError
from jobs.privacy.retention import DELETING_SECONDS
from jobs.queue import JobQueue
from tests.kit.samples import RESULT, FakeClock, Storage, claim_job, paint_report, submission

FIRST, SECOND = 111, 222


async def submit_for_application(queue: JobQueue, application_id: int, user_id: int) -> int:
    request = submission(user_id)
    reply = dataclasses.replace(request.reply, application_id=application_id)
    outcome = await queue.submissions.submit(dataclasses.replace(request, reply=reply))
    assert isinstance(outcome, Accepted)
    return outcome.job.id


async def test_each_application_delivers_its_own_jobs(queue: JobQueue) -> None:
    jobs = [await submit_for_application(queue, each, each) for each in (FIRST, SECOND)]
    unknown = await submit_for_application(queue, 0, 3)
    for application_id, job_id in zip((FIRST, SECOND), jobs, strict=True):
        due = await queue.deliveries.due(application_id=application_id)
        assert [job.id for job in due] == [job_id, unknown]


async def test_undelivered_jobs_are_listed_for_their_own_application(queue: JobQueue) -> None:
    job_id = await submit_for_application(queue, FIRST, 1)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    await queue.deliveries.mark_undeliverable(job_id, "gone")
    assert await queue.deliveries.undelivered(1, FIRST) == [job_id]
    assert await queue.deliveries.undelivered(1, SECOND) == []


async def test_unannounced_jobs_are_listed_for_their_own_application(
    queue: JobQueue,
) -> None:
    job_id = await submit_for_application(queue, FIRST, 1)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    await queue.deliveries.mark_delivered(job_id, how="edit")
    assert [job.id for job in await queue.deliveries.unannounced(FIRST)] == [job_id]
    assert await queue.deliveries.unannounced(SECOND) == []


async def test_messages_left_of_deleted_pictures_are_listed_for_their_own_application(
    queue: JobQueue, clock: FakeClock
) -> None:
    job_id = await submit_for_application(queue, FIRST, 1)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    await queue.deliveries.mark_delivered(job_id, how="edit", message_id=5, channel_id=6)
    await queue.retention.delete_soon(job_id, 1)
    clock.advance(DELETING_SECONDS - 1)
    assert await queue.retention.left_shown(FIRST) == [], "the bot is about to delete it"
    clock.advance(2)
    assert [job.id for job in await queue.retention.left_shown(FIRST)] == [job_id]
    assert await queue.retention.left_shown(SECOND) == []


def bot(name: str, application_id: int = FIRST, pid: int = 1) -> BotInfo:
    return BotInfo(name, application_id, "elsewhere", pid, "0.2.0")


async def test_second_bot_of_an_application_waits_for_the_first_to_end(
    queue: JobQueue, clock: FakeClock
) -> None:
    assert await queue.bots.register(bot("a"), has_ended) is None
    assert await queue.bots.register(bot("b"), has_ended) == bot("a")
    assert await queue.bots.register(bot("c", SECOND), has_ended) is None
    clock.advance(BOT_ALIVE_SECONDS - 1)
    await queue.bots.heartbeat(bot("a"), connected=True)
    clock.advance(2)
    assert await queue.bots.register(bot("b"), has_ended) == bot("a")
    await queue.bots.forget("a")
    assert await queue.bots.register(bot("b"), has_ended) is None


async def test_bot_killed_on_the_same_host_is_not_waited_for(
    queue: JobQueue,
) -> None:
    this_host = platform.node()
    killed = dataclasses.replace(bot("a", pid=2**22 + 1), host=this_host)
    again = dataclasses.replace(bot("b", pid=os.getpid()), host=this_host)
    assert await queue.bots.register(killed, has_ended) is None
    assert await queue.bots.register(again, has_ended) is None
    (alive,) = (await queue.health.ask(ask_store=False)).bots
    assert alive.info == again
    assert not has_ended(dataclasses.replace(bot("c", pid=os.getppid()), host=this_host))


@pytest.mark.parametrize(
    ("kind", "other", "words"),
    [(DISCORD, LOOPBACK, "folder of its own"), (LOOPBACK, DISCORD, "made by the sandbox")],
)
async def test_discord_and_sandbox_refuse_each_others_database(
    queue: JobQueue, kind: str, other: str, words: str
) -> None:
    await queue.installation.belongs_to(kind, FIRST)
    await queue.installation.belongs_to(kind, SECOND)
    with pytest.raises(DatabaseRefusedError, match=words):
        await queue.installation.belongs_to(other, FIRST)


async def test_older_discord_database_is_recognized_by_its_jobs(
    queue: JobQueue,
) -> None:
    await submit_for_application(queue, FIRST, 1)
    with pytest.raises(DatabaseRefusedError):
        await queue.installation.belongs_to(LOOPBACK, SECOND)


def test_only_one_bot_can_lock_a_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.app.folder_lock.ENDING_SECONDS", 0.1)
    with (
        lock_folder(tmp_path),
        pytest.raises(SettingsError, match="another bot uses"),
        lock_folder(tmp_path),
    ):
        pass
    with lock_folder(tmp_path):
        pass


async def test_only_one_of_two_bots_started_together_serves(storage: Storage) -> None:
    async with (
        await JobQueue.open(storage.settings()) as one,
        await JobQueue.open(storage.settings()) as another,
    ):
        for number in range(10):
            pair = [bot(f"{name}-{number}", FIRST + number) for name in "ab"]
            registries = (one.bots, another.bots)
            seen = await asyncio.gather(
                *(
                    registry.register(each, has_ended)
                    for registry, each in zip(registries, pair, strict=True)
                )
            )
            assert sorted(other is None for other in seen) == [False, True]


def test_ended_bot_is_detected_only_on_its_own_machine() -> None:
    this_host, unused_pid = platform.node(), 2**22 + 1
    assert has_ended(dataclasses.replace(bot("a", pid=unused_pid), host=this_host))
    assert not has_ended(bot("a", pid=unused_pid)), "the pid is of another machine"
    # A restarted container has the same host name and pid as before.
    assert has_ended(dataclasses.replace(bot("a", pid=os.getpid()), host=this_host))


async def test_killed_bots_are_forgotten_after_a_while(queue: JobQueue, clock: FakeClock) -> None:
    async def known_ids() -> set[str]:
        async with queue.database.read() as connection:
            return set(await connection.scalars(sa.select(schema.bots.c.id)))

    await queue.bots.register(bot("killed"), has_ended)
    clock.advance(2 * BOT_ALIVE_SECONDS)
    await queue.bots.register(bot("next"), has_ended)
    assert await known_ids() == {"killed", "next"}
    clock.advance(10 * BOT_ALIVE_SECONDS)
    await queue.bots.heartbeat(bot("next"), connected=True)
    await queue.bots.register(bot("another", SECOND), has_ended)
    assert await known_ids() == {"next", "another"}
