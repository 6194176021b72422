"""The owner's page, `/healthz` and `/metrics`; imported only where it is wanted."""

import asyncio
import logging
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.kit import Bot, Service
from bot.ui.people import is_seen_by_all
from common.store import PictureMissingError, StorageUnavailableError
from common.version import VERSION, library_versions
from jobs.health import MIB, Health
from jobs.model import Job
from jobs.order.speeds import usual_seconds
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

PAGE = Path(__file__).with_name("page.html")
KEPT_SECONDS = 2.0
"""However many look at it, the database is asked once in this time."""
STORE_KEPT_SECONDS = 30.0
"""Asking the store writes a file: less often."""
WAITING_SHOWN = 20
LIBRARIES = ("discord.py", "torch", "Pillow", "SQLAlchemy", "aiohttp")


class PageServer(Service):
    """The little server; it answers questions and changes nothing."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._runner: web.AppRunner | None = None
        self._health: Health | None = None
        self._health_at = 0.0
        self._store_at = -STORE_KEPT_SECONDS
        self._asking = asyncio.Lock()
        self.port = 0
        """Where it listens; 0 while it does not."""

    async def start(self) -> None:
        """Listen. A port that is taken costs no more than the page."""
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
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner, self.port = None, 0

    async def _ask(self) -> Health:
        """How all is, as of a moment ago."""
        async with self._asking:
            now = time.monotonic()
            if self._health is None or now - self._health_at > KEPT_SECONDS:
                ask_store = now - self._store_at > STORE_KEPT_SECONDS
                health = await self._client.queue.health.ask(ask_store=ask_store)
                if ask_store:
                    self._store_at = now
                elif self._health is not None:
                    health = health.with_store_of(self._health)
                self._health, self._health_at = health, now
            return self._health

    async def _page(self, _: web.Request) -> web.Response:
        text = await asyncio.to_thread(PAGE.read_text, encoding="utf-8")
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)

    async def _healthz(self, _: web.Request) -> web.Response:
        try:
            troubles = (await self._ask()).troubles()
        except QueueError as error:
            return web.json_response({"database": str(error)}, status=503)
        words = {trouble.name: str(trouble.sentence) for trouble in troubles}
        return web.json_response(words, status=503 if words else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        try:
            health = await self._ask()
            ended = await self._client.queue.health.ended_today()
        except QueueError as error:
            raise web.HTTPServiceUnavailable(text=str(error)) from error
        from bot.monitor import metrics  # noqa: PLC0415 (few ask for it)

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
            waiting = await self._client.queue.standings.waiting(None, limit=WAITING_SHOWN)
        except QueueError as error:
            return web.json_response({"problem": str(error)}, status=503)
        return web.json_response(_plain(self._client, health, waiting), headers=_HEADERS)

    async def _preview(self, request: web.Request) -> web.Response:
        """The newest preview of a picture that is painted now, where others may see it."""
        number = request.match_info["job"]
        job = None
        if number.isdecimal() and len(number) < 19:
            jobs = [state.job for state in (await self._ask()).engines]
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
        "troubles": [str(trouble.sentence) for trouble in health.troubles()],
        "waiting_count": health.waiting,
        "paused": health.paused_everywhere,
        "free_mib": None if health.free_bytes is None else health.free_bytes // MIB,
        "engines": [
            {
                "id": state.info.id,
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
    """Whether a picture is painted where all see it: this page asks nobody who they are."""
    reply = job.reply
    is_shown = job.guild_id is not None and reply.bot_in_channel and not reply.ephemeral
    return is_shown and not job.message_removed_at and is_seen_by_all(client, job.channel_id)


def _job(client: Bot, job: Job, now: datetime) -> dict[str, Any]:
    """A job without its member's name and words."""
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
