"""`/stats`: what was painted each day, as numbers and as a diagram."""

import logging
from datetime import date, timedelta

from discord import app_commands

from bot.cards.small_print import LONG_SECONDS, duration
from bot.commands.admin.access import admin_guild
from bot.commands.admin.plot import Diagram, Plot, draw
from bot.kit import Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.components import Card, card, gallery_of, show
from bot.ui.people import is_operator
from bot.wire.acknowledging import acknowledge
from bot.wire.uploads import Upload
from common.child import ChildError
from jobs.stats import DayStats, Stats

log = logging.getLogger(__name__)

DEFAULT_DAYS = 14
PLOT_NAME = "stats.png"


NOT_OPERATOR = _("Only the operator of this bot may see the figures for all servers.")


@app_commands.command(name="stats")
@app_commands.describe(
    days="How many days to look back.",
    everywhere="For all servers together; only for the operator of this bot.",
)
@app_commands.default_permissions(manage_guild=True)
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.allowed_installs(guilds=True, users=False)
async def stats(
    interaction: Interaction,
    days: app_commands.Range[int, 1, 90] = DEFAULT_DAYS,
    everywhere: bool = False,
) -> None:
    """What was painted in this server, by day."""
    guild_id: int | None = admin_guild(interaction)
    t = texts_of(interaction)
    if everywhere:
        if not is_operator(interaction.user.id, interaction.client.settings):
            raise UserError(NOT_OPERATOR)
        guild_id = None
    await acknowledge(interaction, ephemeral=True, thinking=True)
    client = interaction.client
    found = await client.queue.statistics.read(guild_id, days)
    today = (await client.queue.now()).date()
    words = stats_words(t, found, days)
    if everywhere:
        words += "\n" + t("-# All servers and DMs together.")
    # The numbers come at once; the diagram takes a child process.
    drawing = t("-# The diagram is being drawn…")
    await show(interaction, card(words, drawing))
    await show(interaction, await stats_page(t, words, every_day(found, days, today)))


async def stats_page(t: Texts, words: str, days: list[DayStats]) -> Card:
    """The numbers, with the diagram if it could be drawn."""
    try:
        png = await draw(_plot(t, days))
    except ChildError as problem:
        log.warning("The statistics could not be drawn: %s", problem)
        return card(words, t("-# The diagram could not be drawn this time."))
    file = Upload(png, PLOT_NAME)
    gallery = gallery_of([(file, t("Pictures, failures and times by day"), False)])
    return card(words, gallery, files=[file])


def stats_words(t: Texts, found: Stats, days: int) -> str:
    """The totals in words."""
    waiting = sum(day.waiting_seconds * day.pictures for day in found.days)
    painting = sum(day.painting_seconds for day in found.days)
    lines = [
        t.plural("## The last day", "## The last {count} days", count=days),
        t.plural("{count} picture painted", "{count} pictures painted", count=found.pictures),
        t.plural("{count} member took part", "{count} members took part", count=found.users),
        t.plural("{count} failure", "{count} failures", count=found.failures),
    ]
    if found.pictures:
        mean_wait, mean_painting = waiting / found.pictures, painting / found.pictures
        lines.append(t("average wait: {time}", time=_mean(t, mean_wait)))
        lines.append(t("average painting time: {time}", time=_mean(t, mean_painting)))
    return "\n".join(lines)


def _mean(t: Texts, seconds: float) -> str:
    """A duration as people say it: `2.5 s`, or after a long queue `75 min`."""
    if seconds < LONG_SECONDS:
        return t("{seconds} s", seconds=t.number(seconds, ".1f"))
    return duration(t, seconds)


def every_day(found: Stats, days: int, today: date) -> list[DayStats]:
    """One entry for each day, with those without jobs."""
    known = {day.day: day for day in found.days}
    dates = (today - timedelta(days=ago) for ago in reversed(range(days)))
    return [known.get(each, DayStats(each, 0, 0, 0, 0.0, 0.0)) for each in dates]


def _plot(t: Texts, days: list[DayStats]) -> Plot:
    painting = [day.painting_seconds / day.pictures if day.pictures else 0.0 for day in days]
    return Plot(
        [t.day(day.day) for day in days],
        [
            Diagram(
                t("Pictures"),
                "",
                {
                    t("painted"): [day.pictures for day in days],
                    t("failed"): [day.failures for day in days],
                },
            ),
            Diagram(t("Members"), "", {t("members"): [day.users for day in days]}),
            Diagram(
                t("Average time per picture"),
                t("seconds"),
                {t("queueing"): [day.waiting_seconds for day in days], t("painting"): painting},
            ),
        ],
        t.decimal_mark,
    )


FEATURE = Feature(commands=(stats,))
