"""All that is ill: what the queue knows of, and whether the clocks go as Discord's does."""

import time
from collections.abc import Iterator

from bot.traffic import Traffic
from jobs.health import Health, Trouble, of_clocks


def troubles_of(health: Health, traffic: Traffic) -> Iterator[Trouble]:
    """What owners are to see to, as alerts, page, health check and figures say it."""
    yield from health.troubles()
    ahead = traffic.ahead_of_discord
    if (trouble := of_clocks(ahead(time.time()), ahead(health.at.timestamp()))) is not None:
        yield trouble
