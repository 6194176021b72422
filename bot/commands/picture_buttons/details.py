"""“Details”: how a picture was made: seed, network, iterations."""

import contextlib

from discord import ui

from bot.cards.job_buttons import Action
from bot.cards.small_print import details
from bot.commands.job_access import known_job, not_yours, record_view
from bot.commands.picture_buttons.describe import describe_button
from bot.commands.rights import Right, may
from bot.kit import Feature, Interaction
from bot.texts import Texts, texts_of
from bot.ui.words import lasting_address
from bot.wire.acknowledging import acknowledge
from bot.wire.original_response import fill_response
from bot.wire.uploads import MOST_BYTES, Upload
from common.store import PictureMissingError, StorageUnavailableError
from jobs.model import Job


async def show_details(interaction: Interaction, job_id: int) -> None:
    """Show the details to a user who may see the picture."""
    job = await known_job(interaction, job_id)
    if not may(Right.LOOK, interaction, job):
        raise not_yours(interaction, job)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await record_view(interaction, job)
    t = texts_of(interaction)
    files = await _records(interaction, t, job)
    words = details(t, job, await _parent_link(interaction, job))
    if files:
        words.append(t("-# And its loss, iteration by iteration, as a curve and in figures."))
    view = None
    if job.user_id == interaction.user.id and job.result_key is not None:
        view = ui.View(timeout=None).add_item(describe_button.of(t, job.user_id, job.id))
    await fill_response(interaction, files, content="\n".join(words), view=view)


async def _parent_link(interaction: Interaction, job: Job) -> str | None:
    """The URL of the picture that a job was remixed from, if the user may see it there."""
    if job.parent_job_id is None:
        return None
    parent = await interaction.client.queue.jobs.get(job.parent_job_id)
    if parent is None or not may(Right.LOOK, interaction, parent):
        return None
    return None if parent.result_key is None else lasting_address(parent)


async def _records(interaction: Interaction, t: Texts, job: Job) -> list[Upload]:
    """The recordings that belong to a time-lapse, as far as they fit."""
    if job.report is None or job.pictures_deleted_at is not None:
        return []
    room_bytes = min(interaction.filesize_limit, MOST_BYTES)
    files: list[Upload] = []
    for name, key in job.report.records.items():
        with contextlib.suppress(PictureMissingError, StorageUnavailableError):
            data = await interaction.client.queue.store.get(key)
            if len(data) <= room_bytes:
                room_bytes -= len(data)
                words = t("The loss by iteration, as a curve") if name.endswith(".png") else None
                files.append(Upload(data, f"{job.id}-{name}", description=words))
    return files


FEATURE = Feature(picture_actions={Action.DETAILS: show_details})
