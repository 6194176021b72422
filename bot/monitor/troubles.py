"""All that is ill: what the queue knows of, the clocks, and who else answers for this bot."""

import time
from collections.abc import Iterator

from bot.traffic import Traffic
from jobs.health import Health, Trouble, of_another_bot, of_clocks


def troubles_of(health: Health, traffic: Traffic) -> Iterator[Trouble]:
    """What owners are to see to, as alerts, page, health check and figures say it."""
    yield from health.troubles()
    ahead = traffic.ahead_of_discord
    if (trouble := of_clocks(ahead(time.time()), ahead(health.at.timestamp()))) is not None:
        yield trouble
    if traffic.is_answered_by_others:
        yield of_another_bot()
