"""Requests to Discord through the proxy of the environment."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from discord.http import Route
from pydantic import SecretStr

from bot.app.checks import findings
from bot.app.client import AtelierClient
from bot.intake.download import Downloader
from bot.wire.addresses import discord_proxy
from bot.wire.original_response import webhook_of
from common.settings import Settings
from jobs.model import Reply

DISCORD_URL = "http://discord.invalid"


@pytest.fixture
async def proxied_urls(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Set a proxy in the environment that answers every request; the URLs requested from it."""
    addresses: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        addresses.append(str(request.url))
        return web.json_response({"username": "atelier"})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    yield addresses
    await runner.cleanup()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, atelier_data_dir=tmp_path, discord_token=SecretStr("a.b.c"))


async def test_downloads_and_the_token_check_use_the_proxy(
    proxied_urls: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Downloader(1000, proxy=discord_proxy(settings)) as downloader:
        assert await downloader.fetch(f"{DISCORD_URL}/photo.png") == b'{"username": "atelier"}'
    monkeypatch.setattr(Route, "BASE", DISCORD_URL)
    found = {one.name: one.text async for one in findings(settings, thorough=False)}
    assert found["token"] == "of atelier"
    assert proxied_urls == [f"{DISCORD_URL}/photo.png", f"{DISCORD_URL}/users/@me"]


async def test_client_and_interaction_webhooks_use_the_proxy(
    proxied_urls: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Route, "BASE", DISCORD_URL)
    client = AtelierClient(settings)
    async with client:
        await client.http.static_login("a.b.c")
        await webhook_of(client, Reply(1, 2, "token", datetime.now(UTC))).delete_message(3)
    assert proxied_urls[0] == f"{DISCORD_URL}/users/@me"
    assert proxied_urls[1].startswith(f"{DISCORD_URL}/webhooks/1/token/messages/3")


def test_loopback_exempted_and_socks_addresses_use_no_proxy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert discord_proxy(settings) == "http://proxy.example:3128"
    loopback = settings.model_copy(update={"discord_api_url": "http://127.0.0.1:8787/api/v10"})
    assert discord_proxy(loopback) is None
    monkeypatch.setenv("NO_PROXY", "localhost,discord.com")
    assert discord_proxy(settings) is None
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example:1080")
    assert discord_proxy(settings) is None
