"""Titles and alt texts of pictures."""

from collections.abc import Sequence

from bot.texts import Texts, _
from bot.ui.words import (
    differs_by_style,
    isolated,
    shorten,
    style_words,
    styles_count_words,
    styles_words,
)
from bot.wire.uploads import ALT_TEXT_LIMIT
from common.options import StyleInput
from jobs.model import Job

WORDS_AROUND = 60
"""Characters that the words between photograph and style take, in any language, and a number."""


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
    styles, alt_texts = job.inputs.styles, job.inputs.alt_texts
    if job.reply.alt_text:
        return job.reply.alt_text
    if not differs_by_style(job):
        return _in_style(t, job, *styles, photo=alt_texts[0] if len(alt_texts) == 1 else "")
    return t.plural("A photo in {count} style", "A photo in {count} styles", count=len(styles))


def descriptions(t: Texts, job: Job, count: int) -> list[str]:
    """The alt text of each finished picture: the member's, or of its own style and photograph."""
    styles, alt_texts = job.inputs.styles, job.inputs.alt_texts
    each = [described(t, job)] * count
    if not job.reply.alt_text:
        if differs_by_style(job) and len(styles) >= count:
            photo = "".join(alt_texts[:1])
            each = [_in_style(t, job, style, photo=photo) for style in styles[:count]]
        elif len(alt_texts) >= count:
            each = [_in_style(t, job, *styles, photo=photo) for photo in alt_texts[:count]]
    return [shorten(words, ALT_TEXT_LIMIT) for words in numbered(each)]


def _in_style(t: Texts, job: Job, *styles: StyleInput, photo: str = "") -> str:
    """A description by style, and by what the photograph's own alt text says."""
    moves = job.inputs.clip is not None
    is_named = any(_is_named(style) for style in styles)
    names = " + ".join(style_words(t, style) for style in styles)
    if photo := " ".join(photo.split()).rstrip(" .,;:。"):
        room = ALT_TEXT_LIMIT - len(names) - WORDS_AROUND
        words = _("{photo}, in the style of “{style}”") if is_named else _("{photo}, painted")
        return t(words, photo=isolated(shorten(photo, room)), style=names)
    if not is_named:
        return t("A painted animation") if moves else t("A painted photo")
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
