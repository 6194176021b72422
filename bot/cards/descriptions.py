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


def title_words(t: Texts, job: Job) -> str:
    """What a finished picture is called: its styles, and for whom it was painted."""
    user = isolated(job.user_name)
    title = t("Painted for {user}", user=user)
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
    words = described(t, job)
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
