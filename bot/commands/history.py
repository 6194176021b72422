"""`/history`: the member's own pictures, newest first, in pages."""

import re
from typing import Any, Self

import discord
from discord import app_commands, ui

from bot.commands.show import show_job
from bot.commands.thumbnails import Thumbnails
from bot.intake.shares import Shares
from bot.kit import Bot, Feature, Interaction
from bot.texts import Texts, texts_of
from bot.ui.buttons import USER, PersistentItem, check_owner, custom_id, template
from bot.ui.container import Page, card, row_of, show, text_page
from bot.ui.paging import PageButton, PagePlace
from bot.ui.words import job_line, job_title, relative
from bot.wire.acknowledging import acknowledge
from jobs.model import Job, JobState

PAGE_SIZE = 4
FETCHED_AT_ONCE = 50
OPTION_LABEL_LIMIT = 100
LARGE_PIXELS = 6_000_000


async def pictures_of(
    client: Bot, user_id: int, *, skip: int, count: int
) -> tuple[list[Job], bool]:
    """Some of a member's pictures that are still kept, and whether there are more."""
    found: list[Job] = []
    before: int | None = None
    while len(found) <= skip + count:
        jobs = await client.queue.jobs.of_user(
            user_id, states=(JobState.DONE,), limit=FETCHED_AT_ONCE, before_id=before
        )
        found.extend(job for job in jobs if job.result_key is not None)
        if len(jobs) < FETCHED_AT_ONCE:
            break
        before = jobs[-1].id
    return found[skip : skip + count], len(found) > skip + count


def small_key(job: Job) -> str | None:
    """Which stored picture to make the small one from.

    A very large result would have to pass through the bot's memory; its last preview shows the
    same, but for the last few iterations.
    """
    report = job.report
    is_large = report is not None and report.width_px * report.height_px > LARGE_PIXELS
    return job.preview_key if is_large and job.preview_key is not None else job.result_key


async def history_page(interaction: Interaction, place: PagePlace) -> Page:
    """One page: the pictures, what they are, and a menu to open one."""
    t = texts_of(interaction)
    client = interaction.client
    jobs, more = await pictures_of(
        client, place.user_id, skip=place.page * PAGE_SIZE, count=PAGE_SIZE
    )
    turner = HistoryPage.turner(t, place, more=more)
    if not jobs:
        return text_page(t("There is no picture of yours here yet. Start one with /paint."), turner)
    async with client.service(Shares).conveniences.turn(interaction.user.id):
        files = await client.service(Thumbnails).files(
            [(str(job.id), key) for job in jobs if (key := small_key(job))]
        )
    gallery: ui.MediaGallery[Any] = ui.MediaGallery()
    for job in jobs:
        if str(job.id) in files:
            gallery.add_item(
                media=files[str(job.id)],
                description=job_title(t, job)[:256],
                spoiler=job.reply.spoiler,
            )
    row = row_of(OpenSelect(t, place.user_id, jobs))
    lines = [f"{job_line(t, job)} · {relative(job.ended_at or job.created_at)}" for job in jobs]
    return Page(
        card(t("## Your pictures"), gallery if files else None, "\n".join(lines), row, turner),
        tuple(files.values()),
    )


class HistoryPage(PageButton, kind="history"):
    """Turns the pages of `/history`."""

    async def render(self, interaction: Interaction, place: PagePlace) -> Page:
        """Make the page."""
        return await history_page(interaction, place)


class OpenSelect(PersistentItem["ui.Select[Any]"], template=template("history:open", USER)):
    """Opens one of the pictures of a page, with the buttons to go on from it."""

    def __init__(self, t: Texts, user_id: int, jobs: list[Job]) -> None:
        select: ui.Select[Any] = ui.Select(
            custom_id=custom_id("history:open", user_id),
            placeholder=t("Open a picture…"),
            options=[
                discord.SelectOption(
                    label=job_title(t, job)[:OPTION_LABEL_LIMIT], value=str(job.id)
                )
                for job in jobs
            ],
        )
        super().__init__(select)
        self.user_id = user_id

    @classmethod
    def unpacked(cls, t: Texts, item: ui.Item[Any], match: re.Match[str]) -> Self:
        """The menu as it was packed, with what was chosen."""
        select = cls(t, int(match["user"]), [])
        if isinstance(item, ui.Select):
            select.item = item
        return select

    async def act(self, interaction: Interaction, t: Texts) -> None:  # noqa: ARG002 - as all
        """Show the chosen picture below."""
        check_owner(interaction, self.user_id)
        await acknowledge(interaction, ephemeral=True, thinking=True)
        await show_job(interaction, int(self.item.values[0]))


@app_commands.command(name="history", description="Your finished pictures, to see and to remix.")
async def history(interaction: Interaction) -> None:
    """Show the first page."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await show(interaction, await history_page(interaction, PagePlace(interaction.user.id)))


FEATURE = Feature(commands=(history,), buttons=(HistoryPage, OpenSelect))
