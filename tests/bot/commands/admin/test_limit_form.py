"""The form of `/limits change`."""

import pytest

from sandbox.model import Message
from tests.kit.world import World, wait_for_answer


async def submit_limit_form(
    world: World, fields: dict[str, object], locale: str = "en-US"
) -> Message:
    """Submit the form with some fields changed; return the answer."""
    opened = await world.discord.slash(world.user("admin", locale=locale), "limits change")
    assert opened.modal is not None
    return await wait_for_answer(await world.discord.submit_modal(opened, fields))


async def test_form_sets_roles_and_channels(world: World) -> None:
    keeper = next(role for role in world.discord.world.guild.roles if role.name == "Keeper")
    talk = world.discord.channel("talk")
    chosen: dict[str, object] = {
        "painter_role_ids": [str(keeper.id)],
        "channel_ids": [str(talk.id)],
    }
    message = await submit_limit_form(world, chosen)
    limits = await world.queue.limits.in_force(world.guild_id)
    assert limits.painter_role_ids == (keeper.id,)
    assert limits.channel_ids == (talk.id,)
    assert limits.exempt_role_ids == ()
    assert f"Roles that may paint: <@&{keeper.id}>" in message.text
    assert "Largest size" not in message.text
    assert (await submit_limit_form(world, {})).text == "Nothing was changed."
    await submit_limit_form(world, {"painter_role_ids": []})
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.painter_role_ids, limits.channel_ids) == ((), (talk.id,))


async def test_form_changes_only_the_given_number_lines(world: World) -> None:
    waiting = (await world.queue.limits.in_force(world.guild_id)).max_waiting_per_user
    lines = "Largest size: 1024 px\n\nbest quality: Standard\nPictures of one member in 24 hours: 7"
    message = await submit_limit_form(world, {"numbers": lines})
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_quality, limits.max_per_day) == (1024, "standard", 7)
    assert limits.max_waiting_per_user == waiting
    assert "Largest size: 1024 px" in message.text
    await submit_limit_form(world, {"numbers": "Largest size:"})
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_per_day) == (2048, 7)


async def test_form_reads_numbers_in_german(world: World) -> None:
    message = await submit_limit_form(
        world, {"numbers": "Maximale Größe: 512\nBeste Qualität: Entwurf"}, "de"
    )
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_quality) == (512, "draft")
    assert "Maximale Größe: 512 px" in message.text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Largest: 512", "“Largest: 512” does not name a limit"),
        ("512", "“512” does not name a limit"),
        ("Largest size: many", "Largest size: “many” is not a whole number"),
        ("Largest size: -5", "is not a whole number"),
        ("Best quality: superb", "“superb” is not one of draft, standard, fine"),
        ("Largest size: 3", "Largest size: that is not a value it can have"),
        ("Largest size: 4096", "would loosen that"),
    ],
)
async def test_invalid_number_line_is_explained_and_changes_nothing(
    world: World, line: str, expected: str
) -> None:
    message = await submit_limit_form(
        world, {"numbers": f"Pictures of one member in 24 hours: 7\n{line}"}
    )
    assert expected in message.text
    assert (await world.queue.limits.in_force(world.guild_id)).max_per_day == 1000


async def test_wrong_line_can_be_corrected_without_losing_the_other_fields(
    world: World,
) -> None:
    admin, talk = world.user("admin"), world.discord.channel("talk")
    keeper = next(role for role in world.discord.world.guild.roles if role.name == "Keeper")
    lines = (
        "Largest size: 1024 px\nPictures of one member in 24 hours: `seven`\nBest quality: draft"
    )
    message = await submit_limit_form(
        world,
        {
            "numbers": lines,
            "channel_ids": [str(talk.id)],
            "painter_role_ids": [str(keeper.id)],
        },
    )
    assert "Nothing has been changed yet" in message.text
    assert "Line 2: Pictures of one member in 24 hours:" in message.text
    assert "▶ Pictures of one member in 24 hours: `seven`" in message.text
    assert (await world.queue.limits.in_force(world.guild_id)).max_size_px == 2048
    await world.stop_bot()  # the lines are in the message, so a restart keeps them
    await world.start_bot()
    opened = await world.press(admin, message, "Correct…")
    assert opened.modal is not None
    numbers = opened.modal["components"][0]
    assert numbers["component"]["value"] == lines
    assert numbers["description"].startswith("Line 2: Pictures of one member in 24 hours")
    corrected = await world.discord.submit_modal(opened, {"numbers": lines.replace("`seven`", "7")})
    await world.wait_for_text(corrected, "Limits changed")
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_per_day, limits.max_quality) == (1024, 7, "draft")
    assert (limits.channel_ids, limits.painter_role_ids) == ((talk.id,), (keeper.id,))
    # The confirmation replaced the message.
    assert not [b for b in message.buttons if b["label"] == "Correct…"]


async def test_all_wrong_lines_are_reported_together(world: World) -> None:
    lines = "Largest size: 4096\nLargest: 3\nPictures of one member in 24 hours: 7\nSeconds: x"
    lines += "\nPictures of one member in 24 hours: 8"
    message = await submit_limit_form(world, {"numbers": lines})
    for words in ("Line 1: Largest size: the operator", "Line 2: “Largest: 3”", "Line 4: "):
        assert words in message.text
    assert "… and 1 more." in message.text
    pointed = [line for line in message.text.splitlines() if line.startswith("▶ ")]
    assert len(pointed) == 4


async def test_limit_names_and_qualities_are_read_in_another_language(world: World) -> None:
    await submit_limit_form(world, {"numbers": "Maximale Größe: 512\nBest quality: Entwurf"})
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_quality) == (512, "draft")


async def test_limits_set_sets_the_log_channel(world: World) -> None:
    talk = world.discord.channel("talk")
    await world.slash(world.user("admin"), "limits set", {"log_channel": str(talk.id)})
    assert (await world.queue.limits.in_force(world.guild_id)).log_channel_id == talk.id


async def test_deleted_roles_and_channels_stay_set_until_the_field_is_changed(world: World) -> None:
    """Discord submits only existing roles and channels, though the admin changed just a number."""
    deleted_id = 1234567890
    (keeper,) = [role for role in world.discord.world.guild.roles if role.name == "Keeper"]
    talk, admin = world.discord.channel("talk"), world.user("admin")
    for painters, remaining in (((deleted_id,), ()), ((deleted_id, keeper.id), (keeper.id,))):
        chosen = {"painter_role_ids": painters, "channel_ids": (talk.id, deleted_id)}
        await world.queue.limits.set(world.guild_id, chosen, 1)
        opened = await world.discord.slash(admin, "limits change")
        await opened.wait(lambda i: i.modal is not None)
        assert opened.modal is not None
        labels = {each["component"]["custom_id"]: each for each in opened.modal["components"]}
        roles = labels["painter_role_ids"]
        shown = [int(each["id"]) for each in roles["component"].get("default_values", [])]
        assert shown == list(remaining)
        assert "1 that was set no longer exists; /limits reset" in roles["description"]
        values = {
            "numbers": "Pictures of one member in 24 hours: 7",
            "painter_role_ids": [str(each) for each in remaining],
            "channel_ids": [str(talk.id)],
        }
        await world.answer_text(await world.discord.submit_modal(opened, values))
        limits = await world.queue.limits.in_force(world.guild_id)
        assert limits.max_per_day == 7
        assert (limits.painter_role_ids, limits.channel_ids) == (painters, (talk.id, deleted_id))
    opened = await world.discord.slash(admin, "limits change")
    await opened.wait(lambda i: i.modal is not None)
    values = {"painter_role_ids": [], "channel_ids": []}
    await world.wait_for_text(await world.discord.submit_modal(opened, values), "everybody")
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.painter_role_ids, limits.channel_ids) == ((), ())
