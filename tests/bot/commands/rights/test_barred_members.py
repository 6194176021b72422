"""Members who may not paint in a channel or server cannot post or save anything there."""

import pytest

from bot.ui.components import custom_id
from tests.bot.commands.rights.origins import press_delete
from tests.kit.pictures import plain_picture
from tests.kit.world import World


@pytest.mark.parametrize("reason", ["blocked", "role", "channel"])
async def test_member_barred_from_painting_posts_no_picture_in_the_channel(
    world: World, reason: str
) -> None:
    ada, admin = world.user("ada"), world.user("admin")
    job = await world.make_painted_job(ada, timelapse=True)
    if reason == "blocked":
        await world.queue.blocks.add(world.guild_id, ada.id, admin.id)
    elif reason == "role":
        await world.queue.limits.set(world.guild_id, {"painter_role_ids": [1]}, admin.id)
    else:
        channel = world.discord.channel("paintings")
        await world.queue.limits.set(world.guild_id, {"channel_ids": [channel.id]}, admin.id)
    options = {"picture": job.id, "everybody": True}
    message = await world.slash(ada, "show", options, channel="talk")
    assert message.ephemeral
    assert not message.attachments
    before = len(world.discord.messages("talk"))
    for kind in ("post-compared", "post-film"):
        message_with_button = world.discord.post(world.discord.world.bot, "A copy", channel="talk")
        button = {
            "type": 2,
            "style": 2,
            "label": "Post here",
            "custom_id": custom_id(kind, ada.id, job.id),
        }
        message_with_button.components.append({"type": 1, "components": [button]})
        await world.answer_text(
            await world.discord.press(ada, message_with_button, label="Post here")
        )
    deleted = await press_delete(world, ada, job)
    await deleted.wait(lambda i: i.followups)
    undone = await world.discord.press(ada, deleted.followups[0], label="Undo")
    await undone.wait(lambda i: i.message is not None and i.message.attachments)
    shown = [each for each in world.discord.messages("talk")[before:] if each.attachments]
    assert not [each for each in shown if not each.ephemeral]
    assert (await world.slash(ada, "show", {"picture": job.id}, channel="talk")).attachments


@pytest.mark.parametrize("everywhere", [False, True])
async def test_blocked_member_cannot_save_a_style(world: World, everywhere: bool) -> None:
    ada = world.user("ada")
    await world.queue.blocks.add(None if everywhere else world.guild_id, ada.id, 1)
    message = await world.slash(
        ada, "style save", {"name": "Mine"}, attachments={"picture": ("a.png", plain_picture())}
    )
    assert "blocked you from painting" in message.text
    assert not await world.queue.styles.visible_to(ada.id, world.guild_id)
