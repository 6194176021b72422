"""Answers that servers between the bot and Discord give: no reason to give a picture up."""

from typing import Any

import pytest
import sqlalchemy as sa

from bot.delivery.courier import UNCLEAR_TRIES
from jobs.db import schema
from sandbox.faults import Fault
from tests.bot.studio import Studio

UNCLEAR: dict[str, dict[str, Any]] = {
    "a page of HTML": {"status": 200, "page": True},
    "a 404 without a code": {"status": 404},
    "a 403 without a code": {"status": 403, "page": True},
    "a 401 without a code": {"status": 401},
}


def answer_all(studio: Studio, times: int, **answer: Any) -> list[Fault]:
    """Let a server in between answer on every way to the user."""
    ways = {
        "PATCH": ("/webhooks/*", "/channels/*"),
        "POST": ("/channels/*", "/users/@me/channels"),
    }
    return [
        studio.discord.faults.add(method, path, times=times, **answer)
        for method, paths in ways.items()
        for path in paths
    ]


@pytest.mark.parametrize("answer", UNCLEAR.values(), ids=UNCLEAR)
async def test_an_answer_that_is_not_discords_own_only_delays(
    studio: Studio, answer: dict[str, Any]
) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    interaction = await studio.paint()
    await studio.says(interaction, "Painting")
    by_token, *others = answer_all(studio, 2, **answer)
    painter.hold.set()
    await studio.finished(interaction)
    assert len(by_token.hits) == 2
    assert not any(fault.hits for fault in others)


async def test_an_unclear_answer_is_believed_where_it_stays_the_same(studio: Studio) -> None:
    painter = await studio.start_painter()
    painter.hold.clear()
    await studio.says(await studio.paint(), "Painting")
    (job,) = await studio.jobs()
    async with studio.bot.queue.database.write() as transaction:
        tried = sa.update(schema.jobs).values(delivery_attempts=UNCLEAR_TRIES)
        await transaction.connection.execute(tried)
    answer_all(studio, 1000, status=404)
    painter.hold.set()

    async def is_given_up() -> bool:
        return (await studio.jobs())[0].delivered_at is not None

    await studio.eventually(is_given_up)
    assert await studio.bot.queue.deliveries.undelivered(job.user_id) == [job.id]
