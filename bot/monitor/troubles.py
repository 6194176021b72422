"""All current troubles: those in the queue's health, wrong clocks, a second bot with our token."""

import time
from collections.abc import Iterator

from bot.traffic import Traffic
from jobs.health import Health, Trouble, of_another_bot, of_clocks


def troubles_of(health: Health, traffic: Traffic) -> Iterator[Trouble]:
    """What operators should fix; the same for alerts, page, health check and metrics."""
    yield from health.troubles()
    ahead = traffic.ahead_of_discord
    if (trouble := of_clocks(ahead(time.time()), ahead(health.at.timestamp()))) is not None:
        yield trouble
    if traffic.is_answered_by_others:
        yield of_another_bot()
