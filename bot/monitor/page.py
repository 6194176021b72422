"""The monitoring page, `/healthz` and `/metrics`; imported only if enabled."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.kit import Bot, Service, cancel
from bot.monitor.troubles import troubles_of
from bot.ui.people import is_seen_by_all
from common.settings import MIB
from common.store import PictureMissingError, StorageUnavailableError
from common.version import VERSION, library_versions
from jobs.health.state import Health, StoreState
from jobs.health.troubles import database_trouble
from jobs.model import Job
from jobs.outcomes import QueueError, QueueUnavailableError
from jobs.scheduling.speeds import usual_seconds

log = logging.getLogger(__name__)

PAGE = Path(__file__).with_name("page.html")
KEPT_SECONDS = 2.0
"""The database is asked at most once in this time, however many clients there are."""
STORE_KEPT_SECONDS = 30.0
"""Checking the store writes a file, so less often."""
STORE_TIMEOUT_SECONDS = 2.0
DATABASE_TIMEOUT_SECONDS = 6.0
"""Prometheus and the page time out after ten seconds; an unresponsive database is reported
before."""
WAITING_SHOWN = 20
LIBRARIES = ("discord.py", "torch", "Pillow", "SQLAlchemy", "aiohttp")


class PageServer(Service):
    """An HTTP server; read-only."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._runner: web.AppRunner | None = None
        self._health: Health | None = None
        self._problem: QueueError | None = None
        """Why there is no health."""
        self._asked_at = float("-inf")
        self._store = StoreState()
        self._store_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        """The check of the store in progress, which may take longer than a request waits."""
        self._asking = asyncio.Lock()
        self.port = 0
        """The port it listens on; 0 while it does not."""

    async def start(self) -> None:
        """Listen. If the port is taken, the bot runs without the page."""
        settings = self._client.settings
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/healthz", self._healthz),
                web.get("/metrics", self._metrics),
                web.get("/state.json", self._state),
                web.get("/preview/{job}", self._preview),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, settings.atelier_monitor_host, settings.atelier_monitor_port
        )
        try:
            await site.start()
        except OSError as error:
            log.error("The owner's page cannot be served: %s", error)  # noqa: TRY400 - said
            return
        self.port = int(self._runner.addresses[0][1])
        log.info("The owner's page: http://%s:%d", settings.atelier_monitor_host, self.port)

    async def stop(self) -> None:
        """Close the port."""
        await cancel(self._looking)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner, self.port = None, 0

    async def _ask(self) -> Health:
        """The health, cached for a moment."""
        async with self._asking:
            if time.monotonic() - self._asked_at > KEPT_SECONDS:
                self._health = self._problem = None
                try:
                    async with _database_timeout():
                        self._health = await self._client.queue.health.ask(ask_store=False)
                except QueueError as error:
                    self._problem = error
                await self._look_at_store()
                self._asked_at = time.monotonic()
            if self._health is None:
                raise self._problem or QueueUnavailableError("The database was not asked.")
            return replace(self._health, store=self._store)

    async def _look_at_store(self) -> None:
        """Check the store, if it responds soon; else its last state stays until it does."""
        if self._looking is None and time.monotonic() - self._store_at > STORE_KEPT_SECONDS:
            self._looking = asyncio.create_task(self._ask_store(), name="look at the store")
        if self._looking is not None:
            await asyncio.wait({self._looking}, timeout=STORE_TIMEOUT_SECONDS)

    async def _ask_store(self) -> None:
        try:
            self._store = await self._client.queue.health.store()
        finally:
            self._looking, self._store_at = None, time.monotonic()

    async def _page(self, _: web.Request) -> web.Response:
        text = await asyncio.to_thread(PAGE.read_text, encoding="utf-8")
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)

    async def _healthz(self, _: web.Request) -> web.Response:
        try:
            troubles = list(troubles_of(await self._ask(), self._client.traffic))
        except QueueError as error:
            trouble = database_trouble(error)
            return web.json_response({trouble.name: str(trouble.sentence)}, status=503)
        words = {trouble.name: str(trouble.sentence) for trouble in troubles}
        return web.json_response(words, status=503 if words else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        health, ended = None, list[Job]()
        with contextlib.suppress(QueueError):  # a metric says so
            health = await self._ask()
            async with _database_timeout():
                ended = await self._client.queue.health.ended_today()
        from bot.monitor import metrics  # noqa: PLC0415 - rarely used

        queue = self._client.queue
        timings = {
            metrics.STORE_CALLS: queue.store.timings,
            metrics.STATEMENTS: queue.database.statement_times,
            metrics.TRANSACTIONS: queue.database.transaction_times,
        }
        text = metrics.exposition(health, ended, self._client.traffic, timings)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _state(self, _: web.Request) -> web.Response:
        try:
            health = await self._ask()
            async with _database_timeout():
                waiting = await self._client.queue.positions.waiting(None, limit=WAITING_SHOWN)
        except QueueError as error:
            return web.json_response({"problem": str(database_trouble(error).sentence)}, status=503)
        return web.json_response(_plain(self._client, health, waiting), headers=_HEADERS)

    async def _preview(self, request: web.Request) -> web.Response:
        """The newest preview of a running job, if it is public."""
        number = request.match_info["job"]
        job = None
        if number.isdecimal() and len(number) < 19:
            try:
                jobs = [state.job for state in (await self._ask()).engines]
            except QueueError:
                raise web.HTTPNotFound from None
            job = next((each for each in jobs if each and each.id == int(number)), None)
        key = None if job is None or not is_for_everybody(self._client, job) else job.preview_key
        if key is None:
            raise web.HTTPNotFound
        try:
            data = await self._client.queue.store.get(key)
        except (PictureMissingError, StorageUnavailableError):
            raise web.HTTPNotFound from None
        kind = f"image/{key.rsplit('.', 1)[-1].replace('jpg', 'jpeg')}"
        return web.Response(body=data, content_type=kind, headers=_HEADERS)


@contextlib.asynccontextmanager
async def _database_timeout() -> AsyncIterator[None]:
    """The timeout for a database call on behalf of a request.

    Raises:
        QueueUnavailableError: It took longer.
    """
    try:
        async with asyncio.timeout(DATABASE_TIMEOUT_SECONDS):
            yield
    except TimeoutError:
        seconds = int(DATABASE_TIMEOUT_SECONDS)
        raise QueueUnavailableError(f"The database does not answer within {seconds} s.") from None


_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
}


def _plain(client: Bot, health: Health, waiting: list[Job]) -> dict[str, Any]:
    return {
        "at": health.at.isoformat(),
        "version": VERSION,
        "libraries": library_versions(*LIBRARIES),
        "troubles": [str(trouble.sentence) for trouble in troubles_of(health, client.traffic)],
        "waiting_count": health.waiting,
        "paused": health.paused_everywhere,
        "free_mib": None if health.free_bytes is None else health.free_bytes // MIB,
        "engines": [
            {
                "id": state.info.id,
                "host": state.info.host,
                "device": state.info.device,
                "network": state.info.network,
                "version": state.info.version,
                "model": state.info.model,
                "memory_bytes": state.info.memory_bytes,
                "memory_used_bytes": state.info.memory_used_bytes,
                "largest_px": state.info.largest_px,
                "usual_seconds": (seconds := usual_seconds(state.info)) and round(seconds, 1),
                "job": None if state.job is None else _job(client, state.job, health.at),
            }
            for state in health.engines
        ],
        "bots": [
            {
                "host": bot.info.host,
                "version": bot.info.version,
                "since": bot.started_at.isoformat(),
                "latency_ms": bot.latency_seconds and round(bot.latency_seconds * 1000),
            }
            for bot in health.bots
        ],
        "waiting": [_job(client, job, health.at) for job in waiting],
        "failures": [
            {
                "job": job.id,
                "at": job.ended_at and job.ended_at.isoformat(),
                "error": job.failure and job.failure.error_id,
                "said": str(job.failure and job.failure.message),
            }
            for job in health.failures
        ],
    }


def is_for_everybody(client: Bot, job: Job) -> bool:
    """Whether a job is public: this page has no login."""
    is_shown = job.guild_id is not None and job.reply.is_public
    return is_shown and not job.message_removed_at and is_seen_by_all(client, job.channel_id)


def _job(client: Bot, job: Job, now: datetime) -> dict[str, Any]:
    """A job without its member's name and texts."""
    progress = job.progress
    return {
        "job": job.id,
        "size_px": job.options.size_px,
        "quality": job.options.quality,
        "server": job.guild_id and str(job.guild_id),
        "waited_seconds": round(((job.started_at or now) - job.created_at).total_seconds()),
        "fraction": progress and progress.fraction,
        "seconds_left": progress and progress.seconds_left,
        "preview": job.preview_key if is_for_everybody(client, job) else None,
    }
