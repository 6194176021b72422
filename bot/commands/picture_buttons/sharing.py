"""Buttons that show more of a finished picture: compare, time-lapse, save to DMs."""

import discord
from discord import ui

from bot.cards.descriptions import described
from bot.cards.fit_upload import fitted_result
from bot.cards.job_buttons import Action
from bot.cards.job_card import saved_card
from bot.cards.small_print import Attached, settings_line
from bot.commands.job_access import check_pictures, kept_job, open_job
from bot.commands.show import check_posting
from bot.intake.fair_use import convenience
from bot.intake.own_defaults import must_hide_here
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.components import PersistentItem, own_button
from bot.ui.words import lasting_address
from bot.wire.acknowledging import acknowledge
from bot.wire.faults import CANNOT_SEND_TO_USER, NO_MUTUAL_SERVER
from bot.wire.original_response import fill_response, with_retries
from bot.wire.uploads import MOST_BYTES, Upload, upload_limit_bytes
from common.settings import MIB
from jobs.model import Job

NO_RESULT = _("The picture of #{job_id} is no longer kept; please paint it again.")
LAPSE_TOO_LARGE = _(
    "The time-lapse is {size:.1f} MiB, and at most {limit:.0f} MiB can be uploaded here; "
    "please paint it at a smaller size."
)
DMS_CLOSED = _(
    "I cannot send you DMs; please allow direct messages from this server and try again."
)

SAVING_TRIES = 2


async def compare(interaction: Interaction, job_id: int) -> None:
    """Show before and after side by side, ephemerally; the owner may post it."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    job = await open_job(interaction, job_id)
    async with convenience(interaction):
        await _show_compared(interaction, job)


async def _show_compared(interaction: Interaction, job: Job, *, posted: bool = False) -> None:
    result_key = _result_key(job)
    check_pictures(job)
    store = interaction.client.queue.store
    limit_bytes = min(interaction.filesize_limit, MOST_BYTES)
    encoder, painted = interaction.client.encoder, job.report.clip if job.report else None
    if painted is not None and job.inputs.clip is not None:
        before, after = await store.get(job.inputs.clip.picture), await store.get(painted.key)
        sheet = await encoder.make("compare_clips", limit_bytes, before, after)
    else:
        before, after = await store.get(job.inputs.content), await store.get(result_key)
        sheet = await encoder.make("compare", limit_bytes, before, after)
    t = texts_of(interaction)
    may_post = job.user_id == interaction.user.id and not posted
    button = post_comparison_button.of(t, job.user_id, job.id) if may_post else None
    await _show(
        interaction,
        t("Before and after: {settings}", settings=settings_line(t, job)),
        Attached(sheet.data, f"compare-{job.id}{sheet.suffix}"),
        button,
        description=t("Before and after: {settings}", settings=described(t, job)),
        spoiler=posted and (job.reply.spoiler or await must_hide_here(interaction)),
    )


async def _show(
    interaction: Interaction,
    words: str,
    attached: Attached,
    button: PersistentItem | None,
    *,
    description: str,
    spoiler: bool,
) -> None:
    """Edit the response to these words and this file, with a button to post them, if given."""
    view = None if button is None else ui.View(timeout=None).add_item(button)
    file = Upload(attached.data, attached.filename, spoiler=spoiler, description=description)
    await fill_response(interaction, [file], content=words, view=view)


async def show_timelapse(interaction: Interaction, job: Job, key: str) -> None:
    """Show a job's recorded time-lapse alone, so that Discord shows it as large as possible."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    async with convenience(interaction):
        await _show_timelapse(interaction, job, key)


async def _show_timelapse(
    interaction: Interaction, job: Job, key: str, *, posted: bool = False
) -> None:
    store = interaction.client.queue.store
    data = await store.get(key)
    limit_bytes = min(interaction.filesize_limit, MOST_BYTES)
    if len(data) > limit_bytes:
        raise UserError(LAPSE_TOO_LARGE, size=len(data) / MIB, limit=limit_bytes / MIB)
    t = texts_of(interaction)
    suffix = key.rpartition(".")[2]
    picture = described(t, job)
    await _show(
        interaction,
        t("How #{job_id} was painted", job_id=job.id),
        Attached(data, f"timelapse-{job.id}.{suffix}"),
        None if posted else post_timelapse_button.of(t, job.user_id, job.id),
        description=t("How #{job_id} was painted: {picture}", job_id=job.id, picture=picture),
        spoiler=posted and (job.reply.spoiler or await must_hide_here(interaction)),
    )


@own_button("post-film", _("Post here"), emoji="📣")
async def post_timelapse_button(interaction: Interaction, _t: Texts, job_id: int) -> None:
    """Posts the time-lapse where the button is pressed."""
    job = await kept_job(interaction, job_id)
    if job.timelapse_key is None:
        raise UserError(NO_RESULT, job_id=job.id)
    await check_posting(interaction, job.id)
    await acknowledge(interaction, thinking=True)
    async with convenience(interaction):
        await _show_timelapse(interaction, job, job.timelapse_key, posted=True)


@own_button("post-compared", _("Post here"), emoji="📣")
async def post_comparison_button(interaction: Interaction, _t: Texts, job_id: int) -> None:
    """Posts before and after where the button is pressed."""
    job = await kept_job(interaction, job_id)
    _result_key(job)
    await check_posting(interaction, job.id)
    await acknowledge(interaction, thinking=True)
    async with convenience(interaction):
        await _show_compared(interaction, job, posted=True)


async def save(interaction: Interaction, job_id: int) -> None:
    """Send the finished picture to its owner's DMs."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    job = await kept_job(interaction, job_id)
    async with convenience(interaction):
        await _save(interaction, job)


async def _save(interaction: Interaction, job: Job) -> None:
    _result_key(job)
    client, t = interaction.client, texts_of(interaction)
    attached = await fitted_result(t, client, job, upload_limit_bytes(None))
    assert attached is not None

    async def send() -> discord.Message:
        dm = await client.create_dm(discord.Object(job.user_id))
        return await dm.send(
            view=saved_card(t, job, attached, lasting_address(job)),
            file=Upload(attached.data, attached.filename),
            nonce=f"save-{interaction.id}",  # so that a retry sends nothing twice
        )

    try:
        message = await with_retries(send, SAVING_TRIES)
    except discord.Forbidden as error:
        if error.code in {CANNOT_SEND_TO_USER, NO_MUTUAL_SERVER}:
            raise UserError(DMS_CLOSED) from None
        raise
    await fill_response(interaction, content=t("It is in your DMs: {link}", link=message.jump_url))


def _result_key(job: Job) -> str:
    """The key of the finished picture.

    Raises:
        UserError: It was deleted.
    """
    if job.result_key is None:
        raise UserError(NO_RESULT, job_id=job.id)
    return job.result_key


FEATURE = Feature(
    buttons=(post_timelapse_button, post_comparison_button),
    picture_actions={Action.COMPARE: compare, Action.SAVE: save},
)
