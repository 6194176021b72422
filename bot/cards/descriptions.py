"""What a picture is called, and what is said of it to those who do not see it."""

from collections.abc import Sequence

from bot.texts import Texts
from bot.ui.words import (
    differs_by_style,
    isolated,
    style_words,
    styles_count_words,
    styles_words,
)
from jobs.model import Job


def title_words(t: Texts, job: Job, count: int | None = None) -> str:
    """What finished pictures are called: their styles, and for whom they were painted.

    Args:
        t: The language of the reader.
        job: That painted them.
        count: How many of them are meant, which some languages tell apart; None: all.
    """
    user = isolated(job.user_name)
    title = t.plural(
        "Painted for {user}",
        "Painted for {user}",
        count=job.options.variants if count is None else count,
        user=user,
    )
    if any(style.preset or style.name for style in job.inputs.styles):
        styles = styles_words(t, job)
        if differs_by_style(job):
            styles = styles_count_words(t, job)
        title = t("{styles}, for {user}", styles=styles, user=user)
    return title


def described(t: Texts, job: Job) -> str:
    """What is said of all its pictures together."""
    return job.reply.alt_text or title_words(t, job)


def descriptions(t: Texts, job: Job, count: int) -> list[str]:
    """What is said of each of its pictures; of versions that differ by style, in which it is."""
    words = job.reply.alt_text or title_words(t, job, count=1)
    styles = job.inputs.styles
    if not differs_by_style(job) or job.reply.alt_text or len(styles) != count:
        return numbered([words] * count)
    user = isolated(job.user_name)
    return numbered(
        [t("{styles}, for {user}", styles=style_words(t, each), user=user) for each in styles]
    )


def numbered(words: Sequence[str]) -> list[str]:
    """Several descriptions begin with the number by which buttons name their pictures."""
    if len(words) == 1:
        return list(words)
    return [f"{number}: {each}" for number, each in enumerate(words, start=1)]
