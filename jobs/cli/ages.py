"""Whether the clocks by which ages are taken agree with Discord's, before anything is deleted."""

import asyncio
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from jobs.health.troubles import AGES_WRONG_SECONDS, off_discord
from jobs.queue import JobQueue

_DISCORD = "https://discord.com/api/v10"
_TIMEOUT_SECONDS = 10.0
WHY = "a wrong clock makes new pictures look old"


async def doubt_about_ages(queue: JobQueue) -> str | None:
    """Why nothing should be deleted by its age here; None if the clocks are right.

    A running bot knows Discord's time anyway; this asks for it.
    """
    try:
        discord_now = await asyncio.to_thread(
            _discord_now, queue.settings.discord_api_url or _DISCORD
        )
    except (OSError, HTTPException, ValueError) as error:
        cause = getattr(error, "reason", error)  # without what urllib says around it
        reason = getattr(cause, "strerror", None) or cause
        return (
            f"Discord could not be asked for the time ({reason}), and {WHY}. The running bot "
            "deletes by itself every hour; if you are sure of the clock, add --trust-clock."
        )
    # Rows are judged by the database's clock, files by this machine's.
    clocks = {
        "the database's machine": (await queue.now()).timestamp(),
        "this machine": time.time(),
    }
    for whose, now in clocks.items():
        ahead = now - discord_now
        if abs(ahead) > AGES_WRONG_SECONDS:
            return (
                f"The clock of {whose} is {off_discord(ahead)}, and {WHY}: "
                "set it, or let NTP keep it."
            )
    return None


def _discord_now(address: str) -> float:
    """The time by the `Date` header of Discord's answer, in seconds since 1970.

    Raises:
        OSError, HTTPException, ValueError: there is none.
    """
    request = Request(f"{address.rstrip('/')}/gateway", headers={"User-Agent": "DiscordBot"})  # noqa: S310 - from the settings, which allow HTTP only
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            date = answer.headers.get("Date")
    except HTTPError as error:  # which has a date, too
        date = error.headers.get("Date")
    return parsedate_to_datetime(str(date)).timestamp()
