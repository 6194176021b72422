"""`/show`: show a picture by its number, with its buttons."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
from discord import app_commands, ui

from bot.cards.fit_upload import fitted, fitted_result
from bot.cards.job_card import job_card
from bot.cards.small_print import Attached
from bot.commands.job_access import is_removed, job_in_time, named_here, record_view
from bot.commands.rights import Origin, Right, may, origin_of
from bot.intake.fair_use import convenience
from bot.intake.own_defaults import must_hide_here
from bot.intake.request import asker_of
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.choices import CHOICES, JobNumber, job_choices
from bot.ui.components import show
from bot.ui.people import is_bot_here, is_seen_by_those_in
from bot.ui.refusals import refusal_words
from bot.ui.words import lasting_address
from bot.wire.acknowledging import acknowledge, answer_within, read_in_time
from bot.wire.uploads import Upload
from common.store import PictureMissingError
from jobs.model import Job, JobState
from jobs.outcomes import QueueUnavailableError, Refusal

CHECKING_SECONDS = 2.0  # of the 3 s within which Discord wants the acknowledgement
ASKING_SECONDS = 1.5  # of these, for Discord
NO_SUCH_PICTURE = _("There is no picture #{job_id} that you can see here; /history shows yours.")
NOT_FOR_OTHERS = _(
    "#{job_id} was not for everybody, or its message was deleted, so I cannot show it to "
    "everybody; leave out `everybody` to see it yourself."
)


async def show_job(interaction: Interaction, job_id: int, *, to_others: bool = False) -> None:
    """Show a job in the message of an acknowledged interaction.

    What others see is a spoiler if admins want that.

    Raises:
        UserError: There is none, or the user may not see it; these are not told apart.
    """
    job = named_here(interaction, await _visible(interaction, job_id))
    await record_view(interaction, job)
    if to_others and await must_hide_here(interaction):
        job = replace(job, reply=replace(job.reply, spoiler=True))
    client, t = interaction.client, texts_of(interaction)
    async with convenience(interaction):
        position = await client.queue.positions.get(job.id)
        attached = await _result(interaction, t, job)
        has_gallery = await _has_gallery(interaction, job)
        layout = job_card(t, job, position, attached, has_gallery=has_gallery)
        if not job.state.ended:
            # Others here must not learn in which other servers its member is.
            may_link = not to_others or job.guild_id == interaction.guild_id
            layout.add_item(ui.TextDisplay(_as_it_stands(t, job, may_link=may_link)))
        if attached is not None:
            layout.files = tuple(Upload(each.data, each.filename) for each in attached.all)
        await show(interaction, layout)


def _as_it_stands(t: Texts, job: Job, *, may_link: bool) -> str:
    """Says that this message stays as it is, and where the job's own message is."""
    if may_link and (link := lasting_address(job)) is not None:
        return t("-# This is how it looks now; it goes on here: {link}", link=link)
    return t("-# This is how it looks now; use /show {job_id} to look again.", job_id=job.id)


async def _visible(interaction: Interaction, job_id: int, *, to_others: bool = False) -> Job:
    """The job, if the user may see it, with its current state according to Discord.

    Discord is not asked about a message that was ephemeral.

    Args:
        interaction: The user's.
        job_id: The job.
        to_others: Whether it is to be shown to others: then nothing is acknowledged yet, and
            Discord has to answer in time.

    Raises:
        UserError: There is none that they may see.
        aiohttp.ClientConnectionError: Discord did not answer in time.
    """
    job = await job_in_time(interaction, job_id)
    if job is None or job.unreadable is not None or not may(Right.LOOK, interaction, job):
        raise UserError(NO_SUCH_PICTURE, job_id=job_id)
    is_own = job.user_id == interaction.user.id
    try:
        async with asyncio.timeout(ASKING_SECONDS if to_others else None):
            removed = (to_others or not is_own) and await is_removed(interaction.client, job)
    except TimeoutError:
        reason = f"Whether #{job_id} was deleted took too long."
        raise aiohttp.ClientConnectionError(reason) from None
    if removed:
        job = replace(job, message_removed_at=job.message_removed_at or datetime.now(UTC))
        if not may(Right.LOOK, interaction, job):
            raise UserError(NO_SUCH_PICTURE, job_id=job_id)
    return job


async def check_posting(interaction: Interaction, job_id: int) -> None:
    """Check that a picture may be shown to others here.

    Raises:
        UserError: Why not.
        QueueUnavailableError: The database was too slow for an interaction not acknowledged yet.
        aiohttp.ClientConnectionError: Discord was.
    """
    try:
        refusal = await answer_within(CHECKING_SECONDS, _refusal_to_show(interaction, job_id))
    except TimeoutError:
        raise QueueUnavailableError(f"Whether to show {job_id} took too long.") from None
    if refusal is not None:
        guild = interaction.client.get_guild(interaction.guild_id or 0)
        raise UserError(refusal_words(texts_of(interaction), refusal, guild))


async def _refusal_to_show(interaction: Interaction, job_id: int) -> Refusal | None:
    job = await _visible(interaction, job_id, to_others=True)
    if not may(Right.POST, interaction, job):
        raise UserError(NOT_FOR_OTHERS, job_id=job_id)
    return await interaction.client.queue.submissions.refusal_to_post(asker_of(interaction))


def is_shown_here(interaction: Interaction, job: Job) -> bool:
    """Whether a picture is visible to the others here.

    Owners can see their own pictures anywhere, ephemerally. What they make of them is ephemeral
    too: a photograph from a direct message or another server has not been shown here.
    """
    pressed = interaction.message
    if pressed is not None and not pressed.flags.ephemeral:
        return True
    if job.channel_id is not None and job.channel_id == interaction.channel_id:
        return True
    is_seen = is_seen_by_those_in(interaction.client, job.channel_id, interaction.channel_id)
    return is_seen and origin_of(interaction, job) is Origin.PUBLIC


async def is_for_others(interaction: Interaction, job: Job) -> bool:
    """Whether a restored picture may be shown publicly here.

    Raises:
        QueueUnavailableError: The database was too slow for an interaction not acknowledged yet.
    """
    if job.reply.ephemeral or not may(Right.POST, interaction, job):
        return False
    refusing = interaction.client.queue.submissions.refusal_to_post(asker_of(interaction))
    return await read_in_time(interaction, refusing) is None


async def _has_gallery(interaction: Interaction, job: Job) -> bool:
    """Whether its member can publish a picture in the server where it is shown."""
    own = job.user_id == interaction.user.id and job.message_removed_at is None
    if not own or interaction.guild_id is None or not is_bot_here(interaction):
        return False
    limits = await interaction.client.queue.limits.in_force(interaction.guild_id)
    return limits.gallery_channel_id is not None


async def _result(interaction: Interaction, t: Texts, job: Job) -> Attached | None:
    client, limit_bytes = interaction.client, interaction.filesize_limit
    try:
        if job.state.ended:
            return await fitted_result(t, client, job, limit_bytes)
        if job.state is not JobState.RUNNING or job.preview_key is None:
            return None
        return await fitted(t, client, job.preview_key, limit_bytes, f"atelier-{job.id}")
    except PictureMissingError:
        return None


@app_commands.command(name="show")
@app_commands.describe(
    picture="Its number; type it, or choose from your newest.",
    everybody="Show it to everybody here, not only to you.",
)
async def show_command(
    interaction: Interaction,
    picture: JobNumber,
    everybody: bool = False,
) -> None:
    """Show a picture by its number."""
    if everybody:  # a refusal must be ephemeral, so check before the public acknowledgement
        await check_posting(interaction, picture)
    await acknowledge(interaction, ephemeral=not everybody, thinking=True)
    await show_job(interaction, picture, to_others=everybody)


@show_command.autocomplete("picture")
async def own_pictures(interaction: Interaction, current: str) -> list[app_commands.Choice[int]]:
    """Autocomplete: the member's newest pictures."""
    t = texts_of(interaction)
    jobs = await interaction.client.queue.jobs.of_user(interaction.user.id, limit=CHOICES)
    return job_choices(t, jobs, current)


FEATURE = Feature(commands=(show_command,))
