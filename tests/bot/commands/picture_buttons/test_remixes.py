"""Buttons that paint from a picture: Stronger, Softer, Larger, Again, Other style."""

import pytest

from bot.cards.job_buttons import Action
from common.options import MAX_SIZE_PX
from sandbox.model import Interaction, Message
from tests.bot.commands.picture_buttons.pressing import press
from tests.bot.commands.rights.origins import press_forged_button
from tests.bot.wire.test_acknowledging import allow_second_acknowledgement
from tests.kit.pictures import gradient_picture
from tests.kit.samples import delete_for_good
from tests.kit.world import PHOTO, World, has_result

CHANGES = {
    "Stronger": ("strength", 0.5, 0.65),
    "Softer": ("strength", 0.5, 0.35),
    "Larger": ("size_px", 64, 128),
}


async def test_stronger_softer_and_larger_repaint_with_one_change(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    for label, (field, before, after) in CHANGES.items():
        await world.wait_finished(await press(world, message, label))
        new, *_, old = await world.jobs()
        assert getattr(old.options, field) == before
        assert getattr(new.options, field) == after
        assert new.options.seed == old.options.seed
        assert new.parent_job_id == old.id
        assert new.inputs == old.inputs


async def test_larger_doubles_the_size_up_to_the_limit(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    await world.queue.limits.set(world.guild_id, {"max_size_px": 100}, 1)
    larger = await world.wait_finished(await press(world, message, "Larger"))
    assert (await world.jobs())[0].options.size_px == 100
    refused = await world.answer_text(await press(world, larger, "Larger"))
    assert "The largest size here is 100 px, and you asked for 200 px" in refused


async def test_option_at_its_extreme_is_refused_and_not_repainted(world: World) -> None:
    """It would be the same picture, and count toward the limits."""
    ada = world.user()
    object.__setattr__(world.bot.settings, "atelier_max_size_px", MAX_SIZE_PX)
    for action, options, words in (
        (Action.STRONGER, {"strength": 1.0}, "as strong as it can be"),
        (Action.SOFTER, {"strength": 0.0}, "as soft as it can be"),
        (Action.LARGER, {"size_px": MAX_SIZE_PX}, f"as large as it can be: {MAX_SIZE_PX} px"),
    ):
        job = await world.make_job(ada, **options)
        assert words in await world.answer_text(await press_forged_button(world, ada, job, action))
        assert (await world.jobs())[0].id == job.id


async def test_again_takes_a_new_seed_after_a_restart(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"seed": 5})
    await world.stop_bot()
    await world.start_bot()
    again = await world.wait_finished(await press(world, message, "Again"))
    new, old = await world.jobs()
    assert new.options.seed != old.options.seed
    assert has_result(message)
    assert again is not message


async def test_owner_buttons_are_refused_to_others(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    labels = {str(button["label"]) for button in message.buttons}
    assert len(labels) == 11
    for label in labels - {"Details", "Again", "Other style", "Compare"}:
        interaction = await press(world, message, label, user="grace")
        assert "This picture is Ada's" in await world.answer_text(interaction)
        assert interaction.message is not None
        assert interaction.message.ephemeral
    assert len(await world.jobs()) == 1
    assert not message.deleted


async def test_any_member_can_paint_from_a_public_picture_in_their_own_name(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    again = await world.wait_finished(await press(world, message, "Again", user="grace"))
    assert "Grace" in again.text
    opened = await press(world, message, "Other style", user="grace")
    await world.wait_finished(await world.discord.submit_modal(opened, {"preset": ["great-wave"]}))
    by_style, by_seed = await world.jobs("grace")
    (original,) = await world.jobs()
    assert by_style.inputs.content == by_seed.inputs.content == original.inputs.content
    assert by_style.parent_job_id == by_seed.parent_job_id == original.id
    compared = await press(world, message, "Compare", user="grace")
    await compared.wait(lambda i: i.message and i.message.attachments)
    assert compared.message is not None
    assert compared.message.ephemeral
    assert not compared.message.buttons


async def test_job_painted_from_a_public_picture_links_its_message(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    question = await world.wait_for_text(
        await world.discord.submit_modal(await open_form(world, message, "Other style"), {}),
        "Which style",
    )
    await world.wait_finished(await press(world, message, "Stronger"))
    await world.wait_finished(await press(world, question, "The Scream"))
    place = f"https://discord.com/channels/{world.guild_id}/{message.channel_id}/{message.id}"
    other, stronger, first = await world.jobs()
    assert [each.reply.painted_from for each in (other, stronger, first)] == [place, place, ""]
    private = await world.paint_and_wait({"ephemeral": True})
    await world.wait_finished(await press(world, private, "Stronger"))
    in_dm = await world.paint_and_wait(context="bot_dm")
    await world.wait_finished(await press(world, in_dm, "Stronger"))
    assert [each.reply.painted_from for each in (await world.jobs())[:4]] == [""] * 4


async def open_form(world: World, message: Message, label: str) -> Interaction:
    """Press a button and wait for its form."""
    interaction = await press(world, message, label)
    await interaction.wait(lambda i: i.modal is not None)
    return interaction


async def test_other_style_accepts_an_upload_or_a_preset(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    opened = await press(world, message, "Other style")
    submitted = await world.discord.submit_modal(
        opened, {}, {"style": [("new.png", gradient_picture((40, 40)))]}
    )
    await world.wait_finished(submitted)
    opened = await press(world, message, "Other style")
    await world.wait_finished(await world.discord.submit_modal(opened, {"preset": ["great-wave"]}))
    by_list, by_upload, first = await world.jobs()
    assert by_list.inputs.styles[0].preset == "great-wave"
    assert by_upload.inputs.styles[0].picture != first.inputs.styles[0].picture
    assert by_list.inputs.content == by_upload.inputs.content == first.inputs.content


async def test_form_opened_before_a_restart_is_answered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    opened = await press(world, message, "Other style")
    assert opened.modal is not None
    opened.modal["custom_id"] = "atelier:modal:another-process:1"
    submitted = await world.discord.submit_modal(opened, {})
    assert "restarted" in await world.answer_text(submitted)
    world.discord.faults.add("POST", "/interactions/*/callback", drop=True, carried_out=True)
    submitted = await world.discord.submit_modal(opened, {})
    assert "restarted" in await world.answer_text(submitted)
    await world.stop_bot()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    allow_second_acknowledgement(world)


async def test_form_submitted_twice_is_answered_and_makes_one_job(world: World) -> None:
    await world.start_engine()
    opened = await press(world, await world.paint_and_wait(), "Other style")
    await world.wait_finished(await world.discord.submit_modal(opened, {"preset": ["great-wave"]}))
    again = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    assert "start again" in await world.answer_text(again)
    assert len(await world.jobs()) == 2


async def test_again_on_a_deleted_picture_is_refused(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"preset": "great-wave"}, attachments=PHOTO)
    (job,) = await world.jobs()
    await delete_for_good(world.bot.queue, job.id, job.user_id)
    interaction = await press(world, message, "Again")
    assert "no longer kept" in await world.answer_text(interaction)
