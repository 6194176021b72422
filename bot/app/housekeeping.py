"""Periodic work: jobs of dead engines, pictures past their retention."""

import logging

from bot.kit import Bot, Feature, Service

log = logging.getLogger(__name__)

REAP_SECONDS = 5.0
CLEAN_SECONDS = 3600.0
FORGET_SECONDS = 60.0


class Housekeeping(Service):
    """Runs beside the commands; may be interrupted anywhere."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._forgotten_until = 0.0
        """Tokens of jobs that were delivered before this are removed."""

    async def start(self) -> None:
        """Start the loops."""
        soon = CLEAN_SECONDS / 60  # not during startup
        self._run_every(REAP_SECONDS, "reaping", self._reap, first=REAP_SECONDS)
        self._run_every(REAP_SECONDS, "deleting", self._finish_deleting, first=REAP_SECONDS)
        self._run_every(FORGET_SECONDS, "forgetting", self._forget_tokens, first=REAP_SECONDS)
        self._run_every(CLEAN_SECONDS, "cleaning", self._clean, first=soon)

    async def _reap(self) -> None:
        """Put jobs of dead engines back, and notice whether paintings can be downloaded."""
        queue = self._client.queue
        await queue.reaper.reap()
        self._client.scans_unreachable = await queue.styles.scans_unreachable()

    async def _forget_tokens(self) -> None:
        """Remove expired interaction tokens."""
        forget = self._client.queue.retention.forget_tokens
        self._forgotten_until = await forget(self._forgotten_until)

    async def _finish_deleting(self) -> None:
        """Delete for good what can no longer be undone, unless the clock is wrong."""
        queue = self._client.queue
        if not self._client.traffic.ages_are_wrong(await queue.now()):
            await queue.retention.finish_deleting()

    async def _clean(self) -> None:
        """Continue interrupted erasures, and delete what is past its retention.

        Nothing is deleted by its age while the clock is wrong.
        """
        queue = self._client.queue
        await queue.privacy.finish_erasures()
        traffic, now = self._client.traffic, await queue.now()
        if traffic.ages_are_wrong(now):
            ahead = traffic.ahead_of_discord(now.timestamp())
            log.warning("Nothing is cleaned up: the queue's clock is %+.0f s off Discord's", ahead)
            return
        log.info("Cleaned up: %s", await queue.retention.gc())


FEATURE = Feature(services=(Housekeeping,))
