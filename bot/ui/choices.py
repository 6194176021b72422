"""What an autocomplete offers."""

import unicodedata
from collections.abc import Iterable

from discord import app_commands

from bot.texts import Texts
from bot.ui.words import OPTION_LIMIT, isolated, job_choice, shorten
from jobs.model import Job

CHOICES = 25
LONGEST_USER = 40  # characters, more than Discord lets a name have
BETWEEN = " · "
JobNumber = app_commands.Range[int, 1, 2**53]


def folded(text: str) -> str:
    """A text as it is compared with what somebody types, who may leave capitals and accents out."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def choice(name: str, value: str) -> app_commands.Choice[str]:
    """A choice, its name cut to what Discord takes."""
    return app_commands.Choice(name=shorten(name, OPTION_LIMIT), value=value)


def job_choices(
    t: Texts, jobs: Iterable[Job], typed: str, *, with_user: bool = False
) -> list[app_commands.Choice[int]]:
    """Those jobs whose words hold what was typed."""
    wanted = folded(str(typed)).lstrip("#")
    named = ((job_choice(t, job), job) for job in jobs)
    if with_user:
        named = ((_with_user(name, job), job) for name, job in named)
    return [
        app_commands.Choice(name=name, value=job.id)
        for name, job in named
        if wanted in folded(name)
    ]


def _with_user(name: str, job: Job) -> str:
    """A job and whose it is, whose name stands there whole."""
    user = isolated(shorten(job.user_name, LONGEST_USER))
    return f"{shorten(name, OPTION_LIMIT - len(BETWEEN) - len(user))}{BETWEEN}{user}"
