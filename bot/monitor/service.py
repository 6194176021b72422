"""Serves the owner's page, `/healthz` and `/metrics` where ATELIER_MONITOR_PORT names a port."""

from bot.kit import Bot, Feature, Service


def monitor(client: Bot) -> Service:
    """The little server, if it is wanted: a bot without it has none in memory."""
    if not client.settings.atelier_monitor_port:
        return Service(client)
    from bot.monitor.page import PageServer  # noqa: PLC0415 (see above)

    return PageServer(client)


FEATURE = Feature(services=(monitor,))
