"""The card of a job in each of its states."""

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot.cards.descriptions import described, descriptions, numbered, title_words
from bot.cards.job_buttons import TAKES, Action, job_buttons
from bot.cards.small_print import Attached, network_words, notes, settings_line, small_print
from bot.texts import Texts, _
from bot.ui.components import Card, card, gallery_of
from bot.ui.words import (
    isolated,
    plain_line,
    ready_words,
    styles_words,
)
from jobs.management.audit import SERVER_LEFT
from jobs.model import Failure, Job, JobState, QueuePosition

BAR_CELLS = 14
STORE_AWAY = _(
    "The storage for pictures does not answer at the moment, so there is no preview. Nothing of "
    "what is painted is lost."
)
REMIX_ACTIONS = (
    *(Action.AGAIN, Action.CHANGE, Action.STRONGER, Action.SOFTER, Action.LARGER),
    Action.OTHER_STYLE,
)
SHARE_ACTIONS = (Action.COMPARE, Action.TIMELAPSE, Action.SAVE)
RESULT_ACTIONS = (*REMIX_ACTIONS, *SHARE_ACTIONS, Action.DETAILS, Action.DELETE)
SAVED_ACTIONS = (*REMIX_ACTIONS, Action.DETAILS)
UNFINISHED_ACTIONS = (Action.AGAIN, Action.CHANGE, Action.OTHER_STYLE, Action.DELETE)
VERSIONS_ACTIONS = (Action.AGAIN, Action.CHANGE, Action.OTHER_STYLE, Action.DETAILS, Action.DELETE)
COLOR_WAITING = 0x7A8B99
COLOR_PAINTING = 0xD9A441
COLOR_DONE = 0x4F8A5B
COLOR_FAILED = 0xB0413E


def job_card(
    t: Texts,
    job: Job,
    position: QueuePosition | None,
    attached: Attached | None = None,
    *,
    has_gallery: bool = False,
    is_store_away: bool = False,
) -> Card:
    """The card of a job.

    Args:
        t: The language of its reader.
        job: As it is.
        position: Its place in the queue; None once it has ended.
        attached: The preview or the result, sent along with it.
        has_gallery: Whether the server has a channel in which to publish it.
        is_store_away: Whether the preview cannot be read at the moment.
    """
    match job.state:
        case JobState.QUEUED:
            return _waiting(t, job, position)
        case JobState.RUNNING:
            obstacle = t(STORE_AWAY) if is_store_away else None
            return _painting(t, job, position, attached, obstacle)
        case JobState.DONE:
            actions = _actions(job, attached, has_gallery) if attached else ()
            return _ended(t, job, attached, actions, COLOR_DONE)
        case JobState.FAILED | JobState.CANCELLED:
            actions = UNFINISHED_ACTIONS
            if attached:
                actions = _actions(job, attached, has_gallery)
            color = COLOR_FAILED if job.state is JobState.FAILED else COLOR_WAITING
            return _ended(t, job, attached, actions, color)


def _ended(
    t: Texts, job: Job, attached: Attached | None, actions: Sequence[str], color: int
) -> Card:
    headline, *lines = end_words(t, job, attached)
    gallery = _results(t, job, attached)
    return card(headline, gallery, *lines, *job_buttons(t, job.id, *actions), color=color)


def _waiting(t: Texts, job: Job, position: QueuePosition | None) -> Card:
    headline, obstacle = t("Waiting in the queue"), _obstacle(t, position)
    if job.cancel_requested:
        headline, obstacle = t("Cancelling…"), None
    elif position is not None:
        place = max(1, position.place)
        headline = t("Place {place}", place=place)
        if position.ready_at is not None and not obstacle:
            ready = ready_words(t, position.ready_at)
            headline = t("Place {place}, {ready}", place=place, ready=ready)
    return card(
        f"### ⏳ {headline}",
        obstacle,
        _settings(t, job),
        *job_buttons(t, job.id, Action.CANCEL),
        color=COLOR_WAITING,
    )


def _obstacle(t: Texts, position: QueuePosition | None) -> str | None:
    """Why the queue does not move; None if it does."""
    if position is not None and position.paused:
        return t("The queue is paused at the moment; your picture keeps its place.")
    if position is not None and position.engine_starting:
        return t("The painter is starting; your picture will be painted as soon as it is ready.")
    if position is not None and position.engines_alive == 0:
        return t(
            "The painter is not running at the moment; your picture will be painted as soon as "
            "it is back."
        )
    return None


def _settings(t: Texts, job: Job) -> str:
    """The settings of a job, an unexpected network, and the notes so far.

    The notes say already now what was left out, so that nobody waits for a picture that does not
    come.
    """
    lines = [f"{settings_line(t, job)} · #{job.id}", *network_words(t, job), *notes(t, job)]
    return "\n".join(f"-# {line}" for line in lines)


def _painting(
    t: Texts,
    job: Job,
    position: QueuePosition | None,
    attached: Attached | None,
    obstacle: str | None,
) -> Card:
    progress = job.progress
    fraction = progress.fraction if progress else 0.0
    headline = t("Cancelling…") if job.cancel_requested else t("Painting")
    full = round(max(0.0, min(1.0, fraction)) * BAR_CELLS)
    line = t.percent(fraction)
    if progress is not None and progress.frames:
        line += " · " + t(
            "frame {frame} of {frames}", frame=progress.frame or 0, frames=progress.frames
        )
    if position is not None and position.ready_at is not None:
        line += " · " + ready_words(t, position.ready_at)
    # Below the words, which do not wrap on a phone then, and are heard before it is spelled out.
    line += f"\n{'▰' * full}{'▱' * (BAR_CELLS - full)}"
    if progress is not None and progress.frames and progress.frame == progress.frames:
        line += "\n" + t("The frames are being put together.")
    elif progress is not None and progress.note:
        # The engine's own status is for its log, and in English only.
        line += "\n" + t("Getting ready: the network and the style are being loaded.")
    if progress is not None and progress.anew is not None:
        line += "\n-# " + plain_line(t.say(progress.anew), LENGTH_LIMIT)
    preview = t("Preview: {picture}", picture=described(t, job))
    return card(
        f"### 🖌️ {headline}",
        _gallery(attached, _same(attached, preview), spoiler=job.reply.spoiler),
        line,
        obstacle,
        _settings(t, job),
        *([] if job.cancel_requested else job_buttons(t, job.id, Action.CANCEL)),
        color=COLOR_PAINTING,
    )


def _actions(job: Job, attached: Attached, has_gallery: bool) -> Sequence[str]:
    """The actions for a finished picture, or for the finished ones of several."""
    if job.versions:
        is_whole = job.state is JobState.DONE or len(job.versions) >= job.options.variants
        takes = (TAKES[each.place] for each in attached.all)
        return (*takes, *(() if is_whole else (Action.REST,)), *VERSIONS_ACTIONS)
    moves = job.inputs.clip is not None  # so there is no time-lapse
    *others, delete = [one for one in RESULT_ACTIONS if not (moves and one is Action.TIMELAPSE)]
    return (*others, *([Action.GALLERY] if has_gallery else []), delete)


def end_words(t: Texts, job: Job, attached: Attached | None) -> list[str]:
    """How a job ended: a headline and lines below it."""
    if job.state is JobState.CANCELLED:
        headline = f"### ✖️ {t('Cancelled')}{_finished_words(t, job)}"
        return [headline, *_cancelled_words(t, job), *_unfinished_words(t, job, attached)]
    if job.state is JobState.FAILED:
        failure = job.failure
        sentence = failure_words(t, failure) if failure else t("This picture could not be painted.")
        headline = f"### ⚠️ {t('This did not work')}{_finished_words(t, job)}"
        return [headline, sentence, *_unfinished_words(t, job, attached)]
    headline = f"### 🖼️ {plain_line(title_words(t, job), 200)}"
    if attached is not None:
        return [headline, small_print(t, job, attached)]
    count = job.options.variants
    if job.result_key is None:
        missing = t.plural("This picture was deleted.", "These pictures were deleted.", count=count)
    else:
        missing = t.plural(
            "It is painted, but cannot be shown here; please try /show {job_id}.",
            "They are painted, but cannot be shown here; please try /show {job_id}.",
            count=count,
            job_id=job.id,
        )
    return [headline, missing, f"-# #{job.id}"]


def _finished_words(t: Texts, job: Job) -> str:
    """How many of several pictures are finished, for the headline."""
    finished = len(job.versions)
    if not finished:
        return ""
    words = t.plural(
        "{count} of {total} pictures was finished",
        "{count} of {total} pictures were finished",
        count=finished,
        total=max(finished, job.options.variants),
    )
    return f" · {words}"


def _unfinished_words(t: Texts, job: Job, attached: Attached | None) -> list[str]:
    """The last lines of a job that was not painted to its end."""
    if attached is not None:
        return [small_print(t, job, attached)]
    settings = f"-# {settings_line(t, job)} · #{job.id}"
    if not job.versions:
        return [settings]
    missing = t("What is finished cannot be shown here; please try /show {job_id}.", job_id=job.id)
    return [missing, settings]


def _cancelled_words(t: Texts, job: Job) -> list[str]:
    """Who cancelled it, if not its member, and whether that can be undone."""
    if job.cancelled_by is None:
        return []
    if job.cancelled_by == SERVER_LEFT:
        return [t("I was removed from the server where you asked for it; please ask elsewhere.")]
    who = f"<@{job.cancelled_by}>" if job.cancelled_by > 0 else t("the operator of this bot")
    if job.cancelled_by == 0:
        who = t("an admin")  # an admin whose data was erased
    who = who[:1].upper() + who[1:]  # each of these sentences begins with it
    if job.back_until is None:
        return [t("{who} cancelled it.", who=who)]
    until = discord.utils.format_dt(job.back_until, "t")
    return [
        t(
            "{who} cleared the queue. This can be undone until {time}; your picture would then "
            "wait again in its old place.",
            who=who,
            time=until,
        )
    ]


def saved_card(t: Texts, job: Job, attached: Attached, link: str | None) -> Card:
    """A finished picture for its member's DMs, with a link back if there is one."""
    headline, *lines = end_words(t, job, attached)
    gallery = _results(t, job, attached)
    back = None if link is None else t("-# It was painted here: {link}", link=link)
    buttons = job_buttons(t, job.id, *SAVED_ACTIONS)
    return card(headline, gallery, *lines, back, *buttons, color=COLOR_DONE)


def gallery_card(
    t: Texts, job: Job, attached: Attached, *, title: str, by_name: bool, spoiler: bool
) -> Card:
    """A picture in a server's gallery, with its member's title and, if they chose so, name."""
    headline = isolated(title) or styles_words(t, job)
    by = t("by {user}", user=f"<@{job.user_id}>") if by_name else None
    return card(
        f"### 🏛️ {plain_line(headline, 120)}",
        _gallery(attached, _same(attached, described(t, job)), spoiler=spoiler),
        by,
        f"-# {settings_line(t, job)}",
        *(f"-# {each.note}" for each in attached.all if each.note),
        *job_buttons(t, job.id, Action.SAME_STYLE),
        color=COLOR_DONE,
    )


def plain_card(t: Texts, job: Job, attached: Attached | None) -> ui.LayoutView:
    """A job's final state with as few components as possible, for when Discord refuses its card."""
    layout = ui.LayoutView(timeout=None)
    layout.add_item(ui.TextDisplay("\n".join(end_words(t, job, attached))))
    if (gallery := _results(t, job, attached)) is not None:
        layout.add_item(gallery)
    return layout


def alt_texts(t: Texts, job: Job, attached: Attached | None) -> list[str]:
    """The alt texts of the attached pictures."""
    if attached is None:
        return []
    all_of_it = descriptions(t, job, max(1, len(job.versions)))
    return [all_of_it[each.place] for each in attached.all]


def _same(attached: Attached | None, words: str) -> list[str]:
    return [] if attached is None else numbered([words] * len(attached.all))


def _results(t: Texts, job: Job, attached: Attached | None) -> "ui.MediaGallery[Any] | None":
    """The finished pictures."""
    return _gallery(attached, alt_texts(t, job, attached), spoiler=job.reply.spoiler)


def _gallery(
    attached: Attached | None, descriptions: Sequence[str], *, spoiler: bool
) -> "ui.MediaGallery[Any] | None":
    files = () if attached is None else attached.all
    return gallery_of(
        (f"attachment://{each.filename}", words, spoiler)
        for each, words in zip(files, descriptions, strict=True)
    )


LENGTH_LIMIT = 400


def failure_words(t: Texts, failure: Failure) -> str:
    """What went wrong, with the ID under which it is in the log.

    A failure from an older version is shown as it is.
    """
    said = failure.message if failure.sentence is None else t.say(failure.sentence)
    sentence = plain_line(said, LENGTH_LIMIT)
    if not failure.error_id:
        return sentence
    return t("{sentence} (error {error_id})", sentence=sentence, error_id=failure.error_id)
