from common.options import PaintInputs, StyleInput
from jobs.queue import JobQueue
from tests.kit.samples import claim_job, paint_report, reload, submit_job


async def make_delivered_job(
    queue: JobQueue, name: str, user_id: int = 1, guild_id: int | None = 5
) -> int:
    job_id = await make_finished_job(queue, name, user_id, guild_id)
    await queue.deliveries.mark_delivered(job_id, how="edit")
    return job_id


async def make_finished_job(
    queue: JobQueue, name: str, user_id: int = 1, guild_id: int | None = 5
) -> int:
    content = await queue.store.put(f"photograph {name}".encode(), "png")
    inputs = PaintInputs(content=content, styles=(StyleInput(preset="x"),))
    job = await submit_job(queue, user_id, guild_id, inputs=inputs)
    claim = await claim_job(queue)
    result = await queue.store.put(f"painting {name}".encode(), "png")
    await queue.claims.finish(claim, result, paint_report())
    return job.id


async def picture_keys(queue: JobQueue, job_id: int) -> tuple[str, str]:
    job = await reload(queue, job_id)
    assert job.result_key is not None
    return job.inputs.content, job.result_key
