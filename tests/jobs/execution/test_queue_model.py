"""Model-based test of the queue: random operations in random order keep its invariants."""

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
from jobs.model import ENDED, Claim, Job, JobState
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
WAITING_ALLOWED = 4


class QueueMachine(RuleBasedStateMachine):
    """Runs operations on the queue, and compares its state with a model."""

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
        self.queue = self.run_async(
            JobQueue.open(
                self.storage.settings(atelier_max_waiting_per_user=WAITING_ALLOWED),
                clock=self.clock,
            )
        )

    def run_async(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.run_async(self.queue.close())
        self.runner.close()

    @rule(
        user=st.integers(1, 3),
        guild=st.sampled_from([5, 6, None]),
        size=st.sampled_from([64, 256, 1024]),
    )
    def submit(self, user: int, guild: int | None, size: int) -> None:
        submitted = submission(user, guild, options=PaintOptions(size_px=size))
        waiting = [n for n, s in self.state.items() if not s.ended and self.owner[n] == user]
        match self.run_async(self.queue.submissions.submit(submitted)):
            case Accepted(job):
                assert len(waiting) < WAITING_ALLOWED
                position = self.run_async(self.queue.positions.get(job.id))
                assert position is not None
                assert position.place >= 1
                self.state[job.id] = JobState.QUEUED
                self.owner[job.id] = user
                self.guild[job.id] = guild
                self.deaths[job.id] = self.retried[job.id] = 0
                self.interactions.append(submitted)
            case Refused(refusal):
                assert len(waiting) >= WAITING_ALLOWED, refusal
            case AlreadySubmitted():
                raise AssertionError("a new interaction is a new job")

    @precondition(lambda self: self.interactions)
    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        submitted = data.draw(st.sampled_from(self.interactions))
        assert isinstance(
            self.run_async(self.queue.submissions.submit(submitted)), AlreadySubmitted
        )

    @rule()
    def claim(self) -> None:
        waiting = {n for n in self.unpaused() if self.state[n] is JobState.QUEUED}
        order = [n for n in self.order() if n in waiting]
        claim = self.run_async(self.queue.claims.claim("engine"))
        if claim is None:
            assert not waiting
            return
        assert claim.job.id == order[0]
        assert claim.job.id in waiting
        self.state[claim.job.id] = JobState.RUNNING
        self.claims[claim.job.id] = claim

    def order(self) -> list[int]:
        return [job.id for job in self.run_async(self.queue.positions.waiting(None, limit=100))]

    def unpaused(self) -> set[int]:
        """The ids of jobs whose server is not paused."""
        return {n for n in self.state if self.guild[n] not in self.paused}

    @rule(guild=st.sampled_from([5, 6]))
    def pause(self, guild: int) -> None:
        assert self.run_async(self.queue.pauses.pause(guild, 9)) == (guild not in self.paused)
        self.paused.add(guild)

    @rule(guild=st.sampled_from([5, 6]))
    def resume(self, guild: int) -> None:
        jobs_of_guild = [n for n in self.order() if self.guild[n] == guild]
        before = self.run_async(self.queue.positions.get_many(jobs_of_guild))
        assert self.run_async(self.queue.pauses.resume(guild, 9)) == (guild in self.paused)
        self.paused.discard(guild)
        assert [n for n in self.order() if self.guild[n] == guild] == jobs_of_guild
        now = self.run_async(self.queue.positions.get_many(jobs_of_guild))
        assert [now[n].place for n in jobs_of_guild] == [before[n].place for n in jobs_of_guild]

    def draw_claim(self, data: st.DataObject) -> Claim:
        claim = data.draw(st.sampled_from(sorted(self.claims)))
        return self.claims[claim]

    def record_end(self, claim: Claim, state: JobState) -> None:
        job_id = claim.job.id
        cancelled = self.run_async(self.queue.jobs.get(job_id))
        assert cancelled is not None
        self.state[job_id] = state
        self.stale.append(self.claims.pop(job_id))

    def is_wanted(self, claim: Claim) -> bool:
        job = self.run_async(self.queue.jobs.get(claim.job.id))
        assert job is not None
        return not job.cancel_requested

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        claim = self.draw_claim(data)
        state = JobState.DONE if self.is_wanted(claim) else JobState.CANCELLED
        self.run_async(self.queue.claims.finish(claim, RESULT, paint_report()))
        self.record_end(claim, state)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), retry=st.booleans())
    def fail(self, data: st.DataObject, retry: bool) -> None:
        claim = self.draw_claim(data)
        is_wanted = self.is_wanted(claim)
        self.run_async(self.queue.claims.fail(claim, failure(), retry=retry))
        if not is_wanted:
            self.record_end(claim, JobState.CANCELLED)
        elif retry and self.deaths[claim.job.id] + 1 < DEATHS_ALLOWED:
            self.deaths[claim.job.id] += 1
            self.record_end(claim, JobState.QUEUED)
        else:
            self.record_end(claim, JobState.FAILED)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        claim = self.draw_claim(data)
        is_wanted = self.is_wanted(claim)
        self.run_async(self.queue.claims.release(claim))
        self.record_end(claim, JobState.QUEUED if is_wanted else JobState.CANCELLED)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        claim = self.draw_claim(data)
        assert not isinstance(self.run_async(self.queue.claims.renew(claim)), LeaseLost)

    @rule()
    def kill_all_engines(self) -> None:
        is_wanted = {n: self.is_wanted(claim) for n, claim in self.claims.items()}
        assert sorted(self.run_async(advance_with_reaper(self.queue, self.clock, 31))) == sorted(
            self.claims
        )
        for job_id, claim in list(self.claims.items()):
            if not is_wanted[job_id]:
                self.record_end(claim, JobState.CANCELLED)
                continue
            self.deaths[job_id] += 1
            lost = self.deaths[job_id] >= DEATHS_ALLOWED
            self.record_end(claim, JobState.FAILED if lost else JobState.QUEUED)

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def write_with_a_stale_claim(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.stale))
        before = self.run_async(self.queue.jobs.get(claim.job.id))
        assert isinstance(self.run_async(self.queue.claims.renew(claim)), LeaseLost)
        assert isinstance(
            self.run_async(self.queue.claims.save_checkpoint(claim, PICTURE)), LeaseLost
        )
        assert isinstance(
            self.run_async(self.queue.claims.finish(claim, RESULT, paint_report())), LeaseLost
        )
        assert self.run_async(self.queue.jobs.get(claim.job.id)) == before

    @precondition(lambda self: self.state)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.state)))
        self.run_async(self.queue.jobs.cancel(job_id, self.owner[job_id]))
        if self.state[job_id] is JobState.QUEUED:
            self.state[job_id] = JobState.CANCELLED

    @precondition(lambda self: self.state)
    @rule(data=st.data())
    def move_to_front(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.state)))
        moved = self.run_async(self.queue.jobs.move_to_front(job_id, 9))
        assert moved == (self.state[job_id] is JobState.QUEUED)
        if moved:
            job = self.run_async(self.queue.jobs.get(job_id))
            assert job is not None
            if job.guild_id is not None:
                assert self.run_async(self.queue.positions.waiting(job.guild_id))[0].id == job_id

    @precondition(lambda self: self.state)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.state)))
        again = self.run_async(self.queue.jobs.retry(job_id))
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
        cleared = self.run_async(self.queue.clearings.clear(guild, 9))
        waiting = {n for n, s in self.state.items() if s is JobState.QUEUED}
        assert set(cleared.job_ids) == {n for n in waiting if self.guild[n] == guild}
        for job_id in cleared.job_ids:
            self.state[job_id] = JobState.CANCELLED
            self.cleared_by[job_id] = cleared.id
        self.clearings.append((cleared, guild))

    @precondition(lambda self: self.clearings)
    @rule(data=st.data())
    def undo_clear(self, data: st.DataObject) -> None:
        cleared, guild = data.draw(st.sampled_from(self.clearings))
        outcome = self.run_async(self.queue.clearings.undo(cleared.id, guild, 9))
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
        for job in self.run_async(self.queue.deliveries.due()):
            if job.state.ended:
                assert job.id not in self.delivered
                assert self.run_async(self.queue.deliveries.mark_delivered(job.id, how="edit"))
                self.delivered.add(job.id)
            else:
                self.run_async(self.queue.deliveries.mark_shown(job.id, job.revision))

    @rule()
    def start_delivery(self) -> None:
        self.ends += [job for job in self.run_async(self.queue.deliveries.due()) if job.state.ended]

    @precondition(lambda self: self.ends)
    @rule(data=st.data())
    def finish_delivery(self, data: st.DataObject) -> None:
        """A delivery is recorded only if the job still has the state that was shown."""
        shown = data.draw(st.sampled_from(self.ends))
        now = self.run_async(self.queue.jobs.get(shown.id))
        assert now is not None
        is_current = now.revision == shown.revision and shown.id not in self.delivered
        marked = self.queue.deliveries.mark_delivered(shown.id, how="edit", revision=shown.revision)
        assert (self.run_async(marked) is not None) == is_current
        if is_current:
            self.delivered.add(shown.id)

    @invariant()
    def database_matches_the_model(self) -> None:
        rows = self.run_async(self.queue.database.all(sa.select(schema.jobs)))
        jobs = [job_from_row(row) for row in rows]
        assert {job.id: job.state for job in jobs} == self.state
        assert {job.id for job in jobs if job.delivered_at is not None} == self.delivered
        undelivered = {n for n, s in self.state.items() if s.ended} - self.delivered
        assert undelivered <= {job.id for job in self.run_async(self.queue.deliveries.due())}

    @invariant()
    def places_follow_the_order(self) -> None:
        order = self.order()
        assert sorted(order) == sorted(n for n, s in self.state.items() if s is JobState.QUEUED)
        positions = self.run_async(self.queue.positions.get_many(self.state))
        unpaused = [n for n in order if n in self.unpaused()]
        assert [positions[n].place for n in unpaused] == list(range(1, len(unpaused) + 1))

    @invariant()
    def every_job_ends_once(self) -> None:
        is_end = schema.events.c.kind.in_(ENDED)
        ends = sa.select(schema.events.c.job_id).where(is_end)
        endings = Counter(self.run_async(self.queue.database.scalars(ends)))
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
