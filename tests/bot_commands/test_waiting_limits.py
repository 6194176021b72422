"""A member who has too many pictures waiting reads when the next can start."""

import re
from datetime import datetime

import pytest

from jobs.model import Job
from sandbox.model import Message
from tests.bot_commands.house import ENGINE, House, picture

BOTH = {"content": ("photo.png", picture()), "style": ("style.png", picture(colour="navy"))}


async def paint(house: House, name: str = "ada", locale: str | None = None) -> Message:
    return await house.slash(house.user(name, locale), "paint", attachments=BOTH)


async def ready(house: House, job: Job) -> datetime:
    standing = await house.queue.standings.get(job.id)
    assert standing is not None
    assert standing.ready_at is not None
    return standing.ready_at


def moment_in(text: str) -> int:
    found = re.search(r"<t:(\d+):R>", text)
    assert found is not None, text
    return int(found[1])


async def test_the_time_at_which_ones_first_picture_is_ready(house: House) -> None:
    await house.queue.limits.set(house.guild_id, {"max_waiting_per_user": 2}, 1)
    first = await house.job(house.user())
    await house.job(house.user())
    english = await paint(house)
    assert english.text.startswith(
        "You have as many pictures waiting or being painted as are allowed (2 of 2); the next can "
        "start when one of them is ready or cancelled. I expect that <t:"
    )
    assert english.ephemeral
    german = await paint(house, locale="de")
    assert german.text.startswith("Von dir warten so viele Bilder")
    assert "Damit rechne ich <t:" in german.text
    expected = (await ready(house, first)).timestamp()
    for message in (english, german):
        assert abs(moment_in(message.text) - expected) < 10
    assert len(await house.queue.jobs.of_user(house.user().id)) == 2


async def test_the_time_at_which_the_servers_first_picture_is_ready(house: House) -> None:
    await house.queue.limits.set(house.guild_id, {"max_waiting_per_server": 1}, 1)
    job = await house.job(house.user("grace"))
    await house.start(job)
    english = await paint(house)
    assert english.text.startswith("This server has as many pictures")
    assert abs(moment_in(english.text) - (await ready(house, job)).timestamp()) < 10
    german = await paint(house, locale="de")
    assert german.text.startswith("Auf diesem Server warten so viele Bilder")
    assert "Damit rechne ich <t:" in german.text


@pytest.mark.parametrize(
    ("paused", "english", "german"),
    [
        (False, "No engine is running at the moment", "Zurzeit läuft kein Maler"),
        (True, "The queue is paused at the moment", "Die Warteschlange ist zurzeit angehalten"),
    ],
)
async def test_no_time_is_made_up(house: House, paused: bool, english: str, german: str) -> None:
    await house.queue.limits.set(house.guild_id, {"max_waiting_per_user": 1}, 1)
    await house.job(house.user())
    if paused:
        await house.queue.pauses.pause(house.guild_id, 1)
    else:
        await house.queue.engines.forget(ENGINE)
    for said, words in ((await paint(house), english), (await paint(house, locale="de"), german)):
        assert words in said.text
        assert "<t:" not in said.text
