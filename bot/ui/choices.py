"""Autocomplete choices."""

import unicodedata
from collections.abc import Sequence

from discord import app_commands

from bot.texts import Texts
from bot.ui.words import OPTION_LIMIT, isolated, job_choice, shorten
from jobs.model import Job

CHOICES = 25
"""The most that Discord offers in an autocomplete or a menu, and the most IDs that a menu takes."""
LONGEST_USER = 40  # characters, more than Discord allows in a name
BETWEEN = " · "
GREATEST_NUMBER = 2**53
JobNumber = app_commands.Range[int, 1, GREATEST_NUMBER]


def folded(text: str) -> str:
    """Text normalized for matching: without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def choice(name: str, value: str) -> app_commands.Choice[str]:
    """A choice, with its name shortened to Discord's limit."""
    return app_commands.Choice(name=shorten(name, OPTION_LIMIT), value=value)


def match_rank(typed: str, name: str) -> int:
    """How well a name matches what was typed: 0 if equal, 1 if it begins so, 2 otherwise.

    Enter takes the first choice, so an exact match has to come first.
    """
    wanted, name = folded(typed).strip(), folded(name)
    return 0 if name == wanted else 1 if name.startswith(wanted) else 2


def job_choices(
    t: Texts, jobs: Sequence[Job], typed: str, *, with_user: bool = False
) -> list[app_commands.Choice[int]]:
    """Choices for the jobs that match what was typed.

    A number that was typed comes first, even if it is none of these jobs: otherwise Enter would
    take another job in which it is, say, the size in pixels.
    """
    wanted = folded(str(typed)).strip().lstrip("#")
    named = {job.id: job_choice(t, job) for job in jobs}
    if with_user:
        named = {job.id: _with_user(named[job.id], job) for job in jobs}
    fitting = [number for number, name in named.items() if wanted in folded(name)]
    if wanted.isdecimal():
        number = int(wanted)
        fitting.sort(key=lambda each: match_rank(str(number), str(each)))
        if number not in named and 1 <= number <= GREATEST_NUMBER:
            named[number] = f"#{number}"
            fitting.insert(0, number)
    return [app_commands.Choice(name=named[each], value=each) for each in fitting[:CHOICES]]


def _with_user(name: str, job: Job) -> str:
    """A job with its member's name, which is not shortened."""
    user = isolated(shorten(job.user_name, LONGEST_USER))
    return f"{shorten(name, OPTION_LIMIT - len(BETWEEN) - len(user))}{BETWEEN}{user}"
