"""Settings of a server that removed the bot are deleted after the retention period."""

from common.defaults import Defaults
from jobs.management.left_servers import SETTINGS_KEPT_DAYS
from jobs.queue import JobQueue
from tests.kit.samples import FakeClock, submit_job

DAY = 86_400.0
BOT, OTHER_BOT = 7, 8
LEFT_SERVER, CURRENT_SERVER = 6, 60


async def set_everything(queue: JobQueue, guild_id: int) -> None:
    """Set every kind of setting of a server."""
    await queue.limits.set(guild_id, {"max_per_day": 2}, 9)
    await queue.blocks.add(guild_id, 5, 9, reason="paints over all")
    await queue.styles.save("guild", guild_id, "ours", await queue.store.put(b"a", ".png"), 9)
    for scope, owner in (("guild", guild_id), ("channel", guild_id + 1)):
        await queue.defaults.set(
            scope,  # type: ignore[arg-type]
            owner,
            Defaults(quality="draft"),
            guild_id=guild_id,
            by_user=9,
        )


async def is_set(queue: JobQueue, guild_id: int) -> list[bool]:
    return [
        (await queue.limits.in_force(guild_id)).max_per_day == 2,
        bool(await queue.blocks.all(guild_id)),
        bool(await queue.styles.visible_to(1, guild_id)),
        await queue.defaults.of("guild", guild_id) != Defaults(),
        await queue.defaults.of("channel", guild_id + 1) != Defaults(),
    ]


async def test_server_settings_are_deleted_long_after_the_bot_is_removed(
    queue: JobQueue, clock: FakeClock
) -> None:
    for guild_id in (LEFT_SERVER, CURRENT_SERVER):
        await set_everything(queue, guild_id)
    assert await queue.left_servers.note(BOT, [CURRENT_SERVER]) == []
    clock.advance((SETTINGS_KEPT_DAYS - 1) * DAY)
    assert await queue.left_servers.note(BOT, [CURRENT_SERVER]) == []
    assert all(await is_set(queue, LEFT_SERVER))
    clock.advance(2 * DAY)
    assert await queue.left_servers.note(BOT, [CURRENT_SERVER]) == [LEFT_SERVER]
    assert not any(await is_set(queue, LEFT_SERVER))
    assert all(await is_set(queue, CURRENT_SERVER))
    assert await queue.left_servers.note(BOT, [CURRENT_SERVER]) == []


async def test_reinviting_the_bot_restarts_the_settings_retention(
    queue: JobQueue, clock: FakeClock
) -> None:
    await set_everything(queue, LEFT_SERVER)
    await queue.left_servers.note(BOT, [])
    clock.advance((SETTINGS_KEPT_DAYS - 1) * DAY)
    await queue.left_servers.note(BOT, [LEFT_SERVER])
    clock.advance(2 * DAY)
    assert await queue.left_servers.note(BOT, []) == []
    assert all(await is_set(queue, LEFT_SERVER))


async def test_bot_downtime_does_not_count_as_server_absence(
    queue: JobQueue, clock: FakeClock
) -> None:
    await set_everything(queue, LEFT_SERVER)
    await queue.left_servers.note(BOT, [LEFT_SERVER])
    clock.advance(3 * SETTINGS_KEPT_DAYS * DAY)
    assert await queue.left_servers.note(BOT, []) == []
    assert all(await is_set(queue, LEFT_SERVER))


async def test_settings_of_another_bots_server_are_kept(queue: JobQueue, clock: FakeClock) -> None:
    await set_everything(queue, LEFT_SERVER)
    for _ in range(3):
        await queue.left_servers.note(BOT, [])
        await queue.left_servers.note(OTHER_BOT, [LEFT_SERVER])
        clock.advance(SETTINGS_KEPT_DAYS / 2 * DAY)
    assert await queue.left_servers.note(BOT, []) == []
    assert all(await is_set(queue, LEFT_SERVER))
    clock.advance(2 * SETTINGS_KEPT_DAYS * DAY)
    assert await queue.left_servers.note(BOT, []) == [LEFT_SERVER], (
        "the other bot has not reported for as long"
    )


async def test_block_on_all_servers_is_kept(queue: JobQueue, clock: FakeClock) -> None:
    await submit_job(queue)
    await queue.blocks.add(None, 5, 9)
    await queue.left_servers.note(BOT, [])
    clock.advance(2 * SETTINGS_KEPT_DAYS * DAY)
    assert await queue.left_servers.note(BOT, []) == []
    assert await queue.blocks.all(None)
