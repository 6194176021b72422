"""Answers of proxies between the bot and Discord only delay a picture."""

from typing import Any

import pytest
import sqlalchemy as sa

from bot.delivery import job_presenter, tracked_message
from common.backoff import Backoff
from jobs.db import schema
from sandbox.faults import Fault
from tests.kit.world import World

PROXY_ANSWERS: dict[str, dict[str, Any]] = {
    "HTML page": {"status": 200, "page": True},
    "404 without code": {"status": 404},
    "403 without code": {"status": 403, "page": True},
    "401 without code": {"status": 401},
}


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracked_message, "BACKOFF", Backoff(0.1, 0.3))


def answer_all(world: World, times: int, **answer: Any) -> list[Fault]:
    """Give this answer on every route to the user, as a proxy would."""
    requests = {
        "PATCH": ("/webhooks/*", "/channels/*"),
        "POST": ("/channels/*", "/users/@me/channels"),
    }
    return [
        world.discord.faults.add(method, path, times=times, **answer)
        for method, paths in requests.items()
        for path in paths
    ]


async def set_attempts(world: World, times: int) -> None:
    """Record a number of failed delivery attempts."""
    async with world.bot.queue.database.write() as transaction:
        update = sa.update(schema.jobs).values(delivery_attempts=times)
        await transaction.connection.execute(update)


@pytest.mark.parametrize("answer", PROXY_ANSWERS.values(), ids=PROXY_ANSWERS)
async def test_answer_of_a_proxy_only_delays_the_picture(
    world: World, answer: dict[str, Any]
) -> None:
    painter, interaction = await world.paint_halfway()
    await set_attempts(world, 50)  # as after an outage
    by_token, *others = answer_all(world, 2, **answer)
    painter.may_finish.set()
    await world.wait_finished(interaction)
    assert len(by_token.hits) == 2
    assert not any(fault.hits for fault in others)


async def test_persistent_unclear_answer_is_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter, _ = await world.paint_halfway()
    (job,) = await world.jobs()
    monkeypatch.setattr(job_presenter, "UNCLEAR_TRIES", 2)
    answer_all(world, 1000, status=404)
    painter.may_finish.set()
    await world.wait_delivered()
    assert await world.bot.queue.deliveries.undelivered(job.user_id) == [job.id]
