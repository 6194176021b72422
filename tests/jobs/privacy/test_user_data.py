"""Exporting and erasing the data of one user."""

import asyncio
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from common.defaults import Defaults
from jobs.core import change_job
from jobs.db import schema
from jobs.db.rows import to_json
from jobs.management.defaults import DefaultsScope
from jobs.model import Job
from jobs.outcomes import LeaseLost, Refused
from jobs.privacy import erasures
from jobs.privacy.retention import TOKEN_SECONDS
from jobs.queue import JobQueue
from tests.jobs.privacy.conftest import make_delivered_job, picture_keys
from tests.kit.samples import FakeClock, Storage, claim_job, reload, submission, submit_job

DAY = 86_400.0


async def test_export_contains_only_the_users_jobs_and_stored_pictures(queue: JobQueue) -> None:
    job_id = await make_delivered_job(queue, "a")
    await make_delivered_job(queue, "b", 2)
    export = await queue.privacy.export_user(1)
    assert [job["id"] for job in export.data["jobs"]] == [job_id]
    assert len(export.picture_keys) == 2
    assert "token" not in json.dumps(export.data)
    await queue.store.delete(export.picture_keys[0])
    assert (await queue.privacy.export_user(1)).picture_keys == export.picture_keys[1:]


async def test_export_is_ordered_however_its_rows_were_written(queue: JobQueue) -> None:
    for guild_id in (8, 5, 7):
        await queue.blocks.add(guild_id, 1, 9)
        await queue.pauses.pause(guild_id, 1)
    data = (await queue.privacy.export_user(1)).data
    assert [each["guild_id"] for each in data["blocked"]] == [5, 7, 8]
    assert [each["guild_id"] for each in data["pauses"]] == [5, 7, 8]
    assert [each["guild_id"] for each in data["admin_actions_about_you"]] == [8, 5, 7]


@pytest.mark.usefixtures("delete_new_files")
async def test_a_users_data_is_erased(queue: JobQueue, clock: FakeClock) -> None:
    done = await make_delivered_job(queue, "a")
    other = await make_delivered_job(queue, "b", 2)
    keys = await picture_keys(queue, done)
    await submit_job(queue, 1)
    running = await claim_job(queue)
    waiting = await submit_job(queue, 1)
    await queue.styles.save("user", 1, "mine", await queue.store.put(b"s", "png"), 1)
    counts = await queue.privacy.erase_user(1)
    assert (counts.jobs, counts.styles) == (3, 1)
    assert [await queue.store.exists(key) for key in keys] == [False, False]
    assert await queue.jobs.of_user(1) == []
    assert await queue.styles.visible_to(1, None) == []
    assert isinstance(await queue.claims.renew(running), LeaseLost)
    assert await queue.deliveries.due() == []
    assert await queue.claims.claim("engine") is None
    bare = await reload(queue, waiting)
    assert (bare.user_name, bare.reply.interaction_token) == ("", "")
    assert (await queue.jobs.get(other)) is not None
    # Erasing does not reset the daily limit; the rows are deleted a day later.
    await queue.limits.set(5, {"max_per_day": 1}, 9)
    refused = await queue.submissions.submit(submission(1))
    assert isinstance(refused, Refused)
    assert refused.refusal.limit == "max_per_day"
    clock.advance(DAY + 1)
    await queue.retention.gc()
    assert await queue.jobs.get(done) is None


async def columns_with_user(queue: JobQueue, user_id: int) -> set[str]:
    """The columns of all tables that contain a user's id."""
    found = set()
    async with queue.database.read() as connection:
        for table in schema.metadata.sorted_tables:
            for row in await connection.execute(sa.select(table)):
                for name, value in row._asdict().items():
                    if str(user_id) in str(value):
                        found.add(f"{table.name}.{name}")
    return found


@pytest.mark.usefixtures("delete_new_files")
async def test_erasure_leaves_no_trace_of_the_user(queue: JobQueue, clock: FakeClock) -> None:
    member, admin, other = 424_242_424_242, 9, 2
    await make_delivered_job(queue, "a", member)
    await make_delivered_job(queue, "b", member, None)
    await queue.intakes.open(77, member, {"user_id": member})
    mine = await submit_job(queue, member, interaction_id=77)
    await queue.jobs.remove(mine.id, admin)
    await queue.blocks.add(5, member, admin)
    await queue.blocks.remove(5, member, admin)
    # The member is an admin in one server, and blocked in another.
    await queue.limits.set(6, {"max_per_day": 3}, member)
    await queue.pauses.pause(6, member)
    await queue.blocks.add(6, other, member)
    await queue.styles.save("guild", 6, "House", await queue.store.put(b"s", "png"), member)
    theirs = await submit_job(queue, other, 7)
    await queue.clearings.clear(7, member)
    await queue.blocks.add(8, member, admin)
    about = (await queue.privacy.export_user(member)).data["admin_actions_about_you"]
    assert [each["action"] for each in about] == ["remove", "block", "unblock", "block"]
    assert str(admin) not in [str(value) for each in about for value in each.values()]
    await queue.privacy.erase_user(member)
    assert await columns_with_user(queue, member) == {
        # For the daily limit, and for the active block.
        *("jobs.user_id", "jobs.flow"),
        *("blocked_users.user_id", "audit.details"),
    }
    clock.advance(DAY + 1)
    await queue.retention.gc()
    assert await columns_with_user(queue, member) == {"blocked_users.user_id", "audit.details"}
    await queue.blocks.remove(8, member, admin)
    await queue.privacy.erase_user(member)
    assert await columns_with_user(queue, member) == set()
    # Their actions keep their effect.
    assert (await queue.limits.in_force(6)).max_per_day == 3
    assert [block.user_id for block in await queue.blocks.all(6)] == [other]
    assert [style.name for style in await queue.styles.visible_to(other, 6)] == ["House"]
    assert "user:0" in [event.actor for event in await queue.jobs.history(theirs.id)]


async def test_erasure_keeps_others_defaults_and_styles(queue: JobQueue) -> None:
    """Also those of a channel and a server with the same id as the member."""
    chosen = Defaults(size_px=256)
    owners: list[tuple[DefaultsScope, int]] = [("user", 2), ("guild", 1), ("channel", 1)]
    for scope, owner in [("user", 1), *owners]:
        await queue.defaults.set(scope, owner, chosen, guild_id=1, by_user=9)
    picture = await queue.store.put(b"s", "png")
    await queue.styles.save("guild", 1, "ours", picture, 9)
    await queue.styles.save("user", 2, "theirs", picture, 2)
    await queue.privacy.erase_user(1)
    assert await queue.defaults.of("user", 1) == Defaults()
    assert [await queue.defaults.of(*owner) for owner in owners] == [chosen] * len(owners)
    assert [style.name for style in await queue.styles.visible_to(2, 1)] == ["theirs", "ours"]


@pytest.mark.parametrize("torn", [b'{"user": "2", "at": 20', bytes(40), b"\xff\x80 is no text"])
def test_erasures_after_a_torn_line_are_still_read(tmp_path: Path, torn: bytes) -> None:
    erasures.remember(tmp_path, 1, 100.0)
    file = tmp_path / erasures.NAME
    file.write_bytes(file.read_bytes() + torn)
    erasures.remember(tmp_path, 3, 300.0)
    erasures.remember(tmp_path, 4, 400.0)
    assert erasures.erased_since(tmp_path, 50.0) == [1, 3, 4]
    assert erasures.erased_since(tmp_path, 300.0) == [4]
    erasures.remember(tmp_path, 5, 350.0 + erasures.KEPT_SECONDS)
    assert erasures.erased_since(tmp_path, 0.0) == [4, 5]


async def test_interaction_token_is_forgotten_15_minutes_after_delivery(
    queue: JobQueue, clock: FakeClock
) -> None:
    early, late = await submit_job(queue, 1), await submit_job(queue, 2)
    await queue.jobs.remove(early.id)
    await queue.deliveries.mark_delivered(early.id, how="token")
    clock.advance(TOKEN_SECONDS - 1)
    until = await queue.retention.forget_tokens()
    assert await tokens(queue, early, late) == ["token", "token"]
    clock.advance(1)
    await queue.retention.forget_tokens(until)
    assert await tokens(queue, early, late) == ["", "token"]
    job = await reload(queue, early)
    assert job.unreadable is None
    assert (job.reply.channel_id, job.revision) == (early.reply.channel_id, job.revision)


async def test_newly_arrived_interaction_token_is_not_forgotten(
    queue: JobQueue, storage: Storage, clock: FakeClock
) -> None:
    job = await submit_job(queue, 1)
    await queue.jobs.remove(job.id)
    await queue.deliveries.mark_delivered(job.id, how="token")
    clock.advance(TOKEN_SECONDS)
    newer = to_json(replace(job.reply, interaction_id=99, interaction_token="newer"))
    async with (
        await JobQueue.open(storage.settings(), clock=clock) as another,
        another.database.write() as transaction,
    ):
        await change_job(transaction, job.id, target=newer, delivered_at=None)
        forgetting = asyncio.create_task(queue.retention.forget_tokens())
        await asyncio.sleep(0.3)  # it has read the old row, and waits for the write lock
    await forgetting
    shown = await reload(queue, job)
    assert (shown.reply.interaction_id, shown.reply.interaction_token) == (99, "newer")


async def tokens(queue: JobQueue, *jobs: Job) -> list[str]:
    found = [await queue.jobs.get(job.id) for job in jobs]
    return [job.reply.interaction_token for job in found if job is not None]


async def test_export_contains_all_own_data_and_no_other_users_id(queue: JobQueue) -> None:
    member, admin, other = 424_242_424_242, 919_191_919_191, 818_181_818_181
    job = await submit_job(queue, member)
    await queue.jobs.remove(job.id, admin)
    await queue.blocks.add(5, member, admin)
    await queue.blocks.add(6, other, member)
    await queue.pauses.pause(6, member)
    await queue.limits.set(6, {"max_per_day": 3}, member)
    await queue.audit.write(6, member, "remove", {"job": "3", "user": str(other)})
    key = await queue.store.put(b"house", "png")
    await queue.styles.save("guild", 6, "House", key, member)
    payload = {"reply": {"interaction_token": "secret", "channel_id": 3}}
    await queue.intakes.open(77, member, payload)
    export = await queue.privacy.export_user(member)
    text = json.dumps(export.data)
    assert str(admin) not in text
    assert str(other) not in text
    assert "secret" not in text
    assert [style["name"] for style in export.data["server_styles"]] == ["House"]
    assert key in export.picture_keys
    assert [made["guild_id"] for made in export.data["settings_made"]] == [6]
    assert [pause["guild_id"] for pause in export.data["pauses"]] == [6]
    assert [block["guild_id"] for block in export.data["blocked"]] == [5]
    assert [intake["interaction_id"] for intake in export.data["intakes"]] == [77]


@pytest.mark.skipif(os.name != "posix", reason="Windows has other rights")
def test_erasure_list_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    erasures.remember(folder, 1, 100.0)
    assert stat.S_IMODE((folder / erasures.NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
