"""Several versions in one job and one message, and choosing one of them."""

import pytest

from bot.ui.words import is_local, local_first
from common.defaults import Defaults
from common.options import PaintOptions
from jobs.model import JobState
from sandbox.model import Message
from tests.bot.commands.picture_buttons.pressing import press
from tests.bot.commands.test_titles import make_scans_unreachable
from tests.kit.pictures import gradient_picture
from tests.kit.world import PHOTO, PHOTO_AND_STYLE, World, button_labels, has_result


@pytest.mark.parametrize("context", ["guild", "bot_dm", "private"])
async def test_four_versions_are_one_job_and_one_message(world: World, context: str) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"variants": 4, "seed": 3}, context=context)
    assert len(await world.jobs()) == 1
    assert len(message.attachments) == 4
    assert len({each.data for each in message.attachments}) == 4
    assert button_labels(message)[:5] == ["Choose 1", "Choose 2", "Choose 3", "Choose 4", "Again"]
    assert "4 versions" in message.text


async def paint_in_locale(world: World, options: dict[str, int]) -> Message:
    interaction = await world.paint(options)
    await interaction.wait(lambda i: i.message and "🖼️" in i.message.text)
    assert interaction.message is not None
    return interaction.message


@pytest.mark.parametrize(
    ("locale", "singular", "plural", "alt_text"),
    [
        ("fr", "Peinte pour", "Peintes pour", "Une photo peinte"),
        ("es-ES", "Pintada para", "Pintadas para", "Una foto pintada"),
    ],
)
async def test_card_wording_agrees_in_number_with_its_pictures(
    world: World, locale: str, singular: str, plural: str, alt_text: str
) -> None:
    world.user(locale=locale)
    await world.start_engine()
    one = await paint_in_locale(world, {})
    assert f"{singular} Ada" in one.text
    both = await paint_in_locale(world, {"variants": 2})
    assert f"{plural} Ada" in both.text
    (gallery,) = [each for each in both.walk() if each["type"] == 12]
    alt_texts = [item["description"] for item in gallery["items"]]
    assert alt_texts == [f"1: {alt_text}", f"2: {alt_text}"]


async def test_chosen_version_becomes_a_picture_with_all_buttons(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"variants": 3, "seed": 3, "spoiler": True})
    await world.stop_bot()
    world.shift_clock(16 * 60)
    await world.start_bot()
    world.discord.shift_clock(0)
    taken = await world.wait_finished(await press(world, message, "Choose 2"))
    assert [each.data for each in taken.attachments] == [message.attachments[1].data]
    assert "Stronger" in button_labels(taken)
    alone, several = await world.jobs()
    assert (alone.options.seed, alone.options.variants) == (4, 1)
    assert alone.parent_job_id == several.id
    assert alone.reply.spoiler
    larger = await world.wait_finished(await press(world, taken, "Larger"))
    newest = (await world.jobs())[0]
    assert has_result(larger)
    assert (newest.options.seed, newest.options.size_px) == (4, 128)


async def test_missing_version_does_not_hide_the_others(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"variants": 3})
    (job,) = await world.jobs()
    await world.queue.store.delete(job.versions[1])
    shown = await world.slash(world.user(), "show", {"picture": job.id})
    kept = [message.attachments[0], message.attachments[2]]
    assert [each.data for each in shown.attachments] == [each.data for each in kept]
    assert button_labels(shown)[:3] == ["Choose 1", "Choose 3", "Again"]
    assert "Picture 2 is no longer kept." in shown.text
    assert "no longer kept" in await world.answer_text(await press(world, message, "Choose 2"))
    taken = await world.wait_finished(await press(world, shown, "Choose 3"))
    assert taken.attachments[0].data == kept[1].data


async def test_choosing_a_version_is_free_and_only_for_the_owner(world: World) -> None:
    await world.start_engine()
    await world.queue.limits.set(world.guild_id, {"max_per_day": 2}, 1)
    message = await world.paint_and_wait({"variants": 2})
    refused = await press(world, message, "Choose 1", user="grace")
    assert "This picture is Ada's" in await world.answer_text(refused)
    await world.wait_finished(await press(world, message, "Choose 1"))
    await world.wait_finished(await press(world, message, "Choose 2"))
    refused = await world.paint()
    assert "started 2 pictures" in await world.answer_text(refused)


async def test_several_versions_count_as_several_pictures(world: World) -> None:
    await world.queue.limits.set(world.guild_id, {"max_per_day": 3}, 1)
    refused = await world.answer_text(await world.paint({"variants": 4}))
    assert "You asked for 4 pictures at once, and each of them counts" in refused
    await world.wait_for_text(await world.paint(), "Place 1")
    refused = await world.answer_text(await world.paint({"variants": 3}))
    assert "you have started 1 in 24 hours, and the limit is 3. There is room for 2 now." in refused
    assert "Earliest start of all 3: <t:" in refused


async def test_refusal_states_the_requested_and_the_waiting_versions(
    world: World,
) -> None:
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 3}, 1)
    await world.paint_halfway({"variants": 4})
    refused = await world.answer_text(await world.paint({"variants": 4}))
    assert "You asked for 4 pictures at once" in refused
    assert "4 of yours are waiting or being painted, and the limit is 3. Expected: " in refused


async def test_queue_counts_each_version_of_a_job_toward_the_limits(
    world: World,
) -> None:
    limits = {"max_waiting_per_user": 5, "max_per_day": 18}
    await world.queue.limits.set(world.guild_id, limits, 1)
    await world.wait_for_text(await world.paint({"variants": 4}), "Place 1")
    shown = await world.slash(world.user(), "queue")
    assert "· 4 versions · " in shown.text
    assert "Places taken: 4 of 5 · pictures in 24 hours: 4 of 18" in shown.text
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 3}, 1)
    await world.press(world.user(), shown, "Refresh")
    assert "Places taken: 3 of 3 · " in shown.text


async def test_running_versions_are_cancelled_together(world: World) -> None:
    _, interaction = await world.paint_halfway({"variants": 4})
    message = await world.wait_for_text(interaction, "Painting")
    shown = await world.slash(world.user(), "queue")
    assert "pictures in 24 hours: 4 of" in shown.text
    await press(world, message, "Cancel")
    await world.wait_for_text(interaction, "Cancelled")
    (job,) = await world.jobs()
    assert job.state is JobState.CANCELLED
    await world.press(world.user(), shown, "Refresh")
    assert "Places taken: 0 of " in shown.text
    assert "pictures in 24 hours: 1 of" in shown.text, "only the one that was started"


async def test_again_paints_the_same_number_of_versions(world: World) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"variants": 2, "seed": 3})
    again = await world.wait_finished(await press(world, message, "Again"))
    assert len(again.attachments) == 2
    new, old = await world.jobs()
    assert new.options.seed != old.options.seed


async def test_versions_can_vary_by_strength_or_style(world: World) -> None:
    await world.start_engine()
    soft_to_strong = await world.paint_and_wait({"vary": "strength"})
    assert "strength 30% to 90%" in soft_to_strong.text
    assert len(soft_to_strong.attachments) == 4
    by_style = await world.paint_and_wait(
        {"vary": "style", "preset": "the-scream"}, attachments=PHOTO_AND_STYLE
    )
    assert len(by_style.attachments) == 2
    (gallery,) = [each for each in by_style.walk() if each["type"] == 12]
    alt_texts = [item["description"] for item in gallery["items"]]
    assert alt_texts == ["1: A painted photo", "2: A photo in the style of “The Scream”"]
    refused = await world.paint({"vary": "style"})
    assert "give two to four" in await world.answer_text(refused)


async def test_one_other_style_for_versions_by_style_counts_as_one_picture(world: World) -> None:
    await world.start_engine()
    several = await world.paint_and_wait(
        {"vary": "style", "preset": "the-scream"}, attachments=PHOTO_AND_STYLE
    )
    await world.queue.limits.set(world.guild_id, {"max_per_day": 3}, 1)
    form = await press(world, several, "Other style")
    other = await world.discord.submit_modal(form, {"preset": ["great-wave"]})
    assert len((await world.wait_finished(other)).attachments) == 1
    form = await press(world, several, "Other style")
    refused = await world.discord.submit_modal(form, {"preset": ["great-wave"]})
    assert "the limit is 3" in await world.answer_text(refused)


async def test_timelapse_of_several_versions_is_refused(world: World) -> None:
    refused = await world.paint({"variants": 2, "timelapse": True})
    assert "no time-lapse of several versions" in await world.answer_text(refused)


async def test_show_includes_all_versions(world: World) -> None:
    await world.start_engine()
    await world.paint_and_wait({"variants": 4})
    (job,) = await world.jobs()
    copy = await world.discord.slash(world.user(), "show", {"picture": job.id})
    await copy.wait(lambda i: i.message and has_result(i.message))
    assert copy.message is not None
    assert len(copy.message.attachments) == 4


async def test_several_styles_can_be_tried_on_a_photo(world: World) -> None:
    await world.start_engine()
    question = await world.wait_for_text(await world.paint(attachments=PHOTO), "Which style")
    # Only local styles are tried.
    tried = await world.wait_finished(await press(world, question, "Try 5 styles"))
    assert len(tried.attachments) == 5
    assert (await world.jobs())[0].options.size_px == 64, "the requested size"
    ada, small = world.user(), Defaults(size_px=128)
    await world.queue.defaults.set("user", ada.id, small, guild_id=0, by_user=ada.id)
    styles = await world.slash(world.user(), "styles")
    form = await press(world, styles, "Try these on my photo")
    photo = {"content": [("me.png", gradient_picture())]}
    tried = await world.wait_finished(await world.discord.submit_modal(form, {}, photo))
    job = (await world.jobs())[0]
    assert (job.options.vary, job.options.quality, job.options.size_px) == ("style", "draft", 128)
    assert PaintOptions().variants == 1
    taken = await world.wait_finished(await press(world, tried, "Choose 6"))
    assert len(taken.attachments) == 1
    alone = (await world.jobs())[0]
    assert alone.inputs.styles[0].preset == job.inputs.styles[5].preset


async def try_styles(world: World) -> Message:
    """Try the six styles of the first page on a photo."""
    photo = {"content": [("me.png", gradient_picture())]}
    styles = await world.slash(world.user(), "styles")
    form = await press(world, styles, "Try these on my photo")
    await form.wait(lambda i: i.modal is not None)
    return await world.wait_finished(await world.discord.submit_modal(form, {}, photo))


async def test_trial_leaves_out_a_style_that_cannot_be_downloaded(
    world: World,
) -> None:
    engine = await world.start_engine()
    first_page = local_first(world.bot)[:6]
    unavailable = next(each for each in first_page if not is_local(each, world.settings))
    engine.unavailable_styles = (unavailable.id,)
    tried = await try_styles(world)
    assert len(tried.attachments) == 5
    assert (await world.jobs())[0].options.size_px == 256
    assert f"Left out, because the download failed: {unavailable.name}." in tried.text
    others = [each for each in first_page if each is not unavailable]
    numbered = [f"{number} {each.name}" for number, each in enumerate(others, start=1)]
    assert f"5 versions · {', '.join(numbered)} · " in tried.text.replace("\\", "")
    assert "5 styles, for Ada" in tried.text
    assert button_labels(tried)[:6] == [
        "Choose 1",
        "Choose 2",
        "Choose 3",
        "Choose 4",
        "Choose 5",
        "Again",
    ]
    for number, style in enumerate(others, start=1):
        await world.wait_finished(await press(world, tried, f"Choose {number}"))
        (taken, *_) = await world.jobs()
        assert [each.preset for each in taken.inputs.styles] == [style.id]
    await world.wait_finished(await press(world, tried, "Again"))
    assert len((await world.jobs())[0].inputs.styles) == 5


async def test_trial_leaves_out_a_style_that_becomes_unavailable(
    world: World,
) -> None:
    photo = {"content": [("me.png", gradient_picture())]}
    styles = await world.slash(world.user(), "styles")
    form = await press(world, styles, "Try these on my photo")
    await form.wait(lambda i: i.modal is not None)
    await make_scans_unreachable(world)
    await world.start_engine()
    tried = await world.wait_finished(await world.discord.submit_modal(form, {}, photo))
    assert len(tried.attachments) == 5
    assert "Left out, because the download failed" in tried.text


async def test_trial_uses_the_styles_of_the_shown_page(
    world: World,
) -> None:
    photo = {"content": [("me.png", gradient_picture())]}
    message = await world.slash(world.user(), "styles")
    await world.press(world.user(), message, "Next")
    shown = local_first(world.bot)[6:12]
    await make_scans_unreachable(world)
    form = await press(world, message, "Try these on my photo")
    await form.wait(lambda i: i.modal is not None)
    refused = await world.discord.submit_modal(form, {}, photo)
    assert f"“{shown[0].name}” cannot be downloaded" in await world.answer_text(refused)
