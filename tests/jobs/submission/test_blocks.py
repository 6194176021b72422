"""Blocking users in one server or everywhere, with reason and end."""

from datetime import UTC, datetime

from jobs.management.administration import Block
from jobs.model import Asker
from jobs.outcomes import BLOCKED
from jobs.queue import JobQueue
from tests.kit.samples import FakeClock, submit_job, submit_refused

ADMIN = 9


async def test_block_applies_to_one_server_or_everywhere(queue: JobQueue) -> None:
    assert await queue.blocks.add(5, 1, 9)
    assert not await queue.blocks.add(5, 1, 9)
    assert (await submit_refused(queue)).limit == "blocked"
    await submit_job(queue, 1, 6)
    assert [block.user_id for block in await queue.blocks.all(5)] == [1]
    assert await queue.blocks.remove(5, 1, 9)
    assert not await queue.blocks.remove(5, 1, 9)
    await submit_job(queue)
    await queue.blocks.add(None, 1, 9)
    everywhere = await submit_refused(queue, 1, 6)
    assert everywhere.by_operator
    assert (await submit_refused(queue, 1, None)).limit == "blocked"


async def test_block_expires_and_gives_its_reason_until_then(
    queue: JobQueue, clock: FakeClock
) -> None:
    until = datetime.fromtimestamp(clock.now + 60, UTC)
    assert await queue.blocks.add(5, 1, ADMIN, reason="spam", until=until)
    assert not await queue.blocks.add(5, 1, ADMIN, reason="spam", until=until)
    assert await queue.blocks.all(5) == [Block(1, "spam", until)]
    refusal = await queue.submissions.refusal_to_post(Asker(1, guild_id=5))
    assert refusal is not None
    assert (refusal.limit, refusal.reason, refusal.available_at) == (BLOCKED, "spam", until)
    clock.now += 61
    assert await queue.submissions.refusal_to_post(Asker(1, guild_id=5)) is None
    assert await queue.blocks.all(5) == []
    assert not await queue.blocks.remove(5, 1, ADMIN)
    assert await queue.blocks.add(5, 1, ADMIN)
    assert await queue.blocks.all(5) == [Block(1)]
