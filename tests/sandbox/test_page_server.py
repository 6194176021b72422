"""The web server of the page, tested without a browser."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from sandbox import LoopbackDiscord
from sandbox.page.routes import add_page


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        LoopbackDiscord.start(extend=add_page) as discord,
        aiohttp.ClientSession(discord.world.base_url) as session,
    ):
        yield session


async def test_static_files_are_always_revalidated(session: aiohttp.ClientSession) -> None:
    """Otherwise a page would mix cached files with new ones after an upgrade."""
    for name, status in (("main.js", 200), ("base.css", 200), ("gone.js", 404)):
        async with session.get(f"/static/{name}") as response:
            assert response.status == status
            assert status == 404 or response.headers["Cache-Control"] == "no-cache"


async def test_other_sites_cannot_act(session: aiohttp.ClientSession) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        form = aiohttp.FormData({"payload": "{}"}, default_to_multipart=True)
        async with session.post("/sandbox/act/post", data=form, headers=headers) as response:
            assert response.status == 403


async def test_traffic_panel_shows_the_answer_to_a_request(
    session: aiohttp.ClientSession,
) -> None:
    async with session.get("/api/v10/gateway") as response:
        answered = await response.json()
    async with session.get("/sandbox/traffic/1") as response:
        line = await response.json()
    assert line["title"] == "GET /gateway"
    assert line["received"] == answered
