import json

import pytest
import sqlalchemy as sa

from common.options import PaintInputs, StyleInput
from common.store import PictureMissingError
from jobs.changing import retention
from jobs.changing.retention import TOKEN_SECONDS, NotEnded, PicturesDeleted
from jobs.changing.styles import Replaced, Saved, TooMany
from jobs.db import schema
from jobs.model import Job, JobState, Progress
from jobs.outcomes import LeaseLost, NoSuchJob, NotYours, Refused
from jobs.queue import JobQueue
from tests.kit.samples import FakeClock, accepted, claimed, report, submission

DAY = 86_400.0


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files may be deleted however new they are."""
    for name in ("SOON_SECONDS", "WORKING_SOON_SECONDS"):
        monkeypatch.setattr(f"jobs.core.{name}", -1.0)
    monkeypatch.setattr(retention, "GRACE_SECONDS", -1e12)


async def painted(queue: JobQueue, name: str, user_id: int = 1, guild_id: int | None = 5) -> int:
    job_id = await finished(queue, name, user_id, guild_id)
    await queue.deliveries.mark_delivered(job_id, how="edit")
    return job_id


async def finished(queue: JobQueue, name: str, user_id: int = 1, guild_id: int | None = 5) -> int:
    content = await queue.store.put(f"photograph {name}".encode(), "png")
    inputs = PaintInputs(content=content, styles=(StyleInput(preset="x"),))
    job = await accepted(queue, user_id, guild_id, inputs=inputs)
    claim = await claimed(queue)
    result = await queue.store.put(f"painting {name}".encode(), "png")
    await queue.claims.finish(claim, result, report())
    return job.id


async def keys_of(queue: JobQueue, job_id: int) -> tuple[str, str]:
    job = await queue.jobs.get(job_id)
    assert job is not None
    assert job.result_key is not None
    return job.inputs.content, job.result_key


@pytest.mark.usefixtures("hasty")
async def test_pictures_are_kept_as_long_as_the_server_says(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.limits.set(6, {"retention_days": 2}, 9)
    long, short = await painted(queue, "a"), await painted(queue, "b", 2, 6)
    kept, dropped = await keys_of(queue, long), await keys_of(queue, short)
    clock.advance(2.5 * DAY)
    counts = await queue.retention.gc()
    assert (counts.expired_jobs, counts.files) == (1, 2)
    assert [await queue.store.exists(key) for key in (*kept, *dropped)] == [
        True,
        True,
        False,
        False,
    ]
    job = await queue.jobs.get(short)
    assert job is not None
    assert job.state is JobState.DONE
    assert job.result_key is None
    assert job.pictures_deleted_at is not None
    clock.advance(30 * DAY)
    assert (await queue.retention.gc()).files == 2
    assert (await queue.retention.gc()).files == 0
    clock.advance(400 * DAY)
    await queue.retention.gc()
    assert await queue.jobs.get(long) is None


@pytest.mark.usefixtures("hasty")
async def test_what_was_not_delivered_is_kept_longer(queue: JobQueue, clock: FakeClock) -> None:
    await accepted(queue)
    claim = await claimed(queue)
    await queue.claims.finish(claim, await queue.store.put(b"x", "png"), report())
    clock.advance(31 * DAY)
    assert (await queue.retention.gc()).expired_jobs == 0
    clock.advance(7 * DAY)
    assert (await queue.retention.gc()).expired_jobs == 1


@pytest.mark.usefixtures("hasty")
async def test_a_file_that_nobody_names_is_deleted(queue: JobQueue) -> None:
    orphan = await queue.store.put(b"nobody's", "png")
    style = await queue.store.put(b"somebody's", "png")
    await queue.styles.save("user", 1, "Waves", style, 1)
    assert (await queue.retention.gc()).files == 1
    assert not await queue.store.exists(orphan)
    assert await queue.store.exists(style)


async def test_a_new_file_is_left_alone(queue: JobQueue) -> None:
    orphan = await queue.store.put(b"about to be named", "png")
    await queue.retention.gc()
    assert await queue.store.exists(orphan)


@pytest.mark.usefixtures("hasty")
async def test_a_member_deletes_a_picture(queue: JobQueue) -> None:
    job_id = await painted(queue, "a")
    content, result = await keys_of(queue, job_id)
    assert isinstance(await queue.retention.delete_result(job_id, 2), NotYours)
    assert isinstance(await queue.retention.delete_result(12345, 1), NoSuchJob)
    outcome = await queue.retention.delete_result(job_id, 1)
    assert isinstance(outcome, PicturesDeleted)
    assert outcome.job.result_key is None
    assert not await queue.store.exists(content)
    assert not await queue.store.exists(result)
    waiting = await accepted(queue, 1)
    assert isinstance(await queue.retention.delete_result(waiting.id, 1), NotEnded)


@pytest.mark.usefixtures("hasty")
async def test_a_picture_that_others_need_stays(queue: JobQueue) -> None:
    first = await painted(queue, "same")
    second = await painted(queue, "same", 2)
    content, result = await keys_of(queue, first)
    await queue.retention.delete_result(first, 1)
    assert await queue.store.exists(content)
    assert await queue.store.exists(result)
    await queue.retention.delete_result(second, 2)
    assert not await queue.store.exists(content)


@pytest.mark.usefixtures("hasty")
async def test_old_checkpoints_and_previews_go_at_once(queue: JobQueue) -> None:
    await accepted(queue)
    claim = await claimed(queue)
    checkpoints, previews = [], []
    for step in range(4):
        checkpoints.append(await queue.store.put(f"c{step}".encode(), "bin"))
        await queue.claims.save_checkpoint(claim, checkpoints[-1])
        previews.append(await queue.store.put(f"p{step}".encode(), "jpg"))
        await queue.claims.report_progress(claim, _progress(step, previews[-1]))
    assert [await queue.store.exists(key) for key in checkpoints] == [False, False, False, True]
    assert [await queue.store.exists(key) for key in previews] == [False, False, True, True]


def _progress(step: int, preview: str) -> Progress:
    return Progress(step, 4, step / 4, preview_key=preview)


async def test_styles_of_ones_own(queue: JobQueue) -> None:
    first = await queue.styles.save("user", 1, "  My   Waves ", "k1.png", 1)
    assert isinstance(first, Saved)
    assert first.style.name == "My Waves"
    assert isinstance(await queue.styles.save("user", 1, "MY WAVES", "k2.png", 1), Replaced)
    assert isinstance(await queue.styles.save("guild", 5, "House", "k3.png", 9), Saved)
    assert isinstance(await queue.styles.save("user", 2, "Other", "k4.png", 2), Saved)
    names = [(style.name, style.scope) for style in await queue.styles.visible_to(1, 5)]
    assert names == [("MY WAVES", "user"), ("House", "guild")]
    assert len(await queue.styles.visible_to(1, None)) == 1
    for number in range(24):
        await queue.styles.save("user", 1, f"style {number}", "k.png", 1)
    assert await queue.styles.save("user", 1, "one more", "k.png", 1) == TooMany(25)
    assert isinstance(await queue.styles.save("user", 1, "style 3", "k9.png", 1), Replaced)
    theirs = (await queue.styles.visible_to(2, None))[0]
    assert not await queue.styles.remove(theirs.id, user_id=1, guild_id=5)
    assert await queue.styles.remove(theirs.id, user_id=2, guild_id=None)


async def test_a_users_data_is_shown(queue: JobQueue) -> None:
    job_id = await painted(queue, "a")
    await painted(queue, "b", 2)
    export = await queue.privacy.export_user(1)
    assert [job["id"] for job in export.data["jobs"]] == [job_id]
    assert len(export.picture_keys) == 2
    assert "token" not in json.dumps(export.data)
    await queue.store.delete(export.picture_keys[0])
    assert (await queue.privacy.export_user(1)).picture_keys == export.picture_keys[1:]


@pytest.mark.usefixtures("hasty")
async def test_a_users_data_is_erased(queue: JobQueue, clock: FakeClock) -> None:
    done = await painted(queue, "a")
    other = await painted(queue, "b", 2)
    keys = await keys_of(queue, done)
    await accepted(queue, 1)
    running = await claimed(queue)
    waiting = await accepted(queue, 1)
    await queue.styles.save("user", 1, "mine", await queue.store.put(b"s", "png"), 1)
    counts = await queue.privacy.erase_user(1)
    assert (counts.jobs, counts.styles) == (3, 1)
    assert [await queue.store.exists(key) for key in keys] == [False, False]
    assert await queue.jobs.of_user(1) == []
    assert await queue.styles.visible_to(1, None) == []
    assert isinstance(await queue.claims.renew(running), LeaseLost)
    assert await queue.deliveries.due() == []
    assert await queue.claims.claim("engine") is None
    bare = await queue.jobs.get(waiting.id)
    assert bare is not None
    assert (bare.user_name, bare.reply.interaction_token) == ("", "")
    assert (await queue.jobs.get(other)) is not None
    # Erasing is no way around a day's limit; a day later nothing is left at all.
    await queue.limits.set(5, {"max_per_day": 1}, 9)
    refused = await queue.submissions.submit(submission(1))
    assert isinstance(refused, Refused)
    assert refused.refusal.limit == "max_per_day"
    clock.advance(DAY + 1)
    await queue.retention.gc()
    assert await queue.jobs.get(done) is None


async def mentions(queue: JobQueue, user_id: int) -> set[str]:
    """The columns of all tables in which a user's id stands."""
    found = set()
    async with queue.database.read() as connection:
        for table in schema.metadata.sorted_tables:
            for row in await connection.execute(sa.select(table)):
                for name, value in row._asdict().items():
                    if str(user_id) in str(value):
                        found.add(f"{table.name}.{name}")
    return found


@pytest.mark.usefixtures("hasty")
async def test_nothing_of_a_user_is_left_anywhere(queue: JobQueue, clock: FakeClock) -> None:
    member, admin, other = 424_242_424_242, 9, 2
    await painted(queue, "a", member)
    await painted(queue, "b", member, None)
    await queue.intakes.open(77, member, {"user_id": member})
    mine = await accepted(queue, member, interaction_id=77)
    await queue.jobs.remove(mine.id, admin)
    await queue.audit.write(5, admin, "remove", {"job": str(mine.id), "user": str(member)})
    await queue.blocks.add(5, member, admin)
    await queue.blocks.remove(5, member, admin)
    # The member is an admin elsewhere, and was blocked somewhere else again.
    await queue.limits.set(6, {"max_per_day": 3}, member)
    await queue.pauses.pause(6, member)
    await queue.blocks.add(6, other, member)
    await queue.styles.save("guild", 6, "House", await queue.store.put(b"s", "png"), member)
    theirs = await accepted(queue, other, 7)
    await queue.clearings.clear(7, member)
    await queue.blocks.add(8, member, admin)
    about = (await queue.privacy.export_user(member)).data["admin_actions_about_you"]
    assert [each["action"] for each in about] == ["remove", "block", "unblock", "block"]
    assert str(admin) not in [str(value) for each in about for value in each.values()]
    await queue.privacy.erase_user(member)
    assert await mentions(queue, member) == {
        # For a day, and for the block that still holds.
        *("jobs.user_id", "jobs.flow"),
        *("blocked_users.user_id", "audit.details"),
    }
    clock.advance(DAY + 1)
    await queue.retention.gc()
    assert await mentions(queue, member) == {"blocked_users.user_id", "audit.details"}
    await queue.blocks.remove(8, member, admin)
    await queue.privacy.erase_user(member)
    assert await mentions(queue, member) == set()
    # What they did stays done.
    assert (await queue.limits.in_force(6)).max_per_day == 3
    assert await queue.blocks.users(6) == [other]
    assert [style.name for style in await queue.styles.visible_to(other, 6)] == ["House"]
    assert "user:0" in [event.actor for event in await queue.jobs.history(theirs.id)]


async def test_delivery_is_noted_once(queue: JobQueue, clock: FakeClock) -> None:
    job = await accepted(queue)
    await queue.deliveries.set_message(job.id, 70, 80)
    (seen,) = await queue.deliveries.due()
    assert (seen.reply.channel_id, seen.reply.message_id) == (70, 80)
    await queue.deliveries.mark_shown(job.id, seen.revision)
    assert await queue.deliveries.due() == []
    await queue.deliveries.mark_shown(job.id, 999)
    claim = await claimed(queue)
    assert len(await queue.deliveries.due()) == 1
    assert not await queue.deliveries.mark_delivered(job.id, how="edit")
    await queue.claims.finish(claim, await queue.store.put(b"x", "png"), report())
    assert await queue.deliveries.count_attempt(job.id) == 1
    assert await queue.deliveries.count_attempt(job.id) == 2
    assert await queue.deliveries.mark_delivered(job.id, how="post", message_id=81, channel_id=71)
    assert not await queue.deliveries.mark_delivered(job.id, how="post")
    assert await queue.deliveries.due() == []
    done = await queue.jobs.get(job.id)
    assert done is not None
    assert (done.reply.channel_id, done.reply.message_id) == (71, 81)
    assert done.delivered_at is not None


async def test_a_message_that_cannot_be_delivered_is_given_up(queue: JobQueue) -> None:
    job = await accepted(queue)
    await queue.jobs.cancel(job.id, 1)
    assert await queue.deliveries.mark_undeliverable(job.id, "the channel was deleted")
    assert await queue.deliveries.due() == []


async def test_what_reached_nobody_is_told_of_until_it_is_noted(queue: JobQueue) -> None:
    lost, deleted, shown = [await finished(queue, name) for name in "abc"]
    others = await finished(queue, "d", 2)
    for job_id in (lost, deleted, others):
        assert await queue.deliveries.mark_undeliverable(job_id, "the channel is gone")
    await queue.deliveries.mark_delivered(shown, how="token")
    await queue.retention.delete_result(deleted, 1)
    assert await queue.deliveries.undelivered(1) == [lost]
    await queue.deliveries.mark_told([lost])
    assert await queue.deliveries.undelivered(1) == []
    assert await queue.deliveries.undelivered(2) == [others]
    history = await queue.jobs.history(lost)
    assert "the channel is gone" in history[-1].details["how"]


async def test_statistics_by_day(queue: JobQueue, clock: FakeClock) -> None:
    clock.now = 20_000 * DAY + 3600
    await accepted(queue, 1)
    clock.advance(10)
    claim = await claimed(queue)
    clock.advance(30)
    await queue.claims.finish(claim, await queue.store.put(b"x", "png"), report())
    clock.advance(DAY)
    await queue.jobs.cancel((await accepted(queue, 2)).id, 2)
    await accepted(queue, 3, 6)
    stats = await queue.statistics.read(5, 7)
    assert [(day.pictures, day.users, day.cancelled) for day in stats.days] == [
        (1, 1, 0),
        (0, 1, 1),
    ]
    assert stats.days[0].waiting_seconds == pytest.approx(10)
    assert stats.days[0].painting_seconds == pytest.approx(30)
    assert (stats.pictures, stats.users) == (1, 2)
    everywhere = await queue.statistics.read(None, 7)
    assert everywhere.users == 3
    assert [day.users for day in (await queue.statistics.read(None, 1)).days] == [2]


async def test_a_missing_picture_says_so(queue: JobQueue) -> None:
    with pytest.raises(PictureMissingError):
        await queue.store.get("../../etc/passwd")


async def test_keys_to_discord_go_a_quarter_of_an_hour_after_the_delivery(
    queue: JobQueue, clock: FakeClock
) -> None:
    early, late = await accepted(queue, 1), await accepted(queue, 2)
    await queue.jobs.remove(early.id)
    await queue.deliveries.mark_delivered(early.id, how="token")
    clock.advance(TOKEN_SECONDS - 1)
    until = await queue.retention.forget_tokens()
    assert await tokens(queue, early, late) == ["token", "token"]
    clock.advance(1)
    await queue.retention.forget_tokens(until)
    assert await tokens(queue, early, late) == ["", "token"]
    job = await queue.jobs.get(early.id)
    assert job is not None
    assert job.unreadable is None
    assert (job.reply.channel_id, job.revision) == (early.reply.channel_id, job.revision)


async def tokens(queue: JobQueue, *jobs: Job) -> list[str]:
    found = [await queue.jobs.get(job.id) for job in jobs]
    return [job.reply.interaction_token for job in found if job is not None]


async def test_an_export_has_all_that_is_theirs_and_nobody_elses_id(queue: JobQueue) -> None:
    member, admin, other = 424_242_424_242, 919_191_919_191, 818_181_818_181
    job = await accepted(queue, member)
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


async def test_a_state_that_a_later_version_has_stops_nothing(queue: JobQueue) -> None:
    """Such a row is left as it is; the bot says that it cannot read it, and engines pass it by."""
    if queue.database.postgres:
        rules = (
            "ALTER TABLE jobs DROP CONSTRAINT ck_jobs_known_state",
            "DROP TRIGGER jobs_transitions ON jobs",
        )
    else:
        rules = ("PRAGMA ignore_check_constraints = ON", "DROP TRIGGER jobs_transitions")
    odd, next_one = await accepted(queue, 1), await accepted(queue, 2)
    async with queue.database.write() as transaction:
        for rule in rules:
            await transaction.connection.execute(sa.text(rule))
        await transaction.connection.execute(
            sa.text("UPDATE jobs SET state = 'resting' WHERE id = :id"), {"id": odd.id}
        )
    job = await queue.jobs.get(odd.id)
    assert job is not None
    assert job.unreadable is not None
    assert [each.id for each in await queue.deliveries.due()] == [odd.id, next_one.id]
    assert (await claimed(queue)).job.id == next_one.id
    await queue.claims.reap()
    await queue.retention.gc()
    await queue.standings.get_many([odd.id, next_one.id])
    await queue.health.ask(ask_store=False)
    await queue.statistics.read(None, 14)
    await queue.clearings.clear(None, 1)
    await queue.jobs.cancel(odd.id, 1)
    await queue.privacy.erase_user(1)
