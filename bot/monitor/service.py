"""Serves the owner's page, `/healthz` and `/metrics` where ATELIER_MONITOR_PORT names a port."""

from typing import TYPE_CHECKING

from bot.kit import Bot, Feature

if TYPE_CHECKING:
    from bot.monitor.page import PageServer


class Monitor:
    """Starts the little server, if it is wanted: a bot without it has none in memory."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        self._server: PageServer | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return 0 if self._server is None else self._server.port

    async def start(self) -> None:
        """Listen, where a port is set."""
        if self._client.settings.atelier_monitor_port:
            from bot.monitor.page import PageServer  # noqa: PLC0415 (see the class)

            self._server = PageServer(self._client)
            await self._server.start()

    async def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            await self._server.stop()
            self._server = None


FEATURE = Feature(services=(Monitor,))
