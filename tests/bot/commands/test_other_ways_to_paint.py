"""More ways to paint: a member's avatar, a message's picture as style, several photos at once."""

from typing import Any

import pytest

from sandbox.model import Interaction
from tests.kit.pictures import animated_gif, color_of, gradient_picture, plain_picture
from tests.kit.world import World, button_labels, has_result


def photos(*colors: str) -> dict[str, list[tuple[str, bytes]]]:
    return {"content": [(f"{color}.png", plain_picture(color=color)) for color in colors]}


async def use_as_style(world: World, files: dict[str, Any]) -> Interaction:
    post = world.discord.post(world.user("grace"), "look", [("art.png", gradient_picture())])
    opened = await world.discord.message_command(world.user(), "Use as style", post)
    assert opened.modal is not None
    return await world.discord.submit_modal(opened, {}, files)


@pytest.mark.parametrize("context", ["guild", "bot_dm", "private"])
async def test_member_avatar_is_painted(world: World, context: str) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    opened = await world.discord.user_command(ada, "Paint the avatar", grace, context=context)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.wait_for_text(submitted, "Place 1")
    (job,) = await world.jobs()
    avatar = await world.queue.store.get(job.inputs.content)
    assert avatar.startswith(b"\x89PNG")
    assert job.inputs.styles[0].preset == "great-wave"


async def test_picture_of_a_message_is_used_as_style(world: World) -> None:
    await world.wait_for_text(await use_as_style(world, photos("teal")), "Place 1")
    (job,) = await world.jobs()
    (style,) = job.inputs.styles
    assert style.picture is not None
    assert style.picture != job.inputs.content


async def test_message_without_a_picture_cannot_be_used_as_style(world: World) -> None:
    post = world.discord.post(world.user("grace"), "no picture")
    interaction = await world.discord.message_command(world.user(), "Use as style", post)
    assert "That message has no picture" in await world.answer_text(interaction)


async def pick_picture(
    world: World, command: str, label: str, context: str = "guild"
) -> Interaction:
    """Choose one of the three pictures of a message; return the form that opens."""
    names = ("teal", "navy", "olive")
    files = [(f"{color}.png", plain_picture(color=color)) for color in names]
    where = world.discord.place(world.user(), None, context)
    post = world.discord.post(world.user("grace"), "three of them", files, channel=where)
    interaction = await world.discord.message_command(world.user(), command, post)
    message = await world.wait_for_text(interaction, "Which of these pictures")
    assert button_labels(message)[:3] == ["1 · teal.png", "2 · navy.png", "3 · olive.png"]
    (container,) = message.components
    (gallery,) = [each for each in container["components"] if each["type"] == 12]
    assert [item["description"] for item in gallery["items"]] == button_labels(message)[:3]
    opened = await world.discord.press(world.user(), message, label=label)
    await opened.wait(lambda i: i.modal is not None)
    return opened


@pytest.mark.parametrize("context", ["guild", "private"])
async def test_one_of_several_message_pictures_is_chosen_as_style(
    world: World, context: str
) -> None:
    opened = await pick_picture(world, "Use as style", "2 · navy.png", context)
    submitted = await world.discord.submit_modal(opened, {}, photos("red"))
    await world.wait_for_text(submitted, "Place 1")
    (job,) = await world.jobs()
    (style,) = job.inputs.styles
    assert color_of(await world.queue.store.get(style.picture or "")) == (0, 0, 128)


async def test_one_of_several_message_pictures_is_chosen_to_be_painted(world: World) -> None:
    opened = await pick_picture(world, "Paint this", "3 · olive.png")
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.wait_for_text(submitted, "Place 1")
    (job,) = await world.jobs()
    assert color_of(await world.queue.store.get(job.inputs.content)) == (128, 128, 0)
    assert job.options.variants == 1


async def test_all_pictures_of_a_message_are_painted_in_one_message(world: World) -> None:
    await world.start_engine()
    opened = await pick_picture(world, "Paint this", "All 3 in one message")
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    message = await world.wait_finished(submitted)
    assert len(message.attachments) == 3
    assert button_labels(message)[:4] == ["Choose 1", "Choose 2", "Choose 3", "Again"]


async def test_several_photos_make_one_job_and_one_message(world: World) -> None:
    await world.start_engine()
    message = await world.wait_finished(await use_as_style(world, photos("teal", "navy", "olive")))
    (job,) = await world.jobs()
    assert (job.options.variants, job.options.vary) == (3, "photo")
    assert "3 photos" in message.text
    assert len({each.data for each in message.attachments}) == 3
    assert button_labels(message)[:4] == ["Choose 1", "Choose 2", "Choose 3", "Again"]
    taken = await world.wait_finished(
        await world.discord.press(world.user(), message, label="Choose 2")
    )
    assert taken.attachments[0].data == message.attachments[1].data
    alone = (await world.jobs())[0]
    assert alone.inputs.content == job.inputs.more_contents[0]
    assert alone.inputs.more_contents == ()
    again = await world.wait_finished(
        await world.discord.press(world.user(), message, label="Again")
    )
    assert len(again.attachments) == 3


async def test_ten_photos_fit_in_a_message(world: World) -> None:
    await world.start_engine()
    colors = ("teal", "navy", "olive", "brown", "purple", "maroon", "gray", "silver", "lime")
    message = await world.wait_finished(await use_as_style(world, photos(*colors, "aqua")))
    assert has_result(message)
    assert len(message.attachments) == 10
    assert button_labels(message)[9] == "Choose 10"


async def test_each_of_several_photos_counts_toward_the_daily_limit(world: World) -> None:
    await world.queue.limits.set(world.guild_id, {"max_per_day": 2}, 1)
    refused = await world.answer_text(await use_as_style(world, photos("teal", "navy", "olive")))
    assert "You asked for 3 pictures at once" in refused


async def test_unusable_photo_is_left_out_with_a_note(world: World) -> None:
    await world.start_engine()
    files = photos("teal", "navy")
    files["content"].insert(1, ("broken.png", b"no picture"))
    message = await world.wait_finished(await use_as_style(world, files))
    (job,) = await world.jobs()
    assert job.options.variants == 2
    assert len(message.attachments) == 2
    assert "Photo 2: " in message.text
    assert "It was left out." in message.text
    only_broken = {"content": [("a.png", b"no"), ("b.png", b"no")]}
    assert "Photo 1: " in await world.answer_text(await use_as_style(world, only_broken))


async def test_photo_that_is_there_twice_is_painted_once_with_a_note(world: World) -> None:
    await world.start_engine()
    message = await world.wait_finished(await use_as_style(world, photos("teal", "navy", "teal")))
    assert len(message.attachments) == 2
    assert "A photo that is there more than once is painted only once." in message.text


async def test_note_on_a_left_out_photo_is_shown_while_waiting_and_painting(
    world: World,
) -> None:
    files = photos("teal", "navy")
    files["content"].insert(1, ("broken.png", b"no picture"))
    interaction = await use_as_style(world, files)
    for state in ("Place 1", "Painting"):
        message = await world.wait_for_text(interaction, state)
        assert "-# Photo 2: " in message.text
        assert "It was left out." in message.text
        if state == "Place 1":
            painter = await world.start_engine()
            painter.may_finish.clear()


async def test_note_on_a_left_out_photo_is_shown_beside_many_other_notes(world: World) -> None:
    files = {
        "content": [
            *(
                (f"{color}.gif", animated_gif(color, "white"))
                for color in ("teal", "navy", "olive", "brown")
            ),
            ("broken.png", b"no picture"),
        ]
    }
    message = await world.wait_for_text(await use_as_style(world, files), "Place 1")
    assert "Photo 5: " in message.text
    for number in range(1, 5):
        assert f"Photo {number}: The file is animated" in message.text


async def test_change_form_for_several_photos_offers_no_timelapse(world: World) -> None:
    message = await world.wait_for_text(
        await use_as_style(world, photos("teal", "navy")), "Place 1"
    )
    await world.press(world.user(), message, "Cancel")
    await world.eventually(lambda: "Cancelled" in message.text)
    form = await world.discord.press(world.user(), message, label="Change…")
    assert form.modal is not None
    assert "Make a time-lapse" not in str(form.modal)
    assert "Hide it until somebody clicks on it" in str(form.modal)


async def test_several_photos_wait_together_for_a_style(world: World) -> None:
    message = await world.slash(world.user(), "help")
    opened = await world.press(world.user(), message, "Try it now")
    submitted = await world.discord.submit_modal(opened, {}, photos("teal", "navy"))
    question = await world.wait_for_text(submitted, "Which style")
    (first, *_) = button_labels(question)
    await world.wait_for_text(
        await world.discord.press(world.user(), question, label=first), "Place 1"
    )
    (job,) = await world.jobs()
    assert (job.options.variants, len(job.inputs.more_contents)) == (2, 1)


async def test_other_style_applies_to_all_photos_together(world: World) -> None:
    await world.start_engine()
    message = await world.wait_finished(await use_as_style(world, photos("teal", "navy")))
    opened = await world.discord.press(world.user(), message, label="Other style")
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.wait_for_text(submitted, "2 photos")
    newest, first = await world.jobs()
    assert newest.inputs.more_contents == first.inputs.more_contents


async def test_upload_fields_declare_the_accepted_file_types(world: World) -> None:
    (paint,) = [each for each in world.discord.commands if each["name"] == "paint"]
    kinds = {o["name"]: o["file_types"] for o in paint["options"] if o["type"] == 11}
    assert {"image", ".heic"} <= set(kinds["style"])
    assert "video" in kinds["content"]
    opened = await world.discord.user_command(world.user(), "Paint the avatar", world.user("grace"))
    assert opened.modal is not None
    fields = [label["component"] for label in opened.modal["components"]]
    (upload,) = [field for field in fields if field["type"] == 19]
    assert "image" in upload["file_types"]


async def test_commands_are_synced_without_file_types_after_a_refusal(
    closed_world: World,
) -> None:
    world = closed_world
    world.discord.faults.add("PUT", "/applications/*/commands", status=400, code=50035, times=1)
    await world.start_bot()
    (paint,) = [each for each in world.discord.commands if each["name"] == "paint"]
    assert not [option for option in paint["options"] if "file_types" in option]
