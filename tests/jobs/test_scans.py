"""Paintings that cannot be downloaded are not offered for a while, and ever longer."""

from jobs.queue import JobQueue
from jobs.scans import FIRST_PAUSE_SECONDS, FORGOTTEN_SECONDS, note_unreachable_scan
from tests.kit.samples import FakeClock


async def pause_after_failure(queue: JobQueue, clock: FakeClock) -> int:
    """Let a download fail; how many first pauses long paintings are not offered then."""
    async with queue.database.write() as transaction:
        await note_unreachable_scan(transaction)
    pauses = 0
    while await queue.styles.scans_unreachable():
        clock.advance(FIRST_PAUSE_SECONDS)
        pauses += 1
    return pauses


async def test_pause_after_failed_downloads_doubles_up_to_an_hour(
    queue: JobQueue, clock: FakeClock
) -> None:
    assert not await queue.styles.scans_unreachable()
    pauses = [await pause_after_failure(queue, clock) for _ in range(5)]
    assert pauses == [1, 2, 4, 6, 6]
    clock.advance(FORGOTTEN_SECONDS)
    assert await pause_after_failure(queue, clock) == 1


async def test_jobs_that_were_queued_already_do_not_lengthen_the_pause(
    queue: JobQueue, clock: FakeClock
) -> None:
    async with queue.database.write() as transaction:
        await note_unreachable_scan(transaction)
    clock.advance(1)
    assert await pause_after_failure(queue, clock) == 1
    assert await pause_after_failure(queue, clock) == 2
