"""Gallery posts that were not recorded because the bot was killed right after posting."""

import pytest
import sqlalchemy as sa

from bot.commands import gallery, gallery_posts
from bot.commands.gallery_posts import GalleryKeeper
from jobs.db import schema
from jobs.management.gallery import POSTING_SECONDS, G
from jobs.model import Job
from tests.bot.commands.test_server_gallery import publish
from tests.kit.world import World


@pytest.fixture
async def world(world: World) -> World:
    """A server with a gallery, and a running engine."""
    await world.start_engine()
    await world.open_gallery()
    return world


async def unrecord_post(world: World) -> Job:
    """Remove the message from the record, as if the bot was killed before it stored it."""
    (job,) = await world.jobs()
    at = (await world.queue.now()).timestamp() - POSTING_SECONDS - 1
    update = sa.update(schema.gallery_posts).where(G.job_id == job.id)
    assert await world.queue.database.execute(update.values(message_id=None, at=at))
    return job


async def test_unrecorded_gallery_post_is_not_repeated(world: World) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    await unrecord_post(world)
    world.discord.post(world.user("grace"), "How nice!", channel="talk")
    shown = await world.wait_for_text(await publish(world, message), "It is in the gallery")
    assert sum(bool(each.attachments) for each in world.discord.messages("talk")) == 1
    await world.press(world.user(), shown, "Remove it")
    assert [each.text for each in world.discord.messages("talk")] == ["How nice!"]


async def test_unrecorded_gallery_post_is_removed_with_its_picture(world: World) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    await unrecord_post(world)
    deleted = await world.discord.press(world.user(), message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    assert world.discord.messages("talk") == []


async def test_startup_removes_the_unrecorded_post_of_a_deleted_picture(
    world: World,
) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    job = await unrecord_post(world)
    await world.queue.retention.delete_soon(job.id, job.user_id)
    assert world.discord.messages("talk")
    await world.stop_bot()
    await world.start_bot()
    await world.eventually(lambda: not world.discord.messages("talk"))


@pytest.mark.parametrize("killed", ["after posting", "before removing"])
async def test_unrecorded_gallery_post_is_found_behind_newer_messages(
    world: World, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    monkeypatch.setattr(gallery_posts, "SEARCHED", 3)
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    for number in range(5):
        world.discord.post(world.user("grace"), f"How nice {number}!", channel="talk")
    if killed == "after posting":
        await unrecord_post(world)
    else:
        (job,) = await world.jobs()
        await world.queue.gallery.begin_taking_out(job.id, world.guild_id)
        long_ago = sa.update(schema.gallery_posts).values(at=1.0)
        await world.queue.database.execute(long_ago)
    deleted = await world.discord.press(world.user(), message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    assert len(world.discord.messages("talk")) == 5, "only messages of other members"


async def test_gallery_post_that_never_arrived_can_be_repeated(world: World) -> None:
    message = await world.paint_and_wait()
    (job,) = await world.jobs()
    talk = world.discord.channel("talk")
    assert await world.queue.gallery.claim(job.id, world.guild_id, talk.id) is None
    again = await publish(world, message)
    assert "being posted right now" in await world.answer_text(again)
    await unrecord_post(world)
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    assert len(world.discord.messages("talk")) == 1


async def test_unrecorded_gallery_post_is_not_repeated_while_discord_fails(world: World) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    await unrecord_post(world)
    talk = world.discord.channel("talk")
    history = f"/channels/{talk.id}/messages"
    failing = world.discord.faults.add("GET", history, status=503, times=10)
    assert "being posted right now" in await world.answer_text(await publish(world, message))
    assert failing.hits
    assert len(world.discord.messages("talk")) == 1


async def test_gallery_post_in_progress_is_not_settled(world: World) -> None:
    message = await world.paint_and_wait()
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    job = await unrecord_post(world)
    keeper = world.bot.service(GalleryKeeper)
    with keeper.at_work(job.id, world.guild_id):
        await keeper.settle()
        post = await world.queue.gallery.of(job.id, world.guild_id)
        assert post is not None
        assert post.message_id is None
    await keeper.settle()
    post = await world.queue.gallery.of(job.id, world.guild_id)
    assert post is not None
    assert post.message_id == world.discord.messages("talk")[0].id


async def test_gallery_post_without_a_response_is_found_and_not_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "TRIES", 0)
    message = await world.paint_and_wait()
    posting = f"/channels/{world.discord.channel('talk').id}/messages"
    world.discord.faults.add("POST", posting, carried_out=True, drop=True)
    submitted = await publish(world, message)
    assert await world.answer_text(submitted)
    await unrecord_post(world)
    await world.wait_for_text(await publish(world, message), "It is in the gallery")
    assert len(world.discord.messages("talk")) == 1
