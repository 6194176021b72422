"""“Change…”: the form with all options of a picture."""

from sandbox.model import Interaction, Message
from tests.kit.pictures import gradient_picture, plain_picture
from tests.kit.world import PHOTO, World, form_field, selected_values


async def open_form(world: World, message: Message) -> Interaction:
    interaction = await world.press(world.user(), message, "Change…")
    assert interaction.modal is not None
    return interaction


async def test_form_is_prefilled_with_the_options_of_the_picture(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait(
        {"size": 100, "quality": "draft", "strength": 0.62, "spoiler": True}
    )
    form = await open_form(world, message)
    (size,) = [each for each in form_field(form, "size")["options"] if each.get("default")]
    (look,) = [each for each in form_field(form, "look")["options"] if each.get("default")]
    on = selected_values(form, "switches")
    assert size["label"] == "100 px · draft"
    assert look["label"].startswith("as it was (62%)")
    assert on == ["spoiler"]


async def test_form_changes_only_the_edited_options(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"seed": 5, "timelapse": True, "style_scale": 2.0})
    form = await open_form(world, message)
    submitted = await world.discord.submit_modal(
        form, {"size": ["256/fine"], "look": ["0.7/match"], "switches": ["private"]}
    )
    done = await world.wait_finished(submitted)
    new, old = await world.jobs()
    assert (new.options.size_px, new.options.quality) == (256, "fine")
    assert (new.options.strength, new.options.keep_colors) == (0.7, "match")
    assert not new.options.timelapse
    assert (new.options.style_scale, new.options.seed) == (2.0, 5)
    assert new.inputs == old.inputs
    assert done.ephemeral


async def test_notify_choice_is_kept_by_the_form(world: World) -> None:
    await world.start_engine()
    for notify in ("yes", "no"):
        message = await world.paint_and_wait({"notify": notify})
        form = await open_form(world, message)
        await world.wait_finished(await world.discord.submit_modal(form, {"look": ["0.7/no"]}))
        assert (await world.jobs())[0].reply.notify == notify


async def test_uploaded_photo_mask_or_style_replaces_the_old_one(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"preset": "starry-night"}, attachments=PHOTO)
    form = await open_form(world, message)
    photo, mask = ("new.png", plain_picture()), ("mask.png", gradient_picture((64, 48)))
    await world.wait_finished(
        await world.discord.submit_modal(form, {}, {"content": [photo, mask]})
    )
    form = await open_form(world, message)
    style = ("style.png", gradient_picture((40, 40)))
    await world.wait_finished(await world.discord.submit_modal(form, {}, {"style": [style]}))
    by_style, by_photo, first = await world.jobs()
    assert by_photo.inputs.styles == first.inputs.styles
    assert by_photo.inputs.content != first.inputs.content
    assert by_photo.inputs.mask is not None
    assert by_style.inputs.content == first.inputs.content
    assert by_style.inputs.styles[0].picture is not None


async def test_unchanged_form_paints_with_a_new_seed(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"seed": 5})
    await world.wait_finished(await world.discord.submit_modal(await open_form(world, message)))
    new, old = await world.jobs()
    assert new.options == old.options.model_copy(update={"seed": new.options.seed})
    assert new.options.seed != 5


async def test_form_is_refused_beyond_a_limit(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    await world.queue.limits.set(world.guild_id, {"max_size_px": 128}, 1)
    submitted = await world.discord.submit_modal(
        await open_form(world, message), {"size": ["256/fine"]}
    )
    assert "128 px" in await world.answer_text(submitted)


async def test_form_offers_allowed_sizes_and_the_size_of_the_picture(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"size": 300, "quality": "fine"})
    await world.queue.limits.set(world.guild_id, {"max_size_px": 256, "max_quality": "draft"}, 1)
    form = await open_form(world, message)
    offered = {each["value"]: each.get("default") for each in form_field(form, "size")["options"]}
    assert offered == {"300/fine": True, "256/draft": False}
