"""Pictures whose message was deleted are no longer public, nor usable by others."""

import pytest

from bot.cards.job_buttons import Action
from bot.commands import show
from tests.bot.commands.rights.origins import press_delete, press_forged_button, set_message
from tests.kit.world import World


async def test_missing_message_counts_as_deleted(world: World) -> None:
    """It was deleted while the bot was offline, which got no event."""
    job = await world.make_painted_job(world.user("ada"))
    await set_message(world, job, 4711)
    refused = await world.slash(world.user("mallory"), "show", {"picture": job.id}, channel="talk")
    assert "There is no picture" in refused.text
    assert (await world.reload(job)).message_removed_at is not None
    options = {"picture": job.id, "everybody": True}
    refused = await world.slash(world.user("ada"), "show", options, channel="talk")
    assert refused.ephemeral
    assert "was not for everybody, or its message was deleted" in refused.text
    assert (await world.slash(world.user("ada"), "show", {"picture": job.id})).attachments


async def test_slow_discord_is_named_as_such_before_a_picture_is_shown_to_everybody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await world.make_painted_job(world.user("ada"))
    await set_message(world, job, 4711)
    monkeypatch.setattr(show, "ASKING_SECONDS", 0.1)
    world.discord.faults.add("GET", "/channels/*/messages/*", delay=20.0)
    options = {"picture": job.id, "everybody": True}
    refused = await world.slash(world.user("ada"), "show", options, channel="talk")
    assert refused.ephemeral
    assert refused.text.startswith("Discord did not answer as it should")


async def test_bulk_deleted_messages_count_as_deleted(world: World) -> None:
    job = await world.make_painted_job(world.user("ada"))
    channel = world.discord.channel("paintings")
    await set_message(world, job, 4711)
    data = {
        "ids": ["4711", "4712"],
        "channel_id": str(channel.id),
        "guild_id": str(world.guild_id),
    }
    await world.discord.gateway.dispatch("MESSAGE_DELETE_BULK", data, intent=1 << 9)
    await world.wait_message_removed(job)


async def test_form_opened_before_a_deletion_cannot_use_the_picture(world: World) -> None:
    job = await world.make_painted_job(world.user("ada"))
    opened = {
        name: await press_forged_button(world, world.user(name), job, action)
        for name, action in (("mallory", Action.OTHER_STYLE), ("ada", Action.CHANGE))
    }
    for interaction in opened.values():
        await interaction.wait(lambda i: i.modal is not None)
    deleted = await press_delete(world, world.user("grace"), job)
    await deleted.wait(lambda i: i.followups)
    for name, interaction in opened.items():
        fields = {"preset": ["great-wave"]} if name == "mallory" else {}
        submitted = await world.answer_text(await world.discord.submit_modal(interaction, fields))
        assert "no longer" in submitted or "not kept" in submitted or "only they" in submitted, name
        assert len(await world.jobs(name)) == (name == "ada")
