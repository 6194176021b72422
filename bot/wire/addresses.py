"""Discord's base URLs, or those of the settings' loopback server; and the proxy to use."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yarl
from discord.asset import Asset
from discord.gateway import DiscordWebSocket
from discord.http import Route

from common.settings import Settings
from common.settings_loading import SettingsError


def point_discord_at(settings: Settings) -> None:
    """Point REST, gateway and CDN URLs at the loopback server of the settings, if there is one.

    These URLs are class attributes of discord.py, so they hold for the whole process. The gateway's
    has to be set too: a client without shards never asks the server for it, and would send the
    token to the real Discord.

    Raises:
        SettingsError: Only one of the two addresses is set.
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
    """The HTTP proxy for Discord, if the environment names one (`HTTPS_PROXY`).

    None for a loopback server, which is on this machine.
    """
    named = getproxies().get("https")
    if not named or settings.discord_api_url or proxy_bypass("discord.com"):
        return None
    address = named if "://" in named else f"http://{named}"
    return address if urlsplit(address).scheme in {"http", "https"} else None
