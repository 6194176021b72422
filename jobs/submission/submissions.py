"""Submitting jobs, subject to the limits."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from common.options import PaintOptions
from common.variants import variants_of
from jobs.core import QueueCore, QueuePart, picture_lock, record_event, row_of, use_pictures
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC, Transaction
from jobs.db.rows import J, job_from_row, to_json
from jobs.model import Asker, Job, JobState, Reply, Submission
from jobs.outcomes import (
    Accepted,
    AlreadySubmitted,
    Erased,
    Refusal,
    Refused,
    SubmitOutcome,
    Usage,
)
from jobs.picture_roles import RESULT, input_roles
from jobs.picture_sizes import note_sizes
from jobs.scheduling import fairness
from jobs.scheduling.fleet import Fleet, read_engines
from jobs.scheduling.network_choice import NetworkChoice, choose_network
from jobs.scheduling.positions import QueuePositions
from jobs.scheduling.speeds import speed_class_of, work_of
from jobs.submission.admission import clamped, refusal_for, refusal_to_post, usage_of
from jobs.submission.availability import with_forecast
from jobs.submission.intakes import COLUMNS, close_intakes, intake_row
from jobs.submission.limits import Rules, read_rules

_COUNTED_FROM_0 = ("attempts", "deaths", "fence", "shown_revision", "delivery_attempts")


class Submissions(QueuePart):
    """Takes jobs into the queue, if the limits allow it."""

    def __init__(self, core: QueueCore, positions: QueuePositions) -> None:
        super().__init__(core)
        self._positions = positions

    async def check_limits(
        self, asker: Asker, options: PaintOptions, left_open: Collection[str] = ()
    ) -> Refusal | None:
        """What `submit` would refuse with now, or None. Call it before downloading pictures."""
        async with self._database.read_now() as (connection, now):
            rules = await self._rules(connection, asker, now)
            options = clamped(rules, asker, options, left_open)
            refusal = await refusal_for(connection, rules, asker, options, now)
            if refusal is None:
                return None
            return await with_forecast(self._positions, connection, refusal, asker, now)

    async def usage(self, asker: Asker) -> tuple[Usage, Usage]:
        """How many pictures a user has waiting and painted in 24 hours, with the limits on both."""
        async with self._database.read_now() as (connection, now):
            rules = await self._rules(connection, asker, now)
            return await usage_of(connection, rules, asker, now)

    async def refusal_to_post(self, asker: Asker) -> Refusal | None:
        """What forbids a user to post an existing picture here: a block, roles or channels.

        Blocked users may not save anything either, such as a style.
        """
        async with self._database.read_now() as (connection, now):
            rules = await self._rules(connection, asker, now)
        return refusal_to_post(rules, asker)

    async def _rules(self, connection: AsyncConnection, asker: Asker, now: float) -> Rules:
        return await read_rules(connection, self._core.settings.limits, asker, now)

    async def submit(self, submission: Submission) -> SubmitOutcome:
        """Queue a job if the limits allow it, in one transaction.

        An interaction is queued once, however often it is submitted. Its intake is closed when it
        becomes a job. After a refusal the intake stays open until the member was told, and the
        caller closes it.
        """
        outcome = await self._submit(submission)
        if not isinstance(outcome, Refused):
            return outcome
        # After the transaction, so that no other submission waits for the forecast.
        refusal, asker = outcome.refusal, submission.asker
        async with self._database.read_now() as (connection, now):
            return Refused(await with_forecast(self._positions, connection, refusal, asker, now))

    async def _submit(self, submission: Submission) -> SubmitOutcome:
        asker, interaction_id = submission.asker, submission.reply.interaction_id
        flow = fairness.flow_of(asker.guild_id, asker.user_id)
        async with self._database.write() as transaction:
            await transaction.lock(fairness.flow_lock(flow), f"atelier-user:{asker.user_id}")
            connection = transaction.connection
            intake = await intake_row(transaction, interaction_id)
            if intake is not None and intake.erased_at is not None:
                return Erased()
            if (earlier := await _earlier(transaction, interaction_id)) is not None:
                return AlreadySubmitted(earlier)
            if await _is_taken_back(transaction, submission.parent_job_id):
                return Erased()
            rules = await self._rules(connection, asker, transaction.now)
            options = clamped(rules, asker, submission.options, submission.left_open)
            submission = replace(submission, options=options)
            refusal = await refusal_for(connection, rules, asker, options, transaction.now)
            if refusal is not None:
                return Refused(refusal)
            await _close_intake(transaction, interaction_id)
            fleet = await read_engines(connection, transaction.now, self._positions.speeds)
            chosen = choose_network(
                options,
                self._core.settings,
                fleet,
                _speed_class(submission),
                _work(submission),
            )
            job = await _insert(transaction, submission, rules, fleet, chosen)
            await note_sizes(transaction, self._core.store, submission.inputs.picture_keys())
        return Accepted(job)

    async def take_version(self, job: Job, number: int, asker: Asker, reply: Reply) -> Job | None:
        """Make one version of an ended job a job of its own, at no cost.

        Idempotent: an interaction does so once, however often it is called.

        Args:
            job: The job with the versions that are finished (`Job.versions`).
            number: Which of them, counted from 0.
            asker: Who takes it.
            reply: Where it is shown.

        Returns:
            The new job; None if the pictures have been deleted meanwhile.
        """
        key, report = job.versions[number], job.report
        one = variants_of(job.inputs, job.options)[number]
        if report is not None:  # present if the job was painted to its end
            report = replace(report, seed=one.options.seed, variants=())
        inputs = {} if one.inputs.erased else input_roles(one.inputs)
        roles = {**inputs, RESULT: key}
        async with self._database.write() as transaction:
            await transaction.lock(*(picture_lock(each) for each in sorted(set(roles.values()))))
            if (earlier := await _earlier(transaction, reply.interaction_id)) is not None:
                return earlier
            now = await row_of(transaction, job.id)
            if now is None or key not in job_from_row(now).versions:
                return None
            if job_from_row(now).inputs.erased and not job.inputs.erased:
                return None  # its pictures were erased since the user saw it
            await _close_intake(transaction, reply.interaction_id)
            submission = Submission(asker, reply, one.inputs, one.options, job.id)
            flow = fairness.flow_of(asker.guild_id, asker.user_id)
            nowhere = fairness.Tags(flow, fairness.NORMAL, 0.0, 0.0, 0.0, 0.0)
            taken = await _insert_row(
                transaction,
                submission,
                nowhere,
                topics=(CHANGED_TOPIC,),
                seconds=0.0,
                network=job.network if report is None else report.network,
                instead_of_seconds=job.instead_of_seconds,
                state=JobState.DONE.value,
                counted=False,
                pictures=0,
                result_key=key,
                report=None if report is None else to_json(report),
                ended_at=transaction.now,
                message_removed_at=now.message_removed_at,  # keep the deletion mark
            )
            await use_pictures(transaction, taken.id, roles)
            actor, details = f"user:{asker.user_id}", {"from": str(job.id)}
            await record_event(transaction, taken.id, "taken", actor, details)
            return taken


async def _earlier(transaction: Transaction, interaction_id: int) -> Job | None:
    """The job that this interaction was submitted as before, if it was; closes its intake."""
    known = sa.select(schema.jobs).where(J.interaction_id == interaction_id)
    if (row := await transaction.one_or_none(known)) is None:
        return None
    await _close_intake(transaction, interaction_id)
    return job_from_row(row)


async def _close_intake(transaction: Transaction, interaction_id: int) -> None:
    await close_intakes(transaction, COLUMNS.interaction_id == interaction_id)


async def _is_taken_back(transaction: Transaction, parent_job_id: int | None) -> bool:
    """Whether the member who contributed the pictures has had their data erased since.

    Locks the parent job, so that an erasure finds either the parent or the new job.
    """
    parent = None if parent_job_id is None else await row_of(transaction, parent_job_id)
    if parent is None:
        return False
    return parent.erased_at is not None or job_from_row(parent).inputs.erased


async def _insert(
    transaction: Transaction,
    submission: Submission,
    rules: Rules,
    fleet: Fleet,
    chosen: NetworkChoice,
) -> Job:
    asker, options = submission.asker, submission.options
    work, speed_class = _work(submission), _speed_class(submission)
    seconds = fleet.seconds(speed_class, work, chosen.network)
    priority = set(asker.role_ids) & set(rules.server.priority_role_ids)
    tags = await fairness.assign_tags(
        transaction,
        flow=fairness.flow_of(asker.guild_id, asker.user_id),
        user_id=asker.user_id,
        band=fairness.PRIORITY if priority else fairness.NORMAL,
        cost=seconds,
    )
    job = await _insert_row(
        transaction,
        submission,
        tags,
        topics=(QUEUED_TOPIC, CHANGED_TOPIC),
        seconds=seconds,
        network=chosen.network,
        instead_of_seconds=chosen.instead_of_seconds,
        state=JobState.QUEUED.value,
        counted=True,
        pictures=options.variants,
    )
    await use_pictures(transaction, job.id, input_roles(submission.inputs))
    await record_event(transaction, job.id, "queued", f"user:{asker.user_id}")
    return job


def _work(submission: Submission) -> float:
    clip = submission.inputs.clip
    frames = 1 if clip is None else clip.frames
    return work_of(submission.options, submission.inputs.content_aspect, frames)


def _speed_class(submission: Submission) -> str:
    return speed_class_of(submission.options, moves=submission.inputs.clip is not None)


async def _insert_row(
    transaction: Transaction,
    submission: Submission,
    tags: fairness.Tags,
    *,
    topics: tuple[str, ...],
    seconds: float,
    network: str | None,
    instead_of_seconds: float | None,
    **values: Any,
) -> Job:
    asker, reply, options = submission.asker, submission.reply, submission.options
    inserted = await transaction.execute(
        sa.insert(schema.jobs)
        .values(
            interaction_id=reply.interaction_id,
            user_id=asker.user_id,
            user_name=asker.user_name[:200],
            guild_id=asker.guild_id,
            channel_id=asker.channel_id,
            parent_job_id=submission.parent_job_id,
            inputs=to_json(submission.inputs),
            options=to_json(options),
            target=to_json(reply),
            message_channel_id=reply.channel_id,
            message_id=reply.message_id,
            application_id=reply.application_id or None,
            speed_class=_speed_class(submission),
            work=_work(submission),
            network=network,
            instead_of_seconds=instead_of_seconds,
            predicted_seconds=seconds,
            cancel_requested=False,
            created_at=transaction.now,
            revision=1,
            **dict.fromkeys(_COUNTED_FROM_0, 0),
            **tags.columns,
            **values,
        )
        .returning(schema.jobs, *transaction.notifications(*topics))
    )
    return job_from_row(inserted.one())
