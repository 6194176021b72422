"""Periodic work: jobs of dead engines, pictures past their retention."""

import asyncio
import logging

from bot.kit import Feature, Service
from common.store import StorageUnavailableError
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

REAP_SECONDS = 5.0
CLEAN_SECONDS = 3600.0
FORGET_SECONDS = 60.0


class Housekeeping(Service):
    """Runs beside the commands; may be interrupted anywhere."""

    async def start(self) -> None:
        """Start the loop."""
        self._run_in_background(self._run(), "housekeeping")

    async def _run(self) -> None:
        queue, loop = self._client.queue, asyncio.get_running_loop()
        clean_at = loop.time() + CLEAN_SECONDS / 60  # not during startup
        forget_at, forgotten_until = loop.time(), 0.0
        while True:
            await asyncio.sleep(REAP_SECONDS)
            try:
                await queue.reaper.reap()
                self._client.scans_unreachable = await queue.styles.scans_unreachable()
                if loop.time() >= forget_at:
                    forget_at = loop.time() + FORGET_SECONDS
                    forgotten_until = await queue.retention.forget_tokens(forgotten_until)
                await self._finish_deleting()
                if loop.time() >= clean_at:
                    clean_at = loop.time() + CLEAN_SECONDS
                    await queue.privacy.finish_erasures()
                    await self._clean()
            except (QueueError, StorageUnavailableError, OSError) as error:
                log.warning("Housekeeping has to wait: %s", error)
            except Exception:
                log.exception("Error in the housekeeping")

    async def _finish_deleting(self) -> None:
        """Delete for good what can no longer be undone, unless the clock is wrong."""
        queue = self._client.queue
        if not self._client.traffic.ages_are_wrong(await queue.now()):
            await queue.retention.finish_deleting()

    async def _clean(self) -> None:
        """Delete what is past its retention, unless the clock is wrong."""
        queue = self._client.queue
        traffic, now = self._client.traffic, await queue.now()
        if traffic.ages_are_wrong(now):
            ahead = traffic.ahead_of_discord(now.timestamp())
            log.warning("Nothing is cleaned up: the queue's clock is %+.0f s off Discord's", ahead)
            return
        log.info("Cleaned up: %s", await queue.retention.gc())


FEATURE = Feature(services=(Housekeeping,))
