"""Entries in the audit log for actions and settings of admins."""

from common.defaults import Defaults
from jobs.management.audit import BEFORE, COMMAND_LINE
from jobs.management.styles import Same, Saved
from jobs.queue import JobQueue
from tests.jobs.privacy.conftest import make_delivered_job
from tests.kit.samples import submit_job

GUILD, ADMIN, MEMBER = 5, 9, 1


async def audit_log(queue: JobQueue) -> list[tuple[int, str, dict[str, object]]]:
    """User, action and details of each entry, the oldest first."""
    entries = await queue.audit.read(GUILD, limit=100)
    return [(entry.user_id, entry.action, entry.details) for entry in reversed(entries)]


async def test_admin_actions_on_others_jobs_are_audited(queue: JobQueue) -> None:
    first, second = await submit_job(queue, MEMBER, GUILD), await submit_job(queue, MEMBER, GUILD)
    await queue.jobs.move_to_front(second.id, ADMIN)
    await queue.jobs.remove(second.id, ADMIN)
    await queue.jobs.remove(second.id, ADMIN)  # already ended: nothing to log
    await queue.jobs.retry(second.id)
    for job in (first, second):
        await queue.jobs.cancel(job.id, MEMBER)  # own jobs are not logged
    done = await make_delivered_job(queue, "picture", MEMBER, GUILD)
    await queue.retention.delete_soon(done, ADMIN)
    await queue.retention.delete_soon(done, ADMIN)
    assert await queue.retention.restore(done, ADMIN, first.reply) is not None
    about = {"job": str(second.id), "user": str(MEMBER)}
    about_done = {"job": str(done), "user": str(MEMBER)}
    assert await audit_log(queue) == [
        (ADMIN, "front", about),
        (ADMIN, "remove", about),
        (COMMAND_LINE, "retry", about),
        (ADMIN, "delete_picture", about_done),
        (ADMIN, "undo_delete_picture", about_done),
    ]


async def test_settings_that_change_nothing_say_so_and_are_not_audited(queue: JobQueue) -> None:
    key = await queue.store.put(b"s", "png")
    assert not await queue.limits.reset(GUILD, ADMIN)
    assert await queue.limits.set(GUILD, {"max_size_px": None}, ADMIN) is None
    assert not await queue.defaults.set("guild", GUILD, Defaults(), guild_id=GUILD, by_user=ADMIN)
    assert await audit_log(queue) == []
    limits, chosen = {"max_size_px": 512, "channel_ids": [7]}, Defaults(spoiler_role_ids=(1, 2))
    for is_new in (True, False):
        assert (await queue.limits.set(GUILD, limits, ADMIN) is not None) == is_new
        saved = await queue.styles.save("guild", GUILD, "House", key, ADMIN)
        assert isinstance(saved, Saved if is_new else Same)
        for owner in ("guild", "channel", "user"):
            changed = await queue.defaults.set(owner, GUILD, chosen, guild_id=GUILD, by_user=ADMIN)
            assert changed == is_new
    actions = [action for _, action, _ in await audit_log(queue)]
    assert actions == ["set_limits", "save_style", "set_defaults", "set_defaults"]


async def test_server_settings_are_audited_with_their_previous_values(queue: JobQueue) -> None:
    key = await queue.store.put(b"s", "png")
    other = await queue.store.put(b"t", "png")
    await queue.styles.save("user", MEMBER, "Mine", key, MEMBER)  # needs no admin
    await queue.styles.save("guild", GUILD, "House", key, ADMIN)
    await queue.styles.save("guild", GUILD, "house", other, ADMIN)
    (house,) = await queue.styles.visible_to(ADMIN, GUILD)
    await queue.styles.remove(house.id, user_id=ADMIN, guild_id=GUILD)
    for chosen in (Defaults(size_px=512), Defaults(quality="fine")):
        await queue.defaults.set("guild", GUILD, chosen, guild_id=GUILD, by_user=ADMIN)
    await queue.defaults.set("user", ADMIN, chosen, guild_id=GUILD, by_user=ADMIN)
    await queue.blocks.add(GUILD, MEMBER, ADMIN, reason="spam")
    await queue.blocks.add(GUILD, MEMBER, ADMIN, reason="more spam")
    member = {"user": str(MEMBER)}
    assert [(action, details) for _, action, details in await audit_log(queue)] == [
        ("save_style", {"name": "House"}),
        ("replace_style", {"name": "house"}),
        ("remove_style", {"name": "house"}),
        ("set_defaults", {"scope": "guild", "size_px": 512}),
        ("set_defaults", {"scope": "guild", "quality": "fine", BEFORE: {"size_px": 512}}),
        ("block", {**member, "reason": "spam"}),
        ("block", {**member, "reason": "more spam", BEFORE: {"reason": "spam", "until": None}}),
    ]
