"""Answers that servers between the bot and Discord give: no reason to give a picture up."""

from typing import Any

import pytest
import sqlalchemy as sa

from bot.delivery import job_presenter, tracked_message
from common.backoff import Backoff
from jobs.db import schema
from sandbox.faults import Fault
from tests.kit.world import World

UNCLEAR: dict[str, dict[str, Any]] = {
    "a page of HTML": {"status": 200, "page": True},
    "a 404 without a code": {"status": 404},
    "a 403 without a code": {"status": 403, "page": True},
    "a 401 without a code": {"status": 401},
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracked_message, "BACKOFF", Backoff(0.1, 0.3))


def answer_all(world: World, times: int, **answer: Any) -> list[Fault]:
    """Let a server in between answer on every way to the user."""
    ways = {
        "PATCH": ("/webhooks/*", "/channels/*"),
        "POST": ("/channels/*", "/users/@me/channels"),
    }
    return [
        world.discord.faults.add(method, path, times=times, **answer)
        for method, paths in ways.items()
        for path in paths
    ]


async def tried(world: World, times: int) -> None:
    """Let so many tries to show the end have failed otherwise."""
    async with world.bot.queue.database.write() as transaction:
        noted = sa.update(schema.jobs).values(delivery_attempts=times)
        await transaction.connection.execute(noted)


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
async def test_answer_of_a_proxy_only_delays_the_picture(
    world: World, answer: dict[str, Any]
) -> None:
    painter = await world.start_engine()
    painter.may_finish.clear()
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Painting")
    await tried(world, 50)  # as in an outage
    by_token, *others = answer_all(world, 2, **answer)
    painter.may_finish.set()
    await world.wait_finished(interaction)
    assert len(by_token.hits) == 2
    assert not any(fault.hits for fault in others)


async def test_persistent_unclear_answer_is_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = await world.start_engine()
    painter.may_finish.clear()
    await world.wait_for_text(await world.paint(), "Painting")
    (job,) = await world.jobs()
    monkeypatch.setattr(job_presenter, "UNCLEAR_TRIES", 2)
    answer_all(world, 1000, status=404)
    painter.may_finish.set()
    await world.wait_delivered()
    assert await world.bot.queue.deliveries.undelivered(job.user_id) == [job.id]
