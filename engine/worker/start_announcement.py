"""Announces a starting engine before torch is loaded, which takes seconds; imports no torch."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from common.settings_loading import SettingsError, load_settings
from jobs.outcomes import QueueError
from jobs.queue import JobQueue

log = logging.getLogger(__name__)
ANNOUNCING_SECONDS = 3.0
"""With a slower database there is no announcement."""


@dataclass
class EngineStart:
    """The start of an engine, with its exit status."""

    status: int = 1
    """The exit status; a failure until it is set."""


@contextmanager
def announce_start(arguments: Sequence[str]) -> Iterator[EngineStart]:
    """Announce to members that an engine is starting, until it registers or fails."""
    start = EngineStart()
    if any(word in {"--check", "--help", "-h", "--version"} for word in arguments):
        yield start
        return
    _say(starting=True)
    try:
        yield start
    finally:
        if start.status:
            _say(starting=False)


def _say(*, starting: bool) -> None:
    try:
        asyncio.run(_write(starting=starting))
    except (QueueError, SettingsError, OSError) as error:  # as where there are no more handles
        reason = str(error) or type(error).__name__
        log.info("nobody is told that an engine starts: %s", reason)


async def _write(*, starting: bool) -> None:
    async with (
        asyncio.timeout(ANNOUNCING_SECONDS),
        await JobQueue.open(load_settings(), may_migrate=False) as queue,
    ):
        await (queue.engines.expect() if starting else queue.engines.expect_no_more())
