"""Tracking whether a request is in flight, done or possibly lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.wire.in_flight import InFlight, trace_config, track_requests


class FakeDiscord:
    """Answers with a given status, or drops the connection, when the test lets it."""

    def __init__(self) -> None:
        self.status = 200
        self.requested, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.requested.set()
        await self.may_answer.wait()
        if not self.status:
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=self.status or 200)


@pytest.fixture
def fake_discord() -> FakeDiscord:
    return FakeDiscord()


@pytest.fixture
async def address(fake_discord: FakeDiscord) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_patch("/", fake_discord.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))
        fake_discord.may_answer.set()


async def edit(address: str) -> None:
    async with (
        aiohttp.ClientSession(trace_configs=[trace_config()]) as session,
        session.patch(address) as response,
    ):
        await response.read()


async def track_edit(address: str) -> InFlight:
    tracked = track_requests()
    with suppress(aiohttp.ClientError):
        await edit(address)
    return tracked


async def test_request_is_in_air_until_its_answer_arrives(
    address: str, fake_discord: FakeDiscord
) -> None:
    fake_discord.may_answer.clear()
    tracked = track_requests()
    editing = asyncio.create_task(edit(address))
    await asyncio.wait_for(fake_discord.requested.wait(), 10)
    assert tracked.in_air
    fake_discord.may_answer.set()
    await editing
    assert tracked == InFlight(is_done=True)


@pytest.mark.parametrize("status", [200, 400, 404, 429])
async def test_answered_request_is_not_lost(
    address: str, fake_discord: FakeDiscord, status: int
) -> None:
    fake_discord.status = status
    assert await track_edit(address) == InFlight(is_done=status == 200)


@pytest.mark.parametrize("status", [0, 500, 502, 504])
async def test_dropped_or_5xx_request_counts_as_lost(
    address: str, fake_discord: FakeDiscord, status: int
) -> None:
    """A proxy may answer 5xx although Discord carries the request out."""
    fake_discord.status = status
    assert await track_edit(address) == InFlight(is_lost=True)


async def test_request_that_never_connected_is_not_lost() -> None:
    closed_port_url = f"http://127.0.0.1:{unused_port()}/"
    assert await track_edit(closed_port_url) == InFlight()


async def test_lost_request_stays_lost_after_a_later_success(
    address: str, fake_discord: FakeDiscord
) -> None:
    tracked = track_requests()
    fake_discord.status = 502
    await edit(address)
    fake_discord.status = 200
    await edit(address)
    assert tracked.is_lost


async def test_requests_of_another_task_are_not_tracked(
    address: str, fake_discord: FakeDiscord
) -> None:
    fake_discord.status = 502
    mine = track_requests()

    async def another() -> InFlight:
        return await track_edit(address)

    other_tracked = await asyncio.create_task(another())
    assert other_tracked.is_lost
    assert not mine.is_lost
