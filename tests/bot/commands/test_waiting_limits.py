"""The refusal of too many waiting pictures states when the next can start."""

import re
from datetime import datetime
from typing import Any

import pytest

from jobs.model import Job
from sandbox.model import Message
from tests.kit.fake_engine import ENGINE_INFO
from tests.kit.pictures import plain_picture
from tests.kit.world import World

ATTACHMENTS = {
    "content": ("photo.png", plain_picture()),
    "style": ("style.png", plain_picture(color="navy")),
}
SLOW_OPTIONS: dict[str, Any] = {"size_px": 2048, "quality": "fine"}
"""Options of a picture that takes long."""


async def paint(world: World, name: str = "ada", locale: str | None = None) -> Message:
    return await world.slash(world.user(name, locale), "paint", attachments=ATTACHMENTS)


async def expected_at(world: World, job: Job) -> datetime:
    position = await world.queue.positions.get(job.id)
    assert position is not None
    assert position.ready_at is not None
    return position.ready_at


def timestamp_in(text: str) -> int:
    found = re.search(r"<t:(\d+):R>", text)
    assert found is not None, text
    return int(found[1])


async def test_refusal_states_when_the_first_own_picture_is_ready(world: World) -> None:
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 2}, 1)
    first = await world.make_job(world.user(), **SLOW_OPTIONS)
    await world.make_job(world.user(), **SLOW_OPTIONS)
    english = await paint(world)
    assert english.text.startswith(
        "You have as many pictures waiting or being painted as are allowed (2 of 2); the next can "
        "start when one of them is ready or cancelled. Expected: <t:"
    )
    assert english.ephemeral
    german = await paint(world, locale="de")
    assert german.text.startswith("Du hast so viele Bilder in der Warteschlange")
    assert "Voraussichtlicher Zeitpunkt: <t:" in german.text
    expected = (await expected_at(world, first)).timestamp()
    for message in (english, german):
        assert abs(timestamp_in(message.text) - expected) < 10
    assert len(await world.queue.jobs.of_user(world.user().id)) == 2


async def test_refusal_states_when_the_first_server_picture_is_ready(world: World) -> None:
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_server": 1}, 1)
    job = await world.make_job(world.user("grace"), **SLOW_OPTIONS)
    await world.manual_engine.start(job)
    english = await paint(world)
    assert english.text.startswith("This server has as many pictures")
    assert abs(timestamp_in(english.text) - (await expected_at(world, job)).timestamp()) < 10
    german = await paint(world, locale="de")
    assert german.text.startswith("Dieser Server hat so viele Bilder in der Warteschlange")
    assert "Voraussichtlicher Zeitpunkt: <t:" in german.text


@pytest.mark.parametrize(
    ("paused", "english", "german"),
    [
        (False, "The painter is not running at the moment", "Der Maler läuft zurzeit nicht"),
        (True, "The queue is paused at the moment", "Die Warteschlange ist zurzeit angehalten"),
    ],
)
async def test_refusal_states_no_time_while_paused_or_without_an_engine(
    world: World, paused: bool, english: str, german: str
) -> None:
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 1}, 1)
    await world.make_job(world.user())
    if paused:
        await world.queue.pauses.pause(world.guild_id, 1)
    else:
        await world.queue.engines.forget(ENGINE_INFO.id)
    for message, words in (
        (await paint(world), english),
        (await paint(world, locale="de"), german),
    ):
        assert words in message.text
        assert "<t:" not in message.text
