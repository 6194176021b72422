"""`/privacy` and its buttons."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import discord
from discord import app_commands

from bot.commands.privacy_export import export_parts
from bot.intake.fair_use import convenience
from bot.intake.service import IntakeService
from bot.kit import DISCORD_FAILED, Bot, Feature, Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.components import Card, card, own_button, row_of, say, show
from bot.wire.acknowledging import acknowledge
from bot.wire.original_response import with_retries
from bot.wire.uploads import Upload
from jobs.model import JobState
from jobs.privacy.retention import ROWS_KEPT_DAYS

PARTS = 20
PARTS_OF_USER_INSTALLED = 4  # Discord allows five followups to a user-installed app
ARCHIVE_NAME = "atelier-export.zip"


@app_commands.command(name="privacy")
async def privacy(interaction: Interaction) -> None:
    """What I keep about you; get a copy of it, or erase it."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await show(interaction, await privacy_page(interaction))


async def privacy_page(interaction: Interaction) -> Card:
    """What is stored, and the buttons."""
    t = texts_of(interaction)
    user_id = interaction.user.id
    limits = await interaction.client.queue.limits.in_force(interaction.guild_id)
    kept = t.plural(
        "Pictures, yours and mine, are deleted after {count} day.",
        "Pictures, yours and mine, are deleted after {count} days.",
        count=limits.retention_days,
    )
    words = t(
        "For each picture you ask for, I keep: your Discord ID and name, the server and "
        "channel, the pictures you gave me, the settings, the result, and when it was painted. "
        "I keep the styles that you save until you remove them. I do not read messages, and I "
        "pass nothing on."
    )
    rows = t("The rest, without pictures, is deleted after {days} days.", days=ROWS_KEPT_DAYS)
    buttons = row_of(export_button.of(t, user_id), erase_button.of(t, user_id))
    return card(t("## Your data"), f"{words}\n{kept} {rows}", buttons)


@own_button("privacy-export", _("Send me my data"), emoji="📦")
async def export_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Sends the user all data that is stored about them."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    async with convenience(interaction):
        await _send(interaction, t)


async def _send(interaction: Interaction, t: Texts) -> None:
    is_few = interaction.is_user_integration() and not interaction.is_guild_integration()
    parts_left = PARTS_OF_USER_INSTALLED if is_few else PARTS
    words = [t("Here is what I keep about you.")]
    async for part in export_parts(
        interaction.client, interaction.user.id, interaction.filesize_limit
    ):
        parts_left -= 1
        is_last = not parts_left or not part.to_come
        missing = part.left_out + part.to_come
        if is_last and missing:
            words.append(
                t.plural(
                    "{count} picture could not be sent; /history shows it.",
                    "{count} pictures could not be sent; /history shows them.",
                    count=missing,
                )
            )
        await _send_part(interaction, "\n".join(words), part.archive.getvalue())
        words.clear()
        if is_last:
            break


async def _send_part(interaction: Interaction, words: str, archive: bytes) -> None:
    """Send one archive; once more if the response is lost, as it may be there twice."""
    await with_retries(
        lambda: interaction.followup.send(
            words, file=Upload(archive, ARCHIVE_NAME), ephemeral=True
        ),
        tries=1,
    )


@own_button("privacy-erase", _("Erase my data…"), emoji="🗑️", style=discord.ButtonStyle.danger)
async def erase_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Asks whether to erase everything."""
    user_id = interaction.user.id
    question = t(
        "Erase everything that I keep about you? Your waiting pictures will be cancelled, and "
        "your pictures and styles deleted. What others made from your pictures stays theirs, "
        "but your photos are taken out of it. This cannot be undone. Messages in Discord stay "
        "until you or a moderator delete them."
    )
    layout = card(question, row_of(really_erase_button.of(t, user_id), keep_button.of(t, user_id)))
    await acknowledge(interaction)
    await show(interaction, layout)


@own_button("privacy-really", _("Erase everything"), style=discord.ButtonStyle.danger)
async def really_erase_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Erases everything."""
    await acknowledge(interaction)

    async def meanwhile() -> None:
        # Otherwise the question would stay for seconds, as if the button did nothing.
        with contextlib.suppress(*DISCORD_FAILED):  # only a courtesy
            await say(
                interaction,
                t("I am stopping what is being painted for you, and then I erase everything…"),
            )

    await stop_unfinished(interaction.client, interaction.user.id, meanwhile)
    await interaction.client.service(IntakeService).forget(interaction.user.id)
    counts = await interaction.client.queue.privacy.erase_user(interaction.user.id)
    interaction.client.languages.pop(interaction.user.id, None)
    words = t(
        "Everything was erased: {jobs}, {pictures}, {styles}.",
        jobs=t.plural(
            "{count} picture that you asked for",
            "{count} pictures that you asked for",
            count=counts.jobs,
        ),
        pictures=t.plural("{count} file", "{count} files", count=counts.pictures),
        styles=t.plural("{count} style", "{count} styles", count=counts.styles),
    )
    stays = t(
        "-# What stays: styles that you saved for a server; if you are blocked, the block; and "
        "for one day, when you painted, because of the limit on pictures per day."
    )
    await say(interaction, f"{words}\n{stays}")


@own_button("privacy-keep", _("Keep everything"))
async def keep_button(interaction: Interaction, _t: Texts, _about: int) -> None:
    """Goes back without erasing."""
    await acknowledge(interaction)
    await show(interaction, await privacy_page(interaction))


LONGEST_SECONDS = 8.0
"""An engine stops within two seconds; a slow Discord is not waited for any longer than this."""
LOOK_SECONDS = 0.2
JOBS_AT_ONCE = 500


async def stop_unfinished(
    client: Bot, user_id: int, meanwhile: Callable[[], Awaitable[None]]
) -> None:
    """Cancel a user's jobs, and wait a moment until their messages show it.

    An erasure forgets which messages these are: they would show a place in the queue forever.

    Args:
        client: The bot.
        user_id: The user.
        meanwhile: Says that this takes a moment; called if there is anything to wait for.
    """
    queue = client.queue
    unfinished = (JobState.QUEUED, JobState.RUNNING)
    jobs = await queue.jobs.of_user(user_id, states=unfinished, limit=JOBS_AT_ONCE)
    for job in jobs:
        await queue.jobs.cancel(job.id, user_id)
    left = {job.id for job in jobs}
    if left:
        await meanwhile()
    give_up_at = asyncio.get_running_loop().time() + LONGEST_SECONDS
    while left and asyncio.get_running_loop().time() < give_up_at:
        await asyncio.sleep(LOOK_SECONDS)
        for job_id in list(left):
            now = await queue.jobs.get(job_id)
            if now is None or now.delivered_at is not None:
                left.discard(job_id)


FEATURE = Feature(
    commands=(privacy,), buttons=(export_button, erase_button, really_erase_button, keep_button)
)
