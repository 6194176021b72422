"""The queue against a model of it: whatever is done in whatever order, the promises hold."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bench import postgres
from common.options import PaintOptions
from jobs.db import schema
from jobs.db.rows import job_from_row
from jobs.execution.ending import DEATHS_ALLOWED
from jobs.model import Claim, Job, JobState
from jobs.outcomes import (
    Accepted,
    AlreadySubmitted,
    Cleared,
    ClearUndone,
    LeaseLost,
    Refused,
    TooLateToUndo,
)
from jobs.queue import JobQueue
from tests.kit.samples import (
    PICTURE,
    RESULT,
    FakeClock,
    Storage,
    advance_with_reaper,
    failure,
    paint_report,
    submission,
)

T = TypeVar("T")
ENDED = {"done", "failed", "cancelled"}
WAITING_ALLOWED = 4


class QueueMachine(RuleBasedStateMachine):
    """Submits, claims, dies, cancels; and keeps a model of what should have come of it."""

    storage: Storage
    clean: Any

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.state: dict[int, JobState] = {}
        self.owner: dict[int, int] = {}
        self.guild: dict[int, int | None] = {}
        self.clearings: list[tuple[Cleared, int]] = []
        self.cleared_by: dict[int, int] = {}
        self.deaths: dict[int, int] = {}
        self.retried: dict[int, int] = {}
        self.claims: dict[int, Claim] = {}
        self.stale: list[Claim] = []
        self.delivered: set[int] = set()
        self.ends: list[Job] = []
        self.paused: set[int] = set()
        self.interactions: list[Any] = []
        type(self).clean()
        self.queue = self.do(
            JobQueue.open(
                self.storage.settings(atelier_max_waiting_per_user=WAITING_ALLOWED),
                clock=self.clock,
            )
        )

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.do(self.queue.close())
        self.runner.close()

    @rule(
        user=st.integers(1, 3),
        guild=st.sampled_from([5, 6, None]),
        size=st.sampled_from([64, 256, 1024]),
    )
    def submit(self, user: int, guild: int | None, size: int) -> None:
        asked = submission(user, guild, options=PaintOptions(size_px=size))
        waiting = [n for n, s in self.state.items() if not s.ended and self.owner[n] == user]
        match self.do(self.queue.submissions.submit(asked)):
            case Accepted(job):
                assert len(waiting) < WAITING_ALLOWED
                position = self.do(self.queue.positions.get(job.id))
                assert position is not None
                assert position.place >= 1
                self.state[job.id] = JobState.QUEUED
                self.owner[job.id] = user
                self.guild[job.id] = guild
                self.deaths[job.id] = self.retried[job.id] = 0
                self.interactions.append(asked)
            case Refused(refusal):
                assert len(waiting) >= WAITING_ALLOWED, refusal
            case AlreadySubmitted():
                raise AssertionError("a new interaction is a new job")

    @precondition(lambda self: self.interactions)
    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.interactions))
        assert isinstance(self.do(self.queue.submissions.submit(asked)), AlreadySubmitted)

    @rule()
    def claim(self) -> None:
        waiting = {n for n in self.going() if self.state[n] is JobState.QUEUED}
        order = [n for n in self.order() if n in waiting]
        claim = self.do(self.queue.claims.claim("engine"))
        if claim is None:
            assert not waiting
            return
        assert claim.job.id == order[0]
        assert claim.job.id in waiting
        self.state[claim.job.id] = JobState.RUNNING
        self.claims[claim.job.id] = claim

    def order(self) -> list[int]:
        return [job.id for job in self.do(self.queue.positions.waiting(None, limit=100))]

    def going(self) -> set[int]:
        """Jobs of no paused server."""
        return {n for n in self.state if self.guild[n] not in self.paused}

    @rule(guild=st.sampled_from([5, 6]))
    def pause(self, guild: int) -> None:
        assert self.do(self.queue.pauses.pause(guild, 9)) == (guild not in self.paused)
        self.paused.add(guild)

    @rule(guild=st.sampled_from([5, 6]))
    def resume(self, guild: int) -> None:
        theirs = [n for n in self.order() if self.guild[n] == guild]
        told = self.do(self.queue.positions.get_many(theirs))
        assert self.do(self.queue.pauses.resume(guild, 9)) == (guild in self.paused)
        self.paused.discard(guild)
        assert [n for n in self.order() if self.guild[n] == guild] == theirs
        now = self.do(self.queue.positions.get_many(theirs))
        assert [now[n].place for n in theirs] == [told[n].place for n in theirs]

    def some(self, data: st.DataObject) -> Claim:
        claim = data.draw(st.sampled_from(sorted(self.claims)))
        return self.claims[claim]

    def end(self, claim: Claim, state: JobState) -> None:
        job_id = claim.job.id
        cancelled = self.do(self.queue.jobs.get(job_id))
        assert cancelled is not None
        self.state[job_id] = state
        self.stale.append(self.claims.pop(job_id))

    def wanted(self, claim: Claim) -> bool:
        job = self.do(self.queue.jobs.get(claim.job.id))
        assert job is not None
        return not job.cancel_requested

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        claim = self.some(data)
        state = JobState.DONE if self.wanted(claim) else JobState.CANCELLED
        self.do(self.queue.claims.finish(claim, RESULT, paint_report()))
        self.end(claim, state)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), retry=st.booleans())
    def fail(self, data: st.DataObject, retry: bool) -> None:
        claim = self.some(data)
        wanted = self.wanted(claim)
        self.do(self.queue.claims.fail(claim, failure(), retry=retry))
        if not wanted:
            self.end(claim, JobState.CANCELLED)
        elif retry and self.deaths[claim.job.id] + 1 < DEATHS_ALLOWED:
            self.deaths[claim.job.id] += 1
            self.end(claim, JobState.QUEUED)
        else:
            self.end(claim, JobState.FAILED)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        claim = self.some(data)
        wanted = self.wanted(claim)
        self.do(self.queue.claims.release(claim))
        self.end(claim, JobState.QUEUED if wanted else JobState.CANCELLED)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        claim = self.some(data)
        assert not isinstance(self.do(self.queue.claims.renew(claim, 30)), LeaseLost)

    @rule()
    def all_engines_die(self) -> None:
        wanted = {n: self.wanted(claim) for n, claim in self.claims.items()}
        assert sorted(self.do(advance_with_reaper(self.queue, self.clock, 31))) == sorted(
            self.claims
        )
        for job_id, claim in list(self.claims.items()):
            if not wanted[job_id]:
                self.end(claim, JobState.CANCELLED)
                continue
            self.deaths[job_id] += 1
            lost = self.deaths[job_id] >= DEATHS_ALLOWED
            self.end(claim, JobState.FAILED if lost else JobState.QUEUED)

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def the_dead_write(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.stale))
        before = self.do(self.queue.jobs.get(claim.job.id))
        assert isinstance(self.do(self.queue.claims.renew(claim)), LeaseLost)
        assert isinstance(self.do(self.queue.claims.save_checkpoint(claim, PICTURE)), LeaseLost)
        assert isinstance(
            self.do(self.queue.claims.finish(claim, RESULT, paint_report())), LeaseLost
        )
        assert self.do(self.queue.jobs.get(claim.job.id)) == before

    @precondition(lambda self: self.state)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.state)))
        self.do(self.queue.jobs.cancel(job_id, self.owner[job_id]))
        if self.state[job_id] is JobState.QUEUED:
            self.state[job_id] = JobState.CANCELLED

    @precondition(lambda self: self.state)
    @rule(data=st.data())
    def move_to_front(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.state)))
        moved = self.do(self.queue.jobs.move_to_front(job_id, 9))
        assert moved == (self.state[job_id] is JobState.QUEUED)
        if moved:
            job = self.do(self.queue.jobs.get(job_id))
            assert job is not None
            if job.guild_id is not None:
                assert self.do(self.queue.positions.waiting(job.guild_id))[0].id == job_id

    @precondition(lambda self: self.state)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.state)))
        again = self.do(self.queue.jobs.retry(job_id))
        if self.state[job_id] in {JobState.FAILED, JobState.CANCELLED}:
            assert again is not None
            self.state[job_id] = JobState.QUEUED
            self.deaths[job_id] = 0
            self.retried[job_id] += 1
            self.cleared_by.pop(job_id, None)
            self.delivered.discard(job_id)
        else:
            assert again is None

    @rule(guild=st.sampled_from([5, 6]))
    def clear(self, guild: int) -> None:
        cleared = self.do(self.queue.clearings.clear(guild, 9))
        waiting = {n for n, s in self.state.items() if s is JobState.QUEUED}
        assert set(cleared.job_ids) == {n for n in waiting if self.guild[n] == guild}
        for job_id in cleared.job_ids:
            self.state[job_id] = JobState.CANCELLED
            self.cleared_by[job_id] = cleared.id
        self.clearings.append((cleared, guild))

    @precondition(lambda self: self.clearings)
    @rule(data=st.data())
    def undo_a_clearing(self, data: st.DataObject) -> None:
        cleared, guild = data.draw(st.sampled_from(self.clearings))
        outcome = self.do(self.queue.clearings.undo(cleared.id, guild, 9))
        if self.clock.now > cleared.undo_until.timestamp():
            assert outcome == TooLateToUndo()
            return
        expected = {n for n, clear_id in self.cleared_by.items() if clear_id == cleared.id}
        assert isinstance(outcome, ClearUndone)
        assert set(outcome.job_ids) == expected
        for job_id in expected:
            del self.cleared_by[job_id]
            self.state[job_id] = JobState.QUEUED
            self.retried[job_id] += 1
            self.delivered.discard(job_id)

    @rule()
    def deliver(self) -> None:
        for job in self.do(self.queue.deliveries.due()):
            if job.state.ended:
                assert job.id not in self.delivered
                assert self.do(self.queue.deliveries.mark_delivered(job.id, how="edit"))
                self.delivered.add(job.id)
            else:
                self.do(self.queue.deliveries.mark_shown(job.id, job.revision))

    @rule()
    def begin_to_show(self) -> None:
        self.ends += [job for job in self.do(self.queue.deliveries.due()) if job.state.ended]

    @precondition(lambda self: self.ends)
    @rule(data=st.data())
    def it_is_shown(self, data: st.DataObject) -> None:
        """What was begun to be shown may have another end by now, which is not shown yet."""
        shown = data.draw(st.sampled_from(self.ends))
        now = self.do(self.queue.jobs.get(shown.id))
        assert now is not None
        is_it = now.revision == shown.revision and shown.id not in self.delivered
        marked = self.queue.deliveries.mark_delivered(shown.id, how="edit", revision=shown.revision)
        assert (self.do(marked) is not None) == is_it
        if is_it:
            self.delivered.add(shown.id)

    @invariant()
    def the_database_agrees(self) -> None:
        rows = self.do(self.queue.database.all(sa.select(schema.jobs)))
        jobs = [job_from_row(row) for row in rows]
        assert {job.id: job.state for job in jobs} == self.state
        assert {job.id for job in jobs if job.delivered_at is not None} == self.delivered
        undelivered = {n for n, s in self.state.items() if s.ended} - self.delivered
        assert undelivered <= {job.id for job in self.do(self.queue.deliveries.due())}

    @invariant()
    def places_are_the_order_of_the_queue(self) -> None:
        order = self.order()
        assert sorted(order) == sorted(n for n, s in self.state.items() if s is JobState.QUEUED)
        positions = self.do(self.queue.positions.get_many(self.state))
        going = [n for n in order if n in self.going()]
        assert [positions[n].place for n in going] == list(range(1, len(going) + 1))

    @invariant()
    def every_job_ends_once(self) -> None:
        of_an_end = schema.events.c.kind.in_(ENDED)
        ends = sa.select(schema.events.c.job_id).where(of_an_end)
        endings = Counter(self.do(self.queue.database.scalars(ends)))
        for job_id, state in self.state.items():
            assert endings[job_id] == self.retried[job_id] + (1 if state.ended else 0)


def run_machine(examples: int) -> None:
    case = QueueMachine.TestCase
    case.settings = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    case("runTest").runTest()


def test_queue_matches_its_model_on_sqlite(sqlite_template: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        QueueMachine.storage = Storage(Path(name), None)

        def clean() -> None:
            for file in Path(name).glob("atelier.sqlite3*"):
                file.unlink()
            shutil.copy(sqlite_template, Path(name) / "atelier.sqlite3")

        QueueMachine.clean = staticmethod(clean)
        run_machine(12)


def test_queue_matches_its_model_on_postgresql(
    postgres_server: postgres.Server, tmp_path: Path
) -> None:
    QueueMachine.storage = Storage(tmp_path, postgres_server.url("machine"))

    def clean() -> None:
        for statement in (
            "DROP DATABASE IF EXISTS machine WITH (FORCE)",
            "CREATE DATABASE machine TEMPLATE atelier_template",
        ):
            asyncio.run(postgres_server.execute(statement))

    QueueMachine.clean = staticmethod(clean)
    run_machine(4)
