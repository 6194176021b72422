"""Serves the monitoring page, `/healthz` and `/metrics` if ATELIER_MONITOR_PORT is set."""

from bot.kit import Bot, Feature, Service


def monitor(client: Bot) -> Service:
    """The HTTP server if enabled; it is not even imported otherwise."""
    if not client.settings.atelier_monitor_port:
        return Service(client)
    from bot.monitor.page import PageServer  # noqa: PLC0415 (see above)

    return PageServer(client)


FEATURE = Feature(services=(monitor,))
