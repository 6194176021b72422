"""What can be done with the finished pictures of unfinished jobs, and with the rest."""

from common.options import PaintOptions
from jobs.model import JobState
from jobs.outcomes import ClearUndone
from tests.bot.commands.picture_buttons.pressing import press
from tests.bot.delivery.unfinished import (
    ADMIN,
    assert_shows_finished,
    cancel_after,
    stored_pictures,
    submit_versions,
)
from tests.kit.world import World, button_labels, has_result


async def test_one_press_paints_the_pictures_that_are_missing(world: World) -> None:
    interaction, job = await submit_versions(world)
    await cancel_after(world, job)
    message = await world.wait_for_text(interaction, "2 of 4 pictures were finished")
    refused = await press(world, message, "Paint the rest", user="grace")
    assert "only they can do that" in await world.answer_text(refused)
    await world.start_engine()
    rest = await world.wait_finished(await press(world, message, "Paint the rest"))
    assert len(rest.attachments) == 2
    assert button_labels(rest)[:3] == ["Choose 1", "Choose 2", "Again"], (
        "the new job has no missing pictures"
    )
    newest = (await world.jobs())[0]
    assert newest.parent_job_id == job.id
    assert (newest.options.seed, newest.options.variants) == (5, 2)


async def test_rest_of_a_job_that_is_back_in_the_queue_is_not_painted_twice(world: World) -> None:
    interaction, job = await submit_versions(world)
    await world.queue.claims.release(await world.manual_engine.finish_some(job, 2))
    cleared = await world.queue.clearings.clear(world.guild_id, ADMIN)
    await world.wait_for_text(interaction, "2 of 4 pictures were finished")
    copy = await world.slash(world.user(), "show", {"picture": job.id})
    await world.queue.clearings.undo(cleared.id, world.guild_id, ADMIN)
    refused = await press(world, copy, "Paint the rest")
    assert "It is back in the queue" in await world.answer_text(refused)
    assert len(await world.jobs()) == 1


async def test_rest_of_a_job_obeys_the_limits(world: World) -> None:
    interaction, job = await submit_versions(world)
    await cancel_after(world, job)
    message = await world.wait_for_text(interaction, "2 of 4 pictures were finished")
    for limits, reason in (
        ({"max_per_day": 3}, "the limit is 3"),
        ({"max_size_px": 64, "max_quality": "draft"}, "draft"),
        ({"painter_role_ids": [1]}, "role"),
    ):
        await world.queue.limits.set(world.guild_id, limits, ADMIN)
        assert reason in await world.answer_text(await press(world, message, "Paint the rest"))
        await world.queue.limits.set(world.guild_id, dict.fromkeys(limits), ADMIN)
    assert len(await world.jobs()) == 1


async def test_last_missing_picture_is_painted_alone(world: World) -> None:
    interaction, job = await submit_versions(world)
    await cancel_after(world, job, 3)
    message = await world.wait_for_text(interaction, "3 of 4 pictures were finished")
    await world.start_engine()
    rest = await world.wait_finished(await press(world, message, "Paint the rest"))
    assert "Stronger" in button_labels(rest), "a single picture has all buttons"
    assert (await world.jobs())[0].options.seed == 6


async def test_one_finished_picture_can_be_chosen_and_enlarged(world: World) -> None:
    interaction, job = await submit_versions(world)
    await cancel_after(world, job)
    message = await world.wait_for_text(interaction, "2 of 4")
    taken = await world.wait_finished(await world.press(world.user(), message, "Choose 2"))
    assert [each.data for each in taken.attachments] == [message.attachments[1].data]
    alone = (await world.jobs())[0]
    assert alone.state is JobState.DONE
    assert (alone.options.seed, alone.options.variants, alone.parent_job_id) == (4, 1, job.id)
    await world.start_engine()
    larger = await world.wait_finished(await world.press(world.user(), taken, "Larger"))
    assert has_result(larger)
    assert (await world.jobs())[0].options == PaintOptions(size_px=128, seed=4)


async def test_again_paints_every_picture_of_the_job(world: World) -> None:
    interaction, job = await submit_versions(world)
    await cancel_after(world, job)
    message = await world.wait_for_text(interaction, "2 of 4")
    await world.start_engine()
    again = await world.wait_finished(await world.press(world.user(), message, "Again"))
    assert len(again.attachments) == 4


async def test_finished_pictures_can_be_deleted_and_restored(world: World) -> None:
    interaction, job = await submit_versions(world)
    await cancel_after(world, job)
    message = await world.wait_for_text(interaction, "2 of 4")
    await world.wait_delivered(job)
    deleted = await world.press(world.user(), message, "Delete")
    await deleted.wait(lambda i: i.followups)
    hidden = await world.slash(world.user(), "show", {"picture": job.id})
    assert not hidden.attachments
    assert "finished" not in hidden.text
    undone = await world.press(world.user(), deleted.followups[0], "Undo")
    await undone.wait(lambda i: i.message is not None and i.message.attachments)
    assert undone.message is not None
    await assert_shows_finished(world, undone.message, job)
    assert len(undone.message.attachments) == 2


async def test_job_put_back_in_the_queue_keeps_its_finished_pictures(world: World) -> None:
    interaction, job = await submit_versions(world)
    painter = world.manual_engine
    await world.queue.claims.release(await painter.finish_some(job, 2))
    cleared = await world.queue.clearings.clear(world.guild_id, ADMIN)
    message = await world.wait_for_text(interaction, "2 of 4 pictures were finished")
    finished = await stored_pictures(world, job)
    undone = await world.queue.clearings.undo(cleared.id, world.guild_id, ADMIN)
    assert isinstance(undone, ClearUndone)
    await world.wait_for_text(interaction, "Place 1")
    assert not message.attachments
    claim = await painter.finish_some(job, 3)
    assert len(claim.done) == 2, "finished pictures are not painted again"
    await world.queue.jobs.cancel(job.id, job.user_id)
    await world.queue.claims.cancelled(claim)
    await world.wait_for_text(interaction, "3 of 4 pictures were finished")
    await world.wait_delivered(job)
    await assert_shows_finished(world, message, job)
    assert [each.data for each in message.attachments][:2] == finished
