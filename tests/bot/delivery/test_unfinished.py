"""Unfinished jobs with several versions: the finished pictures are shown."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.cards import fit_upload
from jobs.model import Failure, FailureKind, Job
from sandbox.compose import delete_message
from tests.bot.delivery.unfinished import (
    ADMIN,
    assert_shows_finished,
    cancel_after,
    submit_versions,
)
from tests.kit.world import World, button_labels, has_result

FIFTEEN_MINUTES = 15 * 60 + 5
CHOOSE_BUTTONS = ["Choose 1", "Choose 2"]
OTHER_BUTTONS = ["Paint the rest", "Again", "Change…", "Other style", "Details", "Delete"]


# Endings of the job


async def cancelled_by_owner(world: World, job: Job) -> None:
    await cancel_after(world, job)


async def cancelled_by_moderator(world: World, job: Job) -> None:
    await cancel_after(world, job, by_admin=ADMIN)


async def cancelled_while_requeued(world: World, job: Job) -> None:
    await world.queue.claims.release(await world.manual_engine.finish_some(job, 2))
    await world.queue.jobs.cancel(job.id, job.user_id)


async def cleared_while_requeued(world: World, job: Job) -> None:
    await world.queue.claims.release(await world.manual_engine.finish_some(job, 2))
    await world.queue.clearings.clear(world.guild_id, ADMIN)


def failed(kind: FailureKind) -> Callable[[World, Job], Awaitable[None]]:
    async def ending(world: World, job: Job) -> None:
        claim = await world.manual_engine.finish_some(job, 2)
        await world.queue.claims.fail(claim, Failure(kind, "The third is no picture.", "e1d2"))

    ending.__name__ = f"failed_{kind}"
    return ending


@pytest.mark.parametrize(
    ("ending", "headline"),
    [
        (cancelled_by_owner, "### ✖️ Cancelled"),
        (cancelled_by_moderator, "### ✖️ Cancelled"),
        (cancelled_while_requeued, "### ✖️ Cancelled"),
        (cleared_while_requeued, "### ✖️ Cancelled"),
        (failed(FailureKind.INPUT), "### ⚠️ This did not work"),
        (failed(FailureKind.LOST), "### ⚠️ This did not work"),
        (failed(FailureKind.ENGINE), "### ⚠️ This did not work"),
    ],
)
async def test_finished_pictures_are_shown_however_the_job_ended(
    world: World, ending: Callable[[World, Job], Awaitable[None]], headline: str
) -> None:
    interaction, job = await submit_versions(world)
    await ending(world, job)
    message = await world.wait_for_text(interaction, f"{headline} · 2 of 4 pictures were finished")
    await world.wait_delivered(job)
    await assert_shows_finished(world, message, job)
    assert len(message.attachments) == 2
    assert button_labels(message) == [*CHOOSE_BUTTONS, *OTHER_BUTTONS]
    assert "4 versions" in message.text
    if "work" in headline:
        assert "The third is no picture. (error e1d2)" in message.text
    assert len(world.discord.messages()) == 1


async def test_one_finished_picture_is_announced_in_the_singular(world: World) -> None:
    interaction, job = await submit_versions(world)
    await cancel_after(world, job, 1)
    message = await world.wait_for_text(interaction, "Cancelled · 1 of 4 pictures was finished")
    await assert_shows_finished(world, message, job)
    assert button_labels(message) == ["Choose 1", *OTHER_BUTTONS]


@pytest.mark.parametrize("options", [{"variants": 4}, {"variants": 1}])
async def test_cancelled_job_without_finished_pictures_shows_none(
    world: World, options: dict[str, Any]
) -> None:
    interaction, job = await submit_versions(world, options)
    await cancel_after(world, job, 0)
    message = await world.wait_for_text(interaction, "Cancelled")
    job = await world.wait_delivered(job)
    assert job.result_key is None
    assert "finished" not in message.text
    assert not message.attachments
    assert button_labels(message) == ["Again", "Change…", "Other style", "Delete"]


async def test_failed_single_picture_job_mentions_no_finished_pictures(world: World) -> None:
    interaction, job = await submit_versions(world, {"variants": 1})
    await failed(FailureKind.INPUT)(world, job)
    message = await world.wait_for_text(interaction, "This did not work")
    assert "finished" not in message.text
    assert button_labels(message) == ["Again", "Change…", "Other style", "Delete"]


# Delivery


async def test_restarted_bot_shows_the_finished_pictures(world: World) -> None:
    interaction, job = await submit_versions(world)
    claim = await world.manual_engine.finish_some(job, 2)
    queue = await type(world.queue).open(world.settings)
    await world.stop_bot()
    async with queue:
        await queue.jobs.cancel(job.id, job.user_id)
        await queue.claims.cancelled(claim)
    world.shift_clock(FIFTEEN_MINUTES)
    await world.start_bot()
    message = await world.wait_for_text(interaction, "2 of 4 pictures were finished")
    await assert_shows_finished(world, message, job)


@pytest.mark.parametrize("context", ["bot_dm", "private"])
async def test_finished_pictures_are_shown_in_direct_messages(world: World, context: str) -> None:
    interaction, job = await submit_versions(world, context=context)
    await cancel_after(world, job)
    message = await world.wait_for_text(interaction, "2 of 4 pictures were finished")
    await assert_shows_finished(world, message, job)


async def test_finished_pictures_come_by_dm_if_the_message_was_deleted(world: World) -> None:
    interaction, job = await submit_versions(world)
    assert interaction.message is not None
    delete_message(world.discord.world, interaction.message)
    await cancel_after(world, job)
    await world.wait_delivered(job)
    (message,) = world.discord.dms(world.user())
    assert "Cancelled · 2 of 4 pictures were finished" in message.text
    await assert_shows_finished(world, message, job)


async def test_undeliverable_pictures_are_reported_and_listed_in_history(
    world: World,
) -> None:
    interaction, job = await submit_versions(world)
    assert interaction.message is not None
    delete_message(world.discord.world, interaction.message)
    world.user().accepts_dms = False
    await cancel_after(world, job)
    await world.wait_delivered(job)
    command = await world.discord.slash(world.user(), "history")
    await command.wait(lambda i: i.followups)
    assert command.followups[0].text.startswith(
        "1 finished picture of yours could not be delivered"
    )
    history = await world.wait_for_text(command, "Your pictures")
    assert len(history.attachments) == 1


async def test_cancelled_job_without_finished_pictures_sends_no_dm(
    world: World,
) -> None:
    interaction, job = await submit_versions(world)
    assert interaction.message is not None
    delete_message(world.discord.world, interaction.message)
    await cancel_after(world, job, 0)
    await world.wait_delivered(job)
    assert not world.discord.dms(world.user())


async def test_finished_pictures_keep_spoiler_and_alt_text(world: World) -> None:
    interaction, job = await submit_versions(world, {"spoiler": True})
    await world.queue.deliveries.set_alt_text_and_spoiler(job.id, alt_text="My cat", spoiler=True)
    await cancel_after(world, job)
    message = await world.wait_for_text(interaction, "2 of 4")
    items = [item for part in message.walk() if part["type"] == 12 for item in part["items"]]
    assert [item["description"] for item in items] == ["1: My cat", "2: My cat"]
    assert all(item["spoiler"] for item in items)


async def test_finished_pictures_too_large_to_upload_come_smaller(world: World) -> None:
    interaction, job = await submit_versions(world, {"size": 512})
    painter = world.manual_engine
    painter.noise = True
    claim = await painter.finish_some(job, 2)
    await world.discord.until(lambda: interaction.message and interaction.message.attachments)
    fault = world.discord.faults.add("PATCH", "/webhooks/*/messages/*", status=413, times=1)
    await world.queue.jobs.cancel(job.id, job.user_id)
    await world.queue.claims.cancelled(claim)
    message = await world.wait_for_text(interaction, "2 of 4 pictures were finished")
    await world.wait_delivered(job)
    assert len(fault.hits) == 1
    assert "Shown as" in message.text
    assert [each.filename.rpartition(".")[2] for each in message.attachments] != ["png", "png"]
    assert button_labels(message) == [*CHOOSE_BUTTONS, *OTHER_BUTTONS]


async def test_card_names_the_show_command_if_discord_refuses_the_files(world: World) -> None:
    interaction, job = await submit_versions(world, {"size": 512})
    painter = world.manual_engine
    painter.noise = True
    claim = await painter.finish_some(job, 2)
    await world.discord.until(lambda: interaction.message and interaction.message.attachments)
    world.discord.faults.add("PATCH", "/webhooks/*/messages/*", status=413, times=3)
    await world.queue.jobs.cancel(job.id, job.user_id)
    await world.queue.claims.cancelled(claim)
    message = await world.wait_for_text(interaction, f"please try /show {job.id}")
    await world.wait_delivered(job)
    assert "2 of 4 pictures were finished" in message.text
    assert not message.attachments
    assert button_labels(message) in ([], ["Again", "Change…", "Other style", "Delete"])
    world.discord.faults.clear()
    copy = await world.discord.slash(world.user(), "show", {"picture": job.id})
    await copy.wait(lambda i: i.message is not None and has_result(i.message), 20)
    assert copy.message is not None
    assert len(copy.message.attachments) == 2


# Actions on the finished pictures


async def test_show_and_history_include_the_finished_pictures(world: World) -> None:
    interaction, job = await submit_versions(world)
    await cancel_after(world, job)
    await world.wait_for_text(interaction, "2 of 4")
    shown = await world.slash(world.user(), "show", {"picture": job.id})
    await assert_shows_finished(world, shown, job)
    assert button_labels(shown) == [*CHOOSE_BUTTONS, *OTHER_BUTTONS]
    history = await world.slash(world.user(), "history")
    assert f"#{job.id} · 4 versions" in history.text
    assert len(history.attachments) == 1


async def test_notification_says_that_some_pictures_could_not_be_painted(world: World) -> None:
    interaction, job = await submit_versions(world, {"notify": "yes"})
    await failed(FailureKind.INPUT)(world, job)
    await world.wait_for_text(interaction, "2 of 4")
    await world.eventually(lambda: len(world.discord.messages()) == 2)
    assert "some of your pictures could not be painted" in world.discord.messages()[-1].content


@pytest.fixture
def limited_world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A server whose upload limit is too small for a result, which is then reduced and cached."""
    monkeypatch.setattr(type(world.discord.world), "upload_limit_bytes", 400_000)
    return world


async def test_reduced_pictures_are_all_shown_after_a_second_cancellation(
    limited_world: World,
) -> None:
    interaction, job = await submit_versions(limited_world, {"size": 512})
    painter = limited_world.manual_engine
    painter.noise = True
    await limited_world.queue.claims.release(await painter.finish_some(job, 1))
    cleared = await limited_world.queue.clearings.clear(limited_world.guild_id, ADMIN)
    message = await limited_world.wait_for_text(interaction, "1 of 4 pictures was finished")
    assert "Shown as" in message.text
    await limited_world.queue.clearings.undo(cleared.id, limited_world.guild_id, ADMIN)
    await cancel_after(limited_world, job, 3)
    message = await limited_world.wait_for_text(interaction, "3 of 4 pictures were finished")
    assert len(message.attachments) == 3


async def test_pictures_share_one_request_and_a_chosen_one_comes_alone(
    limited_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of a request also applies in a boosted server with a higher upload limit."""
    monkeypatch.setattr(fit_upload, "MOST_BYTES", 600_000)
    painter = await limited_world.start_engine()
    painter.noise = True
    message = await limited_world.paint_and_wait({"variants": 3, "size": 512})
    assert "Shown as" in message.text
    assert 300_000 < sum(len(each.data) for each in message.attachments) <= 600_000
    taken = await limited_world.wait_finished(
        await limited_world.press(limited_world.user(), message, "Choose 1")
    )
    assert len(taken.attachments) == 1
