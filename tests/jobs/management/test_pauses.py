from jobs.queue import JobQueue
from tests.kit.samples import claim_job, submit_job


async def test_claims_skip_a_paused_server(queue: JobQueue) -> None:
    mine = await submit_job(queue, 1, 5)
    other = await submit_job(queue, 2, 6)
    assert await queue.pauses.pause(5, 9)
    assert not await queue.pauses.pause(5, 9)
    assert (await claim_job(queue)).job.id == other.id
    assert await queue.claims.claim("engine") is None
    position = await queue.positions.get(mine.id)
    assert position is not None
    assert position.paused
    await queue.pauses.resume(5, 9)
    assert (await claim_job(queue)).job.id == mine.id


async def test_pause_of_all_servers_stops_all_claims(queue: JobQueue) -> None:
    await submit_job(queue, 1, None)
    await queue.pauses.pause(None, 9)
    assert await queue.claims.claim("engine") is None
    assert (await queue.positions.overview(None)).paused
    await queue.pauses.resume(None, 9)
    await claim_job(queue)
