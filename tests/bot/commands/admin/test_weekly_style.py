"""`/style-of-the-week`: announcing, painting in and ending a style of the week."""

import io
from typing import Any
from unittest.mock import AsyncMock

import pytest
import sqlalchemy as sa
from PIL import Image

from bot.commands.admin.weekly_style import WeeklyStyleKeeper
from jobs.db import schema
from jobs.outcomes import QueueUnavailableError
from sandbox.model import Message
from tests.kit.pictures import plain_picture
from tests.kit.world import World, button_labels, wait_for_answer

PHOTO = {"content": [("photo.png", plain_picture(color="teal"))]}


async def announce(world: World, **options: object) -> Message:
    """Start a style of the week; return its announcement."""
    chosen = {"style": "great-wave", **options}
    answer = await world.slash(world.user("admin"), "style-of-the-week", chosen)
    assert "Here is the announcement: http" in answer.text
    return world.discord.messages("paintings")[-1]


def with_button(world: World) -> list[Message]:
    messages = world.discord.messages("paintings")
    return [each for each in messages if "Paint with this" in button_labels(each)]


async def test_weekly_style_is_announced_used_counted_and_ended(world: World) -> None:
    posted = await announce(world)
    assert "Style of the week: " in posted.text
    assert "Until <t:" in posted.text
    opened = await world.discord.press(world.user("grace"), posted, label="Paint with this")
    await world.wait_for_text(await world.discord.submit_modal(opened, {}, PHOTO), "Place 1")
    (job,) = await world.jobs("grace")
    assert job.inputs.styles[0].preset == "great-wave"
    await world.manual_engine.paint(job)
    shown = await world.slash(world.user("admin"), "style-of-the-week")
    assert "1 picture" in shown.text
    await world.press(world.user("admin"), shown, "End it now")
    assert "It is over: 1 picture was painted in this style." in posted.text
    assert not posted.buttons


@pytest.mark.parametrize("answer", [{"delay": 1.0}, {"drop": True}], ids=["late", "lost"])
async def test_button_is_pressed_before_discord_confirms_the_announcement(
    world: World, answer: dict[str, Any]
) -> None:
    await announce(world, style="starry-night")
    world.discord.faults.add("POST", "/channels/*/messages", carried_out=True, **answer)
    chosen = {"style": "great-wave"}
    told = await world.discord.slash(world.user("admin"), "style-of-the-week", chosen)
    await world.eventually(lambda: len(with_button(world)) == 2)
    grace, label = world.user("grace"), "Paint with this"
    opened = [await world.discord.press(grace, each, label=label) for each in with_button(world)]
    for each, style in zip(opened, ("starry-night", "great-wave"), strict=True):
        await world.wait_for_text(await world.discord.submit_modal(each, {}, PHOTO), "Place")
        job, *_earlier = await world.jobs("grace")
        assert job.inputs.styles[0].preset == style
    await wait_for_answer(told)


async def test_weekly_style_is_named_in_the_language_of_each_reader(world: World) -> None:
    admin = world.user("admin")
    admin.locale = "es-ES"
    await world.slash(admin, "style-of-the-week", {"style": "great-wave"})
    posted = world.discord.messages("paintings")[-1]
    assert "Style of the week: The Great Wave off Kanagawa" in posted.text  # the server's language
    shown = await world.slash(admin, "style-of-the-week")
    assert shown.text.startswith("La gran ola de Kanagawa, hasta el <t:")
    log = await world.slash(admin, "limits log")
    assert "eligió un estilo de la semana («La gran ola de Kanagawa», hasta" in log.text


async def test_weekly_style_ends_when_its_days_are_over(world: World) -> None:
    posted = await announce(world, days=1)
    async with world.queue.database.write() as transaction:
        expire = sa.update(schema.weekly_styles).values(ends_at=transaction.now - 1)
        await transaction.connection.execute(expire)
    refused = await world.discord.press(world.user(), posted, label="Paint with this")
    assert "This style of the week is over" in await world.answer_text(refused)
    keeper = world.bot.service(WeeklyStyleKeeper)
    (due,) = await world.queue.weekly_styles.due()
    await keeper.mark_over(due)
    assert "It is over: 0 pictures were painted in this style." in posted.text
    assert await world.queue.weekly_styles.due() == []


async def test_weekly_style_due_at_startup_ends_in_the_server_language(world: World) -> None:
    world.discord.world.guild.locale = "de"
    posted = await announce(world, days=1)
    async with world.queue.database.write() as transaction:
        expire = sa.update(schema.weekly_styles).values(ends_at=transaction.now - 1)
        await transaction.connection.execute(expire)
    await world.stop_bot()
    await world.start_bot()
    await world.eventually(lambda: not posted.buttons)
    assert "Er ist vorbei" in posted.text


async def test_new_weekly_style_ends_the_previous_one(world: World) -> None:
    first = await announce(world)
    second = await announce(world, style="starry-night")
    assert "It is over" in first.text
    assert second.buttons
    log = await world.slash(world.user("admin"), "limits log")
    assert "announced a style of the week (“" in log.text


async def test_replaced_weekly_style_ends_once_discord_takes_the_edit(world: World) -> None:
    first = await announce(world)
    path = f"/channels/*/messages/{first.id}"
    lost = world.discord.faults.add("PATCH", path, status=400, times=1)
    second = await announce(world, style="starry-night")
    await world.eventually(lambda: lost.hits)
    assert "It is over" not in first.text
    (due,) = await world.queue.weekly_styles.due()
    await world.bot.service(WeeklyStyleKeeper).end(due)
    assert "It is over: 0 pictures were painted in this style." in first.text
    assert await world.queue.weekly_styles.due() == []
    assert second.buttons, "the one after it goes on"


async def test_weekly_style_is_announced_in_the_gallery_channel(world: World) -> None:
    talk = world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"gallery_channel_id": talk.id}, 1)
    await world.slash(world.user("admin"), "style-of-the-week", {"style": "great-wave"})
    (posted,) = world.discord.messages("talk")
    assert "Style of the week" in posted.text


async def test_weekly_style_does_not_start_in_an_unwritable_channel(world: World) -> None:
    await world.queue.limits.set(world.guild_id, {"gallery_channel_id": 12345}, 1)
    admin = world.user("admin")
    refused = await world.slash(admin, "style-of-the-week", {"style": "great-wave"})
    assert "I am not allowed to post in <#12345>" in refused.text
    shown = await world.slash(admin, "style-of-the-week")
    assert "There is no style of the week" in shown.text


async def test_current_weekly_style_stays_if_the_next_cannot_be_announced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted, admin = await announce(world), world.user("admin")
    another = {"style": "starry-night"}
    with monkeypatch.context() as patched:
        unreachable = AsyncMock(side_effect=QueueUnavailableError("The database is away."))
        patched.setattr(world.queue.weekly_styles, "begin", unreachable)
        await world.slash(admin, "style-of-the-week", another)
    assert with_button(world) == [posted], "the button of the failed one would do nothing"
    await world.queue.limits.set(world.guild_id, {"gallery_channel_id": 12345}, admin.id)
    refused = await world.slash(admin, "style-of-the-week", another)
    assert "I am not allowed to post in <#12345>" in refused.text
    shown = await world.slash(admin, "style-of-the-week")
    assert shown.text.startswith("The Great Wave off Kanagawa, until")
    opened = await world.discord.press(world.user("grace"), posted, label="Paint with this")
    assert opened.modal is not None
    log = await world.slash(admin, "limits log")
    assert "ended the style of the week" not in log.text


async def test_personal_style_of_the_admin_is_refused(world: World) -> None:
    admin = world.user("admin")
    await world.queue.styles.save("user", admin.id, "Mine", "0" * 64 + ".png", admin.id)
    refused = await world.slash(admin, "style-of-the-week", {"style": "Mine"})
    assert "That style is yours alone" in refused.text


async def save_server_style(world: World, name: str, color: str) -> None:
    details = {"name": name, "for_server": True}
    picture = {"picture": ("a.png", plain_picture(color=color))}
    await world.slash(world.user("admin"), "style save", details, attachments=picture)


@pytest.mark.parametrize("name", ["Moss “green”", "ירוק"])
async def test_pictures_in_a_resaved_server_style_are_counted(world: World, name: str) -> None:
    await save_server_style(world, name, "green")
    posted = await announce(world, style=name)
    for color in ("teal", "red"):
        photo = {"content": [("photo.png", plain_picture(color=color))]}
        opened = await world.discord.press(world.user("grace"), posted, label="Paint with this")
        await world.wait_for_text(await world.discord.submit_modal(opened, {}, photo), "Place 1")
        await world.manual_engine.paint((await world.jobs("grace"))[0])
        await save_server_style(world, name, "olive")  # replaces the first
    shown = await world.slash(world.user("admin"), "style-of-the-week")
    assert "2 pictures" in shown.text
    await world.slash(world.user("admin"), "style remove", {"name": name})
    await world.press(world.user("admin"), shown, "End it now")
    assert "It is over: 2 pictures were painted in this style." in posted.text


async def test_announcement_uses_the_server_style_over_an_own_style(world: World) -> None:
    admin = world.user("admin")
    await save_server_style(world, "Moss", "green")
    own = {"picture": ("a.png", plain_picture(color="red"))}
    await world.slash(admin, "style save", {"name": "Moss"}, attachments=own)
    posted = await announce(world, style="Moss")
    with Image.open(io.BytesIO(posted.attachments[0].data)) as shown:
        red, green, _blue = shown.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert green > red
