"""Records in the database that the bot is alive, and whether it is connected to Discord."""

import asyncio
import logging
import math
import os
import platform
import uuid

from bot.kit import Feature, Service
from common.version import VERSION
from jobs.db.liveness import BOT_ALIVE_SECONDS, BotInfo, has_ended
from jobs.outcomes import DatabaseRefusedError, QueueError

log = logging.getLogger(__name__)

BEAT_SECONDS = 15.0
WAIT_SECONDS = 2.0


class Heartbeat(Service):
    """One row in the database, renewed while the process lives."""

    _info: BotInfo

    async def start(self) -> None:
        """Start, once no other bot of this application is running."""
        host = platform.node()
        self._info = BotInfo(
            id=f"{host}-{os.getpid()}-{uuid.uuid4().hex[:6]}",
            application_id=self._client.application_id or 0,
            host=host,
            pid=os.getpid(),
            version=VERSION,
        )
        await self._wait_until_alone()
        self._run_in_background(self._run(), "heartbeat")

    async def _wait_until_alone(self) -> None:
        """Wait for another bot of this application to end, or for its heartbeat to expire."""
        give_up_at = asyncio.get_running_loop().time() + BOT_ALIVE_SECONDS + BEAT_SECONDS
        said = False
        while (other := await self._client.queue.bots.register(self._info, has_ended)) is not None:
            if asyncio.get_running_loop().time() > give_up_at:
                raise DatabaseRefusedError(
                    f"Another bot of this application (process {other.pid} on {other.host}) serves "
                    "this database. Stop it, or give this one the token of another application."
                )
            if not said:
                said = True
                log.warning(
                    "Another bot of this application is known: process %d on %s; waiting for its "
                    "end, or until nothing is heard of it",
                    other.pid,
                    other.host,
                )
            await asyncio.sleep(WAIT_SECONDS)

    async def stop(self) -> None:
        """Stop, and remove the row."""
        await super().stop()
        try:
            await self._client.queue.bots.forget(self._info.id)
        except QueueError as error:
            log.info("The bot could not sign off: %s", error)

    async def _run(self) -> None:
        while True:
            latency = self._client.latency
            # `is_ready` stays true while the gateway is disconnected.
            connected = self._client.is_ready() and self._client.ws.open
            known = connected and math.isfinite(latency)
            try:
                await self._client.queue.bots.heartbeat(
                    self._info, connected=known, latency_seconds=latency if known else None
                )
            except QueueError as error:
                log.warning("The heartbeat has to wait: %s", error)
            except Exception:
                log.exception("Error in the heartbeat")
            # The first ones soon: an owner looks right after a start.
            await asyncio.sleep(BEAT_SECONDS if known else 2.0)


FEATURE = Feature(services=(Heartbeat,))
