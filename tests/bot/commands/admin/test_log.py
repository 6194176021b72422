"""`/limits log` and the log channel."""

import json
import re

import pytest
import sqlalchemy as sa

from jobs.db import schema
from sandbox.permissions import ATTACH_FILES
from tests.bot.commands.rights.origins import set_overwrite
from tests.kit.pictures import plain_picture
from tests.kit.world import World


async def test_limits_log_shows_changes_and_their_authors_in_pages(world: World) -> None:
    admin = world.user("admin")
    assert "Nothing has been changed so far" in (await world.slash(admin, "limits log")).text
    for size in range(64, 64 + 12):
        await world.queue.limits.set(world.guild_id, {"max_size_px": size}, admin.id)
    await world.slash(admin, "blocklist add", {"member": world.user("grace").id})
    message = await world.slash(admin, "limits log")
    newest = message.text.splitlines()[1]
    assert re.fullmatch(
        rf"<t:\d+:R> <@{admin.id}>: blocked a member \(<@{world.user('grace').id}>\)", newest
    )
    assert "Largest size: 74 px → 75 px" in message.text
    assert "→ 64 px" not in message.text
    await world.press(admin, message, "Next")
    assert "Largest size: the operator's → 64 px" in message.text


async def test_limits_log_omits_unchanged_values(world: World) -> None:
    admin = world.user("admin")
    for per_day in (3, 4):
        changes = {"max_size_px": 64, "max_per_day": per_day}
        await world.queue.limits.set(world.guild_id, changes, admin.id)
    newest = (await world.slash(admin, "limits log")).text.splitlines()[1]
    assert "24 hours: 3 → 4" in newest
    assert "64 px" not in newest


async def test_limits_log_is_shortened_between_limits_and_keeps_their_order(world: World) -> None:
    admin = world.user("admin", locale="fr")
    talk = world.discord.channel("talk")
    values = {"size": 512, "quality": "standard", "per_day": 3, "cooldown": 30}
    channels = {"log_channel": str(talk.id), "gallery": str(talk.id)}
    answer = await world.slash(admin, "limits set", {**values, **channels})
    await world.press(admin, answer, "Revenir en arrière")
    undone, done = (await world.slash(admin, "limits log")).text.splitlines()[1:3]
    assert "Taille maximale : valeur de l’opérateur → 512 px".replace(" :", "\u00a0:") in done
    assert (
        "changement de limites (Taille maximale\u00a0: 512 px → valeur de l’opérateur, M" in undone
    )
    for line in (undone, done):
        assert re.search(r"… et \d autres\.\)$", line), line
        assert line.count("<#") == line.count("<#" + str(talk.id) + ">")


async def test_limits_log_shows_an_unset_channel_as_no_channel(world: World) -> None:
    admin, talk = world.user("admin"), world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"gallery_channel_id": talk.id}, admin.id)
    newest = (await world.slash(admin, "limits log")).text.splitlines()[1]
    assert f"Gallery channel: no channel → <#{talk.id}>" in newest


async def test_limits_log_shows_entries_that_another_version_wrote_otherwise(world: World) -> None:
    admin = world.user("admin")
    await world.queue.limits.set(world.guild_id, {"max_size_px": 64}, admin.id)
    details = {"max_size_px": 64, "painter_role_ids": 5, "before": [128]}
    async with world.queue.database.write() as transaction:
        await transaction.execute(sa.update(schema.audit).values(details=json.dumps(details)))
    newest = (await world.slash(admin, "limits log")).text.splitlines()[1]
    assert "Largest size: 64 px" in newest


@pytest.mark.usefixtures("immediate_retries")
@pytest.mark.parametrize("is_lost", [False, True])
async def test_changes_are_posted_to_the_log_channel(world: World, *, is_lost: bool) -> None:
    admin, grace = world.user("admin"), world.user("grace")
    talk = world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"log_channel_id": talk.id}, admin.id)
    if is_lost:  # the response to the message
        world.discord.faults.add("POST", "/channels/*/messages", carried_out=True, drop=True)
    told = await world.slash(admin, "blocklist add", {"member": grace.id})
    assert "could not write" not in told.text
    (posted,) = world.discord.messages("talk")
    assert posted.text == f"<@{admin.id}>: <@{grace.id}> is blocked from painting here."
    assert posted.mentions == []


@pytest.mark.usefixtures("immediate_retries")
@pytest.mark.parametrize("is_there", [False, True])
async def test_unreachable_log_channel_is_reported_to_the_admin(
    world: World, *, is_there: bool
) -> None:
    admin, talk = world.user("admin"), world.discord.channel("talk")
    await set_overwrite(world, talk, world.discord.world.bot, deny=ATTACH_FILES)  # text needs none
    channel_id = talk.id if is_there else 12345
    await world.queue.limits.set(world.guild_id, {"log_channel_id": channel_id}, admin.id)
    world.discord.faults.add("POST", f"/channels/{channel_id}/messages", drop=is_there, times=9)
    message = await world.slash(admin, "queue-admin pause")
    assert "The queue is paused." in message.text
    assert f"could not write to the log channel <#{channel_id}>" in message.text


async def test_server_settings_and_styles_are_posted_to_the_log_channel(world: World) -> None:
    admin, picture = world.user("admin"), {"picture": ("a.png", plain_picture())}
    talk = world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"log_channel_id": talk.id}, admin.id)
    for whose in ("this channel's", "this server's", "mine"):
        opened = await world.discord.slash(admin, "settings", {"whose": whose})
        await opened.wait(lambda i: i.modal is not None)
        await world.answer_text(await world.discord.submit_modal(opened, {"switches": ["spoiler"]}))
    for for_server in (True, False):
        options = {"name": "Moss" if for_server else "Mine", "for_server": for_server}
        await world.slash(admin, "style save", options, attachments=picture)
    for name in ("Moss", "Mine"):
        await world.slash(admin, "style remove", {"name": name})
    named = await world.slash(admin, "style-of-the-week", {"style": "the-scream"})
    await world.press(admin, named, "End it now")
    place = world.discord.channel("paintings").id
    texts = [
        message.text.removeprefix(f"<@{admin.id}>: ") for message in world.discord.messages("talk")
    ]
    expected = [
        f"set the defaults of a channel or the server (<#{place}>, spoiler on all pictures)",
        "set the defaults of a channel or the server (of the server, spoiler on all pictures)",
        "saved a style for the server (“Moss”)",
        "removed a style of the server (“Moss”)",
        "announced a style of the week (“The Scream”, until <t:",
        "ended the style of the week (“The Scream”)",
    ]
    assert len(texts) == len(expected)
    for words, wanted in zip(texts, expected, strict=True):
        assert words.startswith(wanted)


async def test_settings_form_is_refused_after_permission_loss(world: World) -> None:
    admin = world.user("admin")
    opened = await world.discord.slash(admin, "settings", {"whose": "this server's"})
    await opened.wait(lambda i: i.modal is not None)
    admin.role_ids.clear()
    world.discord.world.guild.owner_id = world.user("grace").id
    submitted = await world.answer_text(
        await world.discord.submit_modal(opened, {"switches": ["spoiler"]})
    )
    assert "Only members who manage this server may set that" in submitted
    assert not (await world.queue.defaults.of("guild", world.guild_id)).always_spoiler
