"""The way into the queue: submissions that count against the limits."""

import sqlalchemy as sa

from common.options import PaintInputs, PaintOptions
from jobs.core import QueueCore, record, row_of, use_picture
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC, Transaction
from jobs.db.rows import J, job_from_row, to_json
from jobs.entering.admission import Applicant, refusal_for
from jobs.entering.availability import foreseen
from jobs.entering.intakes import close_intake_in, intake_row
from jobs.entering.limits import Rules, read_rules
from jobs.model import JobState, Submission
from jobs.order import fairness
from jobs.order.speeds import speed_class_of, work_of
from jobs.order.standings import Fleet, Standings
from jobs.outcomes import Accepted, AlreadySubmitted, Erased, Refusal, Refused, SubmitOutcome


class Submissions:
    """Takes jobs into the queue, if the limits allow it."""

    def __init__(self, core: QueueCore, standings: Standings) -> None:
        self._core = core
        self._standings = standings

    async def check_limits(
        self,
        user_id: int,
        role_ids: tuple[int, ...],
        guild_id: int | None,
        channel_id: int | None,
        options: PaintOptions,
        *,
        is_admin: bool = False,
        parent_channel_id: int | None = None,
    ) -> Refusal | None:
        """Whether `submit` would refuse now; to be asked before pictures are fetched."""
        who = Applicant(user_id, role_ids, guild_id, channel_id, is_admin, parent_channel_id)
        async with self._core.database.read() as connection:
            now = await self._core.database.now_in(connection)
            rules = await read_rules(connection, self._core.settings, guild_id, user_id)
            refusal = await refusal_for(connection, rules, who, options, now)
            if refusal is None:
                return None
            return await foreseen(self._standings, connection, refusal, who, now)

    async def submit(self, submission: Submission) -> SubmitOutcome:
        """Queue a job, if the limits allow it; all in one transaction.

        The same interaction is queued once, however often it is submitted.
        """
        who = Applicant(
            submission.user_id,
            submission.role_ids,
            submission.guild_id,
            submission.channel_id,
            submission.is_admin,
            submission.parent_channel_id,
        )
        outcome = await self._submit(submission, who)
        if not isinstance(outcome, Refused):
            return outcome
        # Only now, so that nobody else's submission waits for it.
        async with self._core.database.read() as connection:
            now = await self._core.database.now_in(connection)
            return Refused(await foreseen(self._standings, connection, outcome.refusal, who, now))

    async def _submit(self, submission: Submission, who: Applicant) -> SubmitOutcome:
        flow = fairness.flow_of(submission.guild_id, submission.user_id)
        async with self._core.database.write() as transaction:
            await transaction.lock(fairness.flow_lock(flow), f"atelier-user:{submission.user_id}")
            connection = transaction.connection
            intake = await intake_row(transaction, submission.interaction_id)
            if intake is not None and intake.erased_at is not None:
                return Erased()
            await close_intake_in(transaction, submission.interaction_id)
            earlier = (
                await connection.execute(
                    sa.select(schema.jobs).where(J.interaction_id == submission.interaction_id)
                )
            ).one_or_none()
            if earlier is not None:
                return AlreadySubmitted(job_from_row(earlier))
            rules = await read_rules(
                connection, self._core.settings, submission.guild_id, submission.user_id
            )
            refusal = await refusal_for(connection, rules, who, submission.options, transaction.now)
            if refusal is not None:
                return Refused(refusal)
            fleet = await self._standings.fleet(connection, transaction.now)
            job_id = await _insert(transaction, submission, rules, fleet)
            standings = await self._standings.get_many_in(connection, [job_id], transaction.now)
            row = await row_of(transaction, job_id)
            assert row is not None
            await transaction.notify(QUEUED_TOPIC, CHANGED_TOPIC)
        return Accepted(job_from_row(row), standings[job_id])


async def _insert(
    transaction: Transaction, submission: Submission, rules: Rules, fleet: Fleet
) -> int:
    options = submission.options
    work, speed_class = work_of(options), speed_class_of(options)
    seconds = fleet.seconds(speed_class, work)
    priority = set(submission.role_ids) & set(rules.server.priority_role_ids)
    tags = await fairness.take_place(
        transaction,
        flow=fairness.flow_of(submission.guild_id, submission.user_id),
        user_id=submission.user_id,
        band=fairness.PRIORITY if priority else fairness.NORMAL,
        cost=seconds,
    )
    inserted = await transaction.connection.execute(
        sa.insert(schema.jobs)
        .values(
            interaction_id=submission.interaction_id,
            state=JobState.QUEUED.value,
            user_id=submission.user_id,
            user_name=submission.user_name[:200],
            guild_id=submission.guild_id,
            channel_id=submission.channel_id,
            parent_job_id=submission.parent_job_id,
            inputs=to_json(submission.inputs),
            options=to_json(options),
            target=to_json(submission.target),
            message_channel_id=submission.target.channel_id,
            message_id=submission.target.message_id,
            speed_class=speed_class,
            work=work,
            predicted_seconds=seconds,
            flow=tags.flow,
            band=tags.band,
            user_start=tags.user_start,
            user_finish=tags.user_finish,
            start=tags.start,
            finish=tags.finish,
            cancel_requested=False,
            attempts=0,
            deaths=0,
            fence=0,
            created_at=transaction.now,
            counted=True,
            revision=1,
            shown_revision=0,
            delivery_attempts=0,
        )
        .returning(J.id)
    )
    job_id = int(inserted.scalar_one())
    for role, key in input_roles(submission.inputs).items():
        await use_picture(transaction, job_id, role, key)
    await record(transaction, job_id, "queued", f"user:{submission.user_id}")
    return job_id


def input_roles(inputs: PaintInputs) -> dict[str, str]:
    """The pictures that a job needs from its start, by the role they have in it."""
    return {f"input:{number}": key for number, key in enumerate(inputs.picture_keys())}
