"""An admin clears the queue, and takes it back."""

import sqlalchemy as sa

from jobs.db import schema
from jobs.model import JobState
from sandbox.model import Interaction, Message
from tests.bot_commands.house import House, answer, filled, picture

BOTH = {"content": ("photo.png", picture()), "style": ("style.png", picture(colour="navy"))}


async def paint(house: House, name: str = "ada") -> Interaction:
    """A picture that waits, and its message shows its place."""
    interaction = await house.discord.slash(house.user(name), "paint", attachments=BOTH)
    return await shows(interaction, "Place ")


async def shows(interaction: Interaction, words: str) -> Interaction:
    return await interaction.wait(lambda i: i.message is not None and words in i.message.text)


async def clear(house: House, locale: str = "en-US", yes: str = "Cancel them all") -> Message:
    admin = house.user("admin", locale)
    message = await house.slash(admin, "queue-admin clear")
    await house.press(admin, message, yes)
    return message


async def order(house: House) -> list[int]:
    return [job.id for job in await house.queue.standings.waiting(house.guild_id)]


async def test_a_clearing_is_undone(house: House) -> None:
    admin = house.user("admin")
    first = await paint(house)
    second = await paint(house, "grace")
    before = await order(house)
    message = await clear(house)
    assert message.text.startswith("2 waiting pictures are cancelled.")
    assert "This can be undone until <t:" in message.text
    for shown in (first, second):
        await shows(shown, "Cancelled")
    assert await order(house) == []
    await house.press(admin, message, "Undo")
    assert message.text == "2 pictures wait again, at their old places."
    assert not message.buttons
    assert await order(house) == before
    await shows(first, "Place 1")
    await shows(second, "Place 2")
    entries = await house.queue.audit.read(house.guild_id)
    assert [(entry.action, entry.details) for entry in entries] == [
        ("undo_clear", {"count": 2}),
        ("clear", {"count": 2}),
    ]
    assert "put back what was cleared" in (await house.slash(admin, "limits log")).text
    (job,) = await house.queue.jobs.of_user(house.user().id)
    await house.paint(job)
    await shows(first, "Painted for Ada")


async def test_the_limits_count_what_was_put_back(house: House) -> None:
    await house.queue.limits.set(house.guild_id, {"max_waiting_per_user": 1}, 1)
    await paint(house)
    message = await clear(house)
    await house.press(house.user("admin"), message, "Undo")
    refused = await house.slash(house.user(), "paint", attachments=BOTH)
    assert "as are allowed (1 of 1)" in refused.text


async def test_what_a_member_deleted_stays_cancelled(house: House) -> None:
    ada, admin = house.user("ada"), house.user("admin")
    deleted, kept = await house.job(ada), await house.job(ada)
    message = await clear(house)
    await house.queue.retention.delete_result(deleted.id, ada.id)
    await house.press(admin, message, "Undo")
    assert message.text.splitlines() == [
        "1 picture waits again, at its old place.",
        "1 stays cancelled, because its owner has deleted its pictures.",
    ]
    assert await order(house) == [kept.id]


async def test_a_second_press_finds_nothing(house: House) -> None:
    admin = house.user("admin")
    await house.job(house.user())
    message = await clear(house)
    undo = next(each for each in message.buttons if each["label"] == "Undo")
    await house.queue.clearings.undo(
        int(undo["custom_id"].split(":")[-1]), house.guild_id, admin.id
    )
    await house.press(admin, message, "Undo")
    assert message.text == "There is nothing left to be put back."


async def test_after_ten_minutes_it_is_too_late(house: House) -> None:
    admin = house.user("admin")
    job = await house.job(house.user())
    message = await clear(house)
    async with house.queue.database.write() as transaction:
        earlier = sa.update(schema.audit).values(at=schema.audit.c.at - 601)
        await transaction.connection.execute(earlier)
    interaction = await house.discord.press(admin, message, label="Undo")
    await interaction.wait(lambda i: any(map(filled, i.followups)))
    assert "more than ten minutes ago" in interaction.followups[0].text
    assert await house.state(job) is JobState.CANCELLED


async def test_a_permission_that_is_gone_is_noticed(house: House) -> None:
    admin = house.user("admin")
    job = await house.job(house.user())
    message = await clear(house)
    house.discord.world.guild.owner_id = house.user("grace").id
    admin.role_ids.clear()
    interaction = await house.discord.press(admin, message, label="Undo")
    await interaction.wait(
        lambda i: any(map(filled, i.followups)) or (i.message is not message and filled(i.message))
    )
    assert await house.state(job) is JobState.CANCELLED


async def test_it_is_posted_to_the_log_channel(house: House) -> None:
    admin = house.user("admin")
    talk = house.discord.channel("talk")
    await house.queue.limits.set(house.guild_id, {"log_channel_id": talk.id}, admin.id)
    await house.job(house.user())
    message = await clear(house)
    await house.press(admin, message, "Undo")
    posted = [each.text for each in house.discord.messages("talk")]
    assert posted == [
        f"<@{admin.id}>: 1 waiting picture is cancelled.",
        f"<@{admin.id}>: 1 picture waits again, at its old place.",
    ]


async def test_in_german(house: House) -> None:
    await house.job(house.user())
    message = await clear(house, "de", "Alle abbrechen")
    assert "kann das rückgängig gemacht werden" in message.text
    await house.press(house.user("admin"), message, "Rückgängig")
    assert message.text == "1 Bild wartet wieder, an seinem alten Platz."


async def test_undo_works_after_a_restart(house: House) -> None:
    job = await house.job(house.user())
    message = await clear(house)
    await house.close()
    await house.open()
    await house.press(house.user("admin"), message, "Undo")
    assert await house.state(job) is JobState.QUEUED


async def test_nothing_is_offered_where_nothing_was_left_to_cancel(house: House) -> None:
    admin = house.user("admin")
    job = await house.job(house.user())
    message = await answer(await house.discord.slash(admin, "queue-admin clear"))
    await house.queue.jobs.cancel(job.id, job.user_id)
    await house.press(admin, message, "Cancel them all")
    assert message.text == "0 waiting pictures are cancelled."
    assert not message.buttons
