"""`/queue-admin clear` and its undo."""

import sqlalchemy as sa

from jobs.db import schema
from jobs.model import JobState
from sandbox.model import Interaction, Message
from tests.kit.samples import delete_for_good
from tests.kit.world import World, has_content, wait_for_answer


async def queue_picture(world: World, name: str = "ada") -> Interaction:
    """Submit a picture and wait until its card shows its place in the queue."""
    interaction = await world.paint(user=name)
    await world.wait_for_text(interaction, "Place ")
    return interaction


async def clear_queue(world: World) -> Message:
    admin = world.user("admin")
    message = await world.slash(admin, "queue-admin clear")
    await world.press(admin, message, "Cancel them all")
    return message


async def waiting_ids(world: World) -> list[int]:
    return [job.id for job in await world.queue.positions.waiting(world.guild_id)]


async def test_undo_restores_cleared_jobs_to_their_old_places(world: World) -> None:
    admin = world.user("admin")
    first = await queue_picture(world)
    second = await queue_picture(world, "grace")
    before = await waiting_ids(world)
    message = await clear_queue(world)
    assert message.text.startswith("2 waiting pictures were cancelled.")
    assert "This can be undone until <t:" in message.text
    for shown in (first, second):
        await world.wait_for_text(shown, "Cancelled")
    assert await waiting_ids(world) == []
    await world.press(admin, message, "Undo")
    assert message.text == "2 pictures are waiting again, in their old places."
    assert not message.buttons
    assert await waiting_ids(world) == before
    await world.wait_for_text(first, "Place 1")
    await world.wait_for_text(second, "Place 2")
    entries = await world.queue.audit.read(world.guild_id)
    assert [(entry.action, entry.details) for entry in entries] == [
        ("undo_clear", {"count": 2}),
        ("clear", {"count": 2}),
    ]
    assert "undid the clearing of the queue" in (await world.slash(admin, "limits log")).text
    (job,) = await world.queue.jobs.of_user(world.user().id)
    await world.manual_engine.paint(job)
    await world.wait_for_text(first, "Painted for Ada")


async def test_restored_jobs_count_toward_limits(world: World) -> None:
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 1}, 1)
    await queue_picture(world)
    message = await clear_queue(world)
    await world.press(world.user("admin"), message, "Undo")
    refused = await wait_for_answer(await world.paint())
    assert "as are allowed (1 of 1)" in refused.text


async def test_undo_skips_jobs_deleted_by_their_owner(world: World) -> None:
    ada, admin = world.user("ada"), world.user("admin")
    deleted, kept = await world.make_job(ada), await world.make_job(ada)
    message = await clear_queue(world)
    await delete_for_good(world.queue, deleted.id, ada.id)
    await world.press(admin, message, "Undo")
    assert message.text.splitlines() == [
        "1 picture is waiting again, in its old place.",
        "1 stays cancelled, because its owner has deleted its pictures.",
    ]
    assert await waiting_ids(world) == [kept.id]


async def test_second_undo_has_nothing_to_restore(world: World) -> None:
    admin = world.user("admin")
    await world.make_job(world.user())
    message = await clear_queue(world)
    undo = next(each for each in message.buttons if each["label"] == "Undo")
    await world.queue.clearings.undo(
        int(undo["custom_id"].split(":")[-1]), world.guild_id, admin.id
    )
    await world.press(admin, message, "Undo")
    assert message.text == "There is nothing left to put back."


async def test_clearing_cannot_be_undone_after_ten_minutes(world: World) -> None:
    admin = world.user("admin")
    job = await world.make_job(world.user())
    message = await clear_queue(world)
    async with world.queue.database.write() as transaction:
        backdate = sa.update(schema.audit).values(at=schema.audit.c.at - 601)
        await transaction.connection.execute(backdate)
    interaction = await world.discord.press(admin, message, label="Undo")
    await interaction.wait(lambda i: any(map(has_content, i.followups)))
    assert "more than ten minutes ago" in interaction.followups[0].text
    assert await world.state(job) is JobState.CANCELLED


async def test_clearing_and_undo_are_posted_to_the_log_channel(world: World) -> None:
    admin = world.user("admin")
    talk = world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"log_channel_id": talk.id}, admin.id)
    await world.make_job(world.user())
    message = await clear_queue(world)
    await world.press(admin, message, "Undo")
    posted = [each.text for each in world.discord.messages("talk")]
    assert posted == [
        f"<@{admin.id}>: 1 waiting picture was cancelled.",
        f"<@{admin.id}>: 1 picture is waiting again, in its old place.",
    ]


async def test_undo_works_after_a_restart(world: World) -> None:
    job = await world.make_job(world.user())
    message = await clear_queue(world)
    await world.stop_bot()
    await world.start_bot()
    await world.press(world.user("admin"), message, "Undo")
    assert await world.state(job) is JobState.QUEUED


async def test_repeated_clear_offers_undo_of_the_previous_clearing(world: World) -> None:
    """The response to the first clearing may be lost in an outage of Discord."""
    job, admin = await world.make_job(world.user()), world.user("admin")
    await clear_queue(world)
    again = await world.slash(admin, "queue-admin clear")
    assert again.text.startswith(
        "Nothing is waiting in this server.\n1 waiting picture was cancelled."
    )
    await world.press(admin, again, "Undo")
    assert await world.state(job) is JobState.QUEUED
    assert await world.queue.clearings.last(world.guild_id, admin.id) is None


async def test_clear_offers_no_undo_if_nothing_was_cancelled(world: World) -> None:
    admin = world.user("admin")
    job = await world.make_job(world.user())
    message = await wait_for_answer(await world.discord.slash(admin, "queue-admin clear"))
    await world.queue.jobs.cancel(job.id, job.user_id)
    await world.press(admin, message, "Cancel them all")
    assert message.text == "Nothing is waiting in this server."
    assert not message.buttons


async def test_cleared_card_names_the_admin_and_the_undo_deadline(world: World) -> None:
    ada, grace = await queue_picture(world), await queue_picture(world, "grace")
    message = await clear_queue(world)
    admin = world.user("admin")
    for shown in (ada, grace):
        await world.wait_for_text(
            shown, f"<@{admin.id}> cleared the queue. This can be undone until <t:"
        )
        assert shown.message is not None
        assert shown.message.mentions == []
    await world.press(admin, message, "Undo")
    await world.wait_for_text(ada, "Place ")
    (job,) = await world.queue.jobs.of_user(world.user().id)
    assert (job.cancelled_by, job.back_until) == (None, None)
    await world.slash(admin, "queue-admin remove", {"picture": job.id})
    await world.wait_for_text(ada, f"<@{admin.id}> cancelled it.")


async def test_card_cancelled_by_its_owner_names_no_member(world: World) -> None:
    shown = await queue_picture(world)
    assert shown.message is not None
    await world.press(world.user(), shown.message, "Cancel")
    await world.wait_for_text(shown, "Cancelled")
    assert "cancelled it" not in shown.message.text
