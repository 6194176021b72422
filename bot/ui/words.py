"""Jobs and styles in words; and untrusted text made safe to show in a message."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from unicodedata import bidirectional

import discord

from bot.kit import Bot
from bot.texts import Texts, _
from common.catalogue import Painting, load_catalogue, needs_download
from common.graphemes import cut
from common.options import StyleInput
from common.settings import Settings
from jobs.model import Job, JobState, QueuePosition

QUALITIES = {"draft": _("draft"), "standard": _("standard"), "fine": _("fine")}
STATES = {
    JobState.QUEUED: _("waiting"),
    JobState.RUNNING: _("being painted"),
    JobState.DONE: _("finished"),
    JobState.FAILED: _("failed"),
    JobState.CANCELLED: _("cancelled"),
}
SOON_SECONDS = 5.0
"""A time this close may have passed when it is read."""
OPTION_LIMIT = 100  # characters of an autocomplete choice's name, and of a menu's option


_GAP = "\u200b"  # zero-width space; breaks markup apart
_NO_LINK = f":{_GAP}//"
_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"
_OVERRIDES = dict.fromkeys(range(0x202A, 0x202F))
"""Bidi embeddings and overrides, which last to the end of the line."""
_TURNING = _OVERRIDES | dict.fromkeys(range(0x2066, 0x206A))
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


def shorten(text: str, limit: int) -> str:
    """Text of at most `limit` code points; an ellipsis replaces what is cut off."""
    return text if len(text) <= limit else cut(text, limit - 1) + "…"


def those_that_fit(t: Texts, parts: Sequence[str], limit: int, *, between: str) -> str:
    """The first texts, as many as fit into `limit` characters, and how many more there are."""
    taken, used = 0, 0
    for part in parts:
        used += len(part) + len(between)
        if used > limit:
            break
        taken += 1
    shown, more = list(parts[:taken]), len(parts) - taken
    if more:
        shown.append(t.plural("… and {count} more.", "… and {count} more.", count=more))
    return between.join(shown)


def isolated(text: str) -> str:
    """Untrusted text in a bidi isolate, so that Hebrew, say, does not reorder numbers next to it.

    See https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates.
    """
    bare = text.translate(_TURNING)
    is_turned = any(bidirectional(character) in _RIGHT_TO_LEFT for character in bare)
    return f"{_ISOLATE}{bare}{_END_OF_ISOLATE}" if is_turned else bare


def plain(text: str, limit: int = 80) -> str:
    """Untrusted text made safe for a message: one short line without markup.

    No mentions, links or timestamps, and nothing that changes the direction of the text after it.
    """
    return isolated(plain_line(text.translate(_TURNING), limit))


def plain_line(text: str, limit: int = 80) -> str:
    """The same for a whole line of ours that contains texts from `isolated`."""
    short = shorten(" ".join(text.translate(_OVERRIDES).splitlines()), limit)
    escaped = discord.utils.escape_markdown(short, ignore_links=False)
    return discord.utils.escape_mentions(escaped.replace("<", f"<{_GAP}").replace("://", _NO_LINK))


def local_first(client: Bot, limit: int | None = None) -> list[Painting]:
    """The paintings on offer; those that need no download come first."""
    paintings = sorted(load_catalogue(), key=lambda each: not is_local(each, client.settings))
    return [each for each in paintings if is_offered(client, each)][:limit]


def is_offered(client: Bot, painting: Painting) -> bool:
    """Whether a painting can be used: it is on this machine, or downloads work."""
    return not client.scans_unreachable or is_local(painting, client.settings)


def painter_words(t: Texts, client: Bot, painting: Painting) -> str:
    """Painter and year, and whether a download is needed first: `Claude Monet, 1872`."""
    words = f"{painting.artist}, {painting.year}"
    if is_local(painting, client.settings):
        return words
    return t("{painter} · ⬇ downloaded first", painter=words)


def is_local(painting: Painting, settings: Settings) -> bool:
    """Whether a painting needs no download."""
    return not needs_download(painting, settings.styles_dir)


def style_words(t: Texts, style: StyleInput) -> str:
    """The name of one style."""
    if style.is_content:
        return t("itself")
    painting = load_catalogue().get(style.preset) if style.preset is not None else None
    if painting is not None:
        return painting.title(t.language)
    return style.preset or isolated(style.name or "") or t("own picture")


def preset_words(t: Texts, preset: str, name: str) -> str:
    """The name of a preset in a reader's language, given the one in another's."""
    painting = load_catalogue().get(preset)
    return name if painting is None else painting.title(t.language)


def styles_words(t: Texts, job: Job) -> str:
    """The names of all styles of a job: joined if blended, numbered if each has a version."""
    names = [style_words(t, style) for style in job.inputs.styles]
    if differs_by_style(job):
        return ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))
    return " + ".join(names)


def differs_by_style(job: Job) -> bool:
    """Whether a job has one version for each style."""
    return job.options.vary == "style" and job.options.variants > 1


def count_words(t: Texts, job: Job) -> list[str]:
    """How many pictures a job paints: `4 versions`; nothing for one."""
    match job.options.variants, job.options.vary:
        case 1, _:
            return []
        case count, "photo":
            return [t.plural("{count} photo", "{count} photos", count=count)]
        case count, _:
            return [t.plural("{count} version", "{count} versions", count=count)]


def job_title(t: Texts, job: Job) -> str:
    """One line, without markup: `#12 · 4 versions · The Starry Night · 512 px · standard`."""
    named = [*count_words(t, job), styles_words(t, job)]
    if differs_by_style(job):
        named = [styles_count_words(t, job)]
    settings = (f"{job.options.size_px} px", t(QUALITIES[job.options.quality]))
    return " · ".join((f"#{job.id}", *named, *settings))


def styles_count_words(t: Texts, job: Job) -> str:
    """The short name of a job with one version for each style: `5 styles`."""
    return t.plural("{count} style", "{count} styles", count=len(job.inputs.styles))


def job_choice(t: Texts, job: Job) -> str:
    """A job as the name of an autocomplete choice."""
    name = f"{job_title(t, job)} · {t(STATES[job.state])}"
    return shorten(name, OPTION_LIMIT)


def job_line(t: Texts, job: Job) -> str:
    """A job as one line of a message."""
    return plain_line(job_title(t, job), limit=150)


def relative(moment: datetime) -> str:
    """A Discord timestamp that counts down, in each reader's language."""
    return discord.utils.format_dt(moment, "R")


def is_soon(moment: datetime) -> bool:
    """Whether a time has passed, or may have when it is read."""
    return moment <= discord.utils.utcnow() + timedelta(seconds=SOON_SECONDS)


def ready_words(t: Texts, moment: datetime) -> str:
    """When a picture is expected, in words that stay true after that time has passed."""
    if is_soon(moment):
        return t("ready any moment now")
    return t("expected {when}", when=relative(moment))


def position_words(t: Texts, job: Job, position: QueuePosition | None) -> str:
    """The state of a job in words: `place 3, ready in 2 minutes`."""
    if position is None or job.state.ended:
        return t(STATES[job.state])
    if job.cancel_requested:
        return t("is being cancelled")
    if job.state is JobState.RUNNING:
        percent = t.percent(job.progress.fraction if job.progress else 0.0)
        return _with_time(t, t("being painted, {percent}", percent=percent), position)
    if position.paused:
        return t("place {place}, the queue is paused", place=position.place)
    return _with_time(t, t("place {place}", place=position.place), position)


def _with_time(t: Texts, words: str, position: QueuePosition) -> str:
    if position.ready_at is None:
        return words
    return t("{what}, {ready}", what=words, ready=ready_words(t, position.ready_at))


def message_address(job: Job) -> str:
    """The URL of a job's message."""
    reply = job.reply
    guild = "@me" if job.guild_id is None or job.came_by_dm else job.guild_id
    return f"https://discord.com/channels/{guild}/{reply.channel_id}/{reply.message_id}"


def lasting_address(job: Job) -> str | None:
    """The same, if the message is neither ephemeral nor deleted.

    None for a direct message: nobody but its member could open it.
    """
    stands = job.reply.message_id is not None and job.message_removed_at is None
    is_alone = job.reply.ephemeral or job.came_by_dm
    return message_address(job) if stands and not is_alone else None
