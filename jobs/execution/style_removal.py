"""Removing unavailable styles from a job with one version per style."""

from collections.abc import Collection
from dataclasses import replace

from common.variants import left_out, without_styles
from jobs.core import change_job, record_event
from jobs.db.database import CHANGED_TOPIC, Row, Transaction
from jobs.db.rows import J, job_from_row, to_json
from jobs.scans import note_unreachable_scan


async def leave_out(transaction: Transaction, row: Row, presets: Collection[str]) -> None:
    """Remove these paintings from a job that the transaction has locked.

    From then on everybody reads it as a job with the other styles only, its buttons included.
    """
    job = job_from_row(row)
    inputs, options = without_styles(job.inputs, job.options, presets)
    if inputs == job.inputs or not inputs.styles:
        return
    said = left_out(presets)
    notes = tuple(note for note in job.reply.notes if note.template != said.template)
    reply = replace(job.reply, notes=(*notes, said))
    share = options.variants / job.options.variants  # of the work that is left
    await change_job(
        transaction,
        row.id,
        inputs=to_json(inputs),
        options=to_json(options),
        target=to_json(reply),
        pictures=options.variants,
        revision=J.revision + 1,
        work=row.work * share,
        predicted_seconds=row.predicted_seconds * share,
    )
    details = {"presets": list(presets)}
    await record_event(transaction, row.id, "left_out", f"engine:{row.engine_id}", details)
    await note_unreachable_scan(transaction)
    await transaction.notify(CHANGED_TOPIC)
