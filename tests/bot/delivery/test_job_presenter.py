"""Delivering the state of a job when one route fails."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

from bot.delivery.job_presenter import JobPresenter, Undeliverable
from bot.delivery.presentations import FailureCounts, Layout, PictureSize, presentations_for
from bot.delivery.routes import Route, SentMessage
from jobs.model import JobState, Reply
from tests.bot.wire.test_faults import http_error
from tests.kit.samples import failure, make_job

MESSAGE_DELETED = http_error(404, 10008)
TOKEN_ENDED = http_error(401, 50027)
DMS_CLOSED = http_error(403, 50007)
DM = SentMessage("dm", 1, 2)


class FakeRoutes:
    """Routes with given outcomes: a sent message, or an error to raise."""

    def __init__(self, **outcomes: Any) -> None:
        self.outcomes = outcomes
        self.tried: list[str] = []
        self.ended: list[int] = []

    def of(self, _job: Any, *, search: bool) -> list[Route]:
        assert not search
        return [
            Route(self._sender(name), 10**6, is_dm=name == "dm", is_new=name in {"dm", "post"})
            for name in self.outcomes
        ]

    def _sender(self, name: str) -> Any:
        async def send(*_: Any) -> SentMessage:
            self.tried.append(name)
            if isinstance(self.outcomes[name], Exception):
                raise self.outcomes[name]
            show_failed_job: SentMessage = self.outcomes[name]
            return show_failed_job

        return send

    def token_ended(self, job: Any) -> None:
        self.ended.append(job.id)


async def show_failed_job(fake_routes: FakeRoutes, **reply: Any) -> tuple[Any, AsyncMock]:
    removed = AsyncMock()
    deliveries = SimpleNamespace(mark_removed=removed)
    reply_fields: dict[str, Any] = {"channel_id": 6, "message_id": 11} | reply
    now = make_job(JobState.FAILED).created_at
    job = make_job(JobState.FAILED, failure=failure(), reply=Reply(1, 1, "t", now, **reply_fields))
    jobs = SimpleNamespace(get=AsyncMock(return_value=job))
    queue = SimpleNamespace(deliveries=deliveries, jobs=jobs)
    client: Any = SimpleNamespace(queue=queue, get_guild=lambda _id: None)
    routes: Any = fake_routes
    return await JobPresenter(client, routes).show(job, None, FailureCounts()), removed


async def test_deleted_message_is_marked_removed_and_replaced_only_by_dm() -> None:
    """As after a deletion while the bot was offline; then only the owner gets the picture."""
    fake_routes = FakeRoutes(token=MESSAGE_DELETED, bot=MESSAGE_DELETED, dm=DM, post=DM)
    outcome, removed = await show_failed_job(fake_routes)
    assert (outcome, fake_routes.tried) == (DM, ["token", "dm"])
    removed.assert_awaited_once_with({11})
    closed = FakeRoutes(token=MESSAGE_DELETED, dm=DMS_CLOSED, post=DM)
    assert (await show_failed_job(closed))[0] == Undeliverable("the message was deleted")
    assert closed.tried == ["token", "dm"]
    for only_visible_to_owner in (
        {"ephemeral": True},
        {"bot_in_channel": False},
        {"message_id": None},
    ):
        assert not (
            await show_failed_job(FakeRoutes(token=MESSAGE_DELETED, dm=DM), **only_visible_to_owner)
        )[1].await_count


async def test_ended_token_is_remembered_and_the_next_route_tried() -> None:
    fake_routes = FakeRoutes(token=TOKEN_ENDED, bot=SentMessage("bot", 1, 2), dm=DM)
    outcome, _ = await show_failed_job(fake_routes)
    assert outcome == SentMessage("bot", 1, 2)
    assert fake_routes.ended == [4]
    no_route = (await show_failed_job(FakeRoutes(bot=DMS_CLOSED, dm=DMS_CLOSED)))[0]
    assert no_route == Undeliverable("the bot may write neither there nor to the user")


def test_offered_layouts_fit_the_job_state_and_the_message() -> None:
    def offered(state: JobState, revision: int, *, is_new: bool) -> list[Layout]:
        job = make_job(state, shown_revision=revision)
        found = presentations_for(job, is_new=is_new)
        assert len(set(found)) == len(found)
        assert not state.ended or found[-1].picture is PictureSize.NONE
        return list(dict.fromkeys(one.layout for one in found))

    card, for_words, plain, words = Layout
    running, done = JobState.RUNNING, JobState.DONE
    assert offered(running, 0, is_new=False) == [for_words, card]
    assert offered(running, 1, is_new=False) == [card, for_words]
    assert offered(done, 0, is_new=False) == [for_words, card, plain, words]
    assert offered(done, 1, is_new=False) == [card, for_words, plain]
    assert offered(done, 1, is_new=True) == [card, plain, words]
