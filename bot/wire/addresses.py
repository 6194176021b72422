"""Where Discord is: the real one, unless the settings name a loopback server; and the way there."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yarl
from discord.asset import Asset
from discord.gateway import DiscordWebSocket
from discord.http import Route

from common.settings import Settings, SettingsError


def point_discord_at(settings: Settings) -> None:
    """Send REST, gateway and picture addresses to the loopback server of the settings, if any.

    The addresses are class attributes of discord.py, so they hold for the whole process. The
    gateway's is needed too: a plain client never asks the server for it, and the token would go
    to the real Discord.

    Raises:
        SettingsError: if only one of the two addresses is set.
    """
    if bool(settings.discord_api_url) != bool(settings.discord_gateway_url):
        raise SettingsError(
            "DISCORD_API_URL and DISCORD_GATEWAY_URL belong together: set both for a loopback "
            "server, or neither for Discord."
        )
    if settings.discord_api_url:
        api = settings.discord_api_url.rstrip("/")
        Route.BASE = api
        parts = urlsplit(api)
        Asset.BASE = f"{parts.scheme}://{parts.netloc}"
    if settings.discord_gateway_url:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.discord_gateway_url)


def discord_proxy(settings: Settings) -> str | None:
    """The HTTP proxy by which Discord is reached, if the environment names one (`HTTPS_PROXY`).

    A loopback server is on this machine, and needs none.
    """
    named = getproxies().get("https")
    if not named or settings.discord_api_url or proxy_bypass("discord.com"):
        return None
    address = named if "://" in named else f"http://{named}"
    return address if urlsplit(address).scheme in {"http", "https"} else None
