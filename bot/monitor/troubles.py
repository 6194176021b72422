"""All current troubles: those in the queue's health, wrong clocks, a second bot with our token."""

import time
from collections.abc import Iterator

from bot.traffic import Traffic
from jobs.health.state import Health
from jobs.health.troubles import Trouble, another_bot_trouble, clock_trouble, troubles_in


def troubles_of(health: Health, traffic: Traffic) -> Iterator[Trouble]:
    """What operators should fix; the same for alerts, page, health check and metrics."""
    yield from troubles_in(health)
    ahead = traffic.ahead_of_discord
    if (trouble := clock_trouble(ahead(time.time()), ahead(health.at.timestamp()))) is not None:
        yield trouble
    if traffic.is_answered_by_others:
        yield another_bot_trouble()
