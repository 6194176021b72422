"""Buttons that show something of a finished picture: compare, time-lapse, save to DMs."""

import contextlib
from contextlib import AbstractAsyncContextManager

import discord

from bot.cards.fit_upload import REQUEST_LIMIT_BYTES, ROOM_BYTES, fitted
from bot.cards.job_buttons import Action
from bot.cards.small_print import Attached, settings_line, small_print
from bot.commands.job_access import kept_job
from bot.delivery.routes import DEFAULT_LIMIT_BYTES
from bot.intake.shares import Shares
from bot.kit import Feature, Interaction
from bot.texts import _, texts_of
from bot.wire.acknowledging import acknowledge
from bot.wire.errors import UserProblem
from bot.wire.faults import CANNOT_SEND_TO_USER
from bot.wire.uploads import Upload
from common.store import PictureMissingError, StorageUnavailableError
from jobs.model import Job

NO_RESULT = _("The picture of #{job_id} is no longer kept; please paint it again.")
LAPSE_TOO_LARGE = _(
    "The time-lapse has {size:.1f} MiB, and at most {limit:.0f} MiB can be uploaded here; please "
    "paint a smaller size with it."
)
DMS_CLOSED = _("Your DMs are closed for me; please allow messages from this server and try again.")
MIB = 1024 * 1024


def _turn(interaction: Interaction) -> AbstractAsyncContextManager[None]:
    """Wait until the member may have pictures in memory that nobody waits for but they."""
    return interaction.client.service(Shares).conveniences.turn(interaction.user.id)


async def compare(interaction: Interaction, job_id: int) -> None:
    """Before and after in one picture, for the owner's eyes."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    job = await kept_job(interaction, job_id)
    async with _turn(interaction):
        await _compare(interaction, job)


async def _compare(interaction: Interaction, job: Job) -> None:
    result_key = _result_key(job)
    store = interaction.client.queue.store
    before, after = await store.get(job.inputs.content), await store.get(result_key)
    limit_bytes = min(interaction.filesize_limit, REQUEST_LIMIT_BYTES)
    sheet = await interaction.client.encoder.compare(before, after, limit_bytes)
    t = texts_of(interaction)
    await interaction.edit_original_response(
        content=t("Before and after: {settings}", settings=settings_line(t, job)),
        attachments=[_file(Attached(sheet.data, f"compare-{job.id}{sheet.suffix}"))],
    )


async def show_timelapse(interaction: Interaction, job: Job, key: str) -> None:
    """The recorded time-lapse of a job, and the course of its loss where there is room."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    async with _turn(interaction):
        await _show_timelapse(interaction, job, key)


async def _show_timelapse(interaction: Interaction, job: Job, key: str) -> None:
    store = interaction.client.queue.store
    data = await store.get(key)
    limit_bytes = min(interaction.filesize_limit, REQUEST_LIMIT_BYTES)
    if len(data) > limit_bytes:
        raise UserProblem(LAPSE_TOO_LARGE, size=len(data) / MIB, limit=limit_bytes / MIB)
    t = texts_of(interaction)
    suffix = key.rpartition(".")[2]
    shown = [Attached(data, f"timelapse-{job.id}.{suffix}")]
    room_bytes = REQUEST_LIMIT_BYTES - ROOM_BYTES - len(data)
    for name, record_key in (job.report.records if job.report else {}).items():
        with contextlib.suppress(PictureMissingError, StorageUnavailableError):
            record = await store.get(record_key)
            if len(record) <= min(limit_bytes, room_bytes):
                room_bytes -= len(record)
                shown.append(Attached(record, f"{job.id}-{name}"))
    words = t("How #{job_id} was painted", job_id=job.id)
    if len(shown) > 1:
        words += "\n" + t("-# And its loss, iteration by iteration, as a curve and in figures.")
    await interaction.edit_original_response(
        content=words, attachments=[_file(attached) for attached in shown]
    )


async def save(interaction: Interaction, job_id: int) -> None:
    """Send the finished picture to its owner's DMs."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    job = await kept_job(interaction, job_id)
    async with _turn(interaction):
        await _save(interaction, job)


async def _save(interaction: Interaction, job: Job) -> None:
    result_key = _result_key(job)
    client, t = interaction.client, texts_of(interaction)
    attached = await fitted(
        t,
        client.queue.store,
        client.encoder,
        key=result_key,
        limit_bytes=DEFAULT_LIMIT_BYTES,
        name=f"atelier-{job.id}",
    )
    try:
        dm = await client.create_dm(discord.Object(job.user_id))
        message = await dm.send(
            small_print(t, job, attached),
            file=_file(attached, spoiler=job.reply.spoiler),
            nonce=f"save-{interaction.id}",
        )
    except discord.Forbidden as error:
        if error.code == CANNOT_SEND_TO_USER:
            raise UserProblem(DMS_CLOSED) from None
        raise
    await interaction.edit_original_response(
        content=t("It is in your DMs: {link}", link=message.jump_url)
    )


def _result_key(job: Job) -> str:
    """The key of the finished picture.

    Raises:
        UserProblem: if it was deleted.
    """
    if job.result_key is None:
        raise UserProblem(NO_RESULT, job_id=job.id)
    return job.result_key


def _file(attached: Attached, *, spoiler: bool = False) -> discord.File:
    return Upload(attached.data, attached.filename, spoiler=spoiler)


FEATURE = Feature(picture_actions={Action.COMPARE: compare, Action.SAVE: save})
