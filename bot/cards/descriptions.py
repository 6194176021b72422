"""Titles and alt texts of pictures."""

from collections.abc import Sequence

from bot.texts import Texts
from bot.ui.words import (
    differs_by_style,
    isolated,
    style_words,
    styles_count_words,
    styles_words,
)
from common.options import StyleInput
from jobs.model import Job


def title_words(t: Texts, job: Job) -> str:
    """The title of finished pictures: their styles, and for whom they were painted."""
    user = isolated(job.user_name)
    title = t.plural(
        "Painted for {user}", "Painted for {user}", count=job.options.variants, user=user
    )
    if any(_is_named(style) for style in job.inputs.styles):
        styles = styles_words(t, job)
        if differs_by_style(job):
            styles = styles_count_words(t, job)
        title = t("{styles}, for {user}", styles=styles, user=user)
    return title


def described(t: Texts, job: Job) -> str:
    """The alt text of all its pictures together, without the member's name, as some posts hide it.

    Without a text of the member's, it says what the picture is and in which style: the title alone
    is the name of another painting.
    """
    styles = job.inputs.styles
    if job.reply.alt_text:
        return job.reply.alt_text
    if not differs_by_style(job):
        return _in_style(t, job, *styles)
    return t.plural("A photo in {count} style", "A photo in {count} styles", count=len(styles))


def descriptions(t: Texts, job: Job, count: int) -> list[str]:
    """The alt text of each picture; if versions differ by style, it names the style."""
    styles = job.inputs.styles
    if not differs_by_style(job) or job.reply.alt_text or len(styles) != count:
        return numbered([described(t, job)] * count)
    return numbered([_in_style(t, job, style) for style in styles])


def _in_style(t: Texts, job: Job, *styles: StyleInput) -> str:
    moves = job.inputs.clip is not None
    if not any(_is_named(style) for style in styles):
        return t("A painted animation") if moves else t("A painted photo")
    names = " + ".join(style_words(t, style) for style in styles)
    if moves:
        return t("An animation in the style of “{style}”", style=names)
    return t("A photo in the style of “{style}”", style=names)


def _is_named(style: StyleInput) -> bool:
    return bool(style.preset or style.name)


def numbered(words: Sequence[str]) -> list[str]:
    """Numbers several descriptions, as the buttons number their pictures."""
    if len(words) == 1:
        return list(words)
    return [f"{number}: {each}" for number, each in enumerate(words, start=1)]
