"""`/history`: the member's own pictures, newest first, in pages."""

import discord
from discord import app_commands

from bot.commands.show import show_job
from bot.commands.thumbnails import thumbnail_of
from bot.intake.fair_use import convenience
from bot.kit import Bot, Feature, Interaction
from bot.texts import Texts, texts_of
from bot.ui.components import (
    USER,
    Card,
    PersistentItem,
    card,
    gallery_of,
    persistent,
    row_of,
    show,
)
from bot.ui.paging import PagePlace, page_button, turner
from bot.ui.words import OPTION_LIMIT, job_line, job_title, relative, shorten
from bot.wire.acknowledging import acknowledge
from jobs.model import ENDED, Job

PAGE_SIZE = 4
FETCHED_AT_ONCE = 50
LARGE_PIXELS = 6_000_000


async def pictures_of(
    client: Bot, user_id: int, *, skip: int, count: int
) -> tuple[list[Job], bool]:
    """One page of a member's pictures that are still stored, and whether there are more."""
    found: list[Job] = []
    before: int | None = None
    while len(found) <= skip + count:
        jobs = await client.queue.jobs.of_user(
            user_id, states=ENDED, limit=FETCHED_AT_ONCE, before_id=before
        )
        found.extend(job for job in jobs if job.result_key is not None)
        if len(jobs) < FETCHED_AT_ONCE:
            break
        before = jobs[-1].id
    return found[skip : skip + count], len(found) > skip + count


def thumbnail_key(job: Job) -> str | None:
    """The stored picture from which to make the thumbnail.

    A very large result would have to pass through the bot's memory; its last preview looks the same
    but for the last few iterations.
    """
    report = job.report
    is_large = report is not None and report.width_px * report.height_px > LARGE_PIXELS
    return job.preview_key if is_large and job.preview_key is not None else job.result_key


async def history_page(interaction: Interaction, place: PagePlace) -> Card:
    """One page: thumbnails, titles, and a menu to open one."""
    t = texts_of(interaction)
    client = interaction.client
    jobs, more = await pictures_of(
        client, place.user_id, skip=place.page * PAGE_SIZE, count=PAGE_SIZE
    )
    turning = turner(history_turner, t, place, more=more)
    if not jobs:
        return card(t("You have no pictures here yet. Start one with /paint."), *turning)
    async with convenience(interaction):
        pictures = [
            (job, await thumbnail_of(client, key, str(job.id)))
            for job in jobs
            if (key := thumbnail_key(job))
        ]
    files = {job.id: file for job, file in pictures if file is not None}
    gallery = gallery_of((files.get(job.id), _described(t, job), job.reply.spoiler) for job in jobs)
    options = [
        discord.SelectOption(label=shorten(job_title(t, job), OPTION_LIMIT), value=str(job.id))
        for job in jobs
    ]
    row = row_of(open_menu.menu(t("Open a picture…"), options, place.user_id))
    lines = [f"{job_line(t, job)} · {relative(job.ended_at or job.created_at)}" for job in jobs]
    headline, words = t("## Your pictures"), "\n".join(lines)
    return card(headline, gallery, words, row, *turning, files=files.values())


def _described(t: Texts, job: Job) -> str:
    """The alt text of a thumbnail: the member's own, if there is one."""
    said = job.reply.alt_text
    return f"#{job.id} · {said}" if said else job_title(t, job)


history_turner = page_button("history", history_page)


@persistent("history:open", USER)
async def open_menu(interaction: Interaction, _t: Texts, item: PersistentItem) -> None:
    """Open one of the pictures as a new message, with its buttons."""
    item.check_owner(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await show_job(interaction, int(item.chosen[0]))


@app_commands.command(name="history")
async def history(interaction: Interaction) -> None:
    """Your finished pictures, to look at and to remix."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await show(interaction, await history_page(interaction, PagePlace(interaction.user.id)))


FEATURE = Feature(commands=(history,), buttons=(history_turner, open_menu))
