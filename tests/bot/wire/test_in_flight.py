"""Whether a request to Discord is on its way, or may yet be carried out though nobody waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.wire.in_flight import InFlight, trace_config, track_requests


class Discord:
    """Answers as it is told, once it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.asked, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.set()
        await self.answers.wait()
        if not self.status:
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=self.status or 200)


@pytest.fixture
def far() -> Discord:
    return Discord()


@pytest.fixture
async def address(far: Discord) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_patch("/", far.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))
        far.answers.set()


async def edit(address: str) -> None:
    async with (
        aiohttp.ClientSession(trace_configs=[trace_config()]) as session,
        session.patch(address) as response,
    ):
        await response.read()


async def flight_of(address: str) -> InFlight:
    flight = track_requests()
    with suppress(aiohttp.ClientError):
        await edit(address)
    return flight


async def test_request_is_in_air_until_its_answer_arrives(address: str, far: Discord) -> None:
    far.answers.clear()
    flight = track_requests()
    editing = asyncio.create_task(edit(address))
    await asyncio.wait_for(far.asked.wait(), 10)
    assert flight.in_air
    far.answers.set()
    await editing
    assert flight == InFlight(is_done=True)


@pytest.mark.parametrize("status", [200, 400, 404, 429])
async def test_answered_request_is_not_lost(address: str, far: Discord, status: int) -> None:
    far.status = status
    assert await flight_of(address) == InFlight(is_done=status == 200)


@pytest.mark.parametrize("status", [0, 500, 502, 504])
async def test_dropped_or_5xx_request_counts_as_lost(
    address: str, far: Discord, status: int
) -> None:
    """Also where a server in between gave up on the one behind it."""
    far.status = status
    assert await flight_of(address) == InFlight(is_lost=True)


async def test_request_that_never_connected_is_not_lost() -> None:
    nowhere = f"http://127.0.0.1:{unused_port()}/"
    assert await flight_of(nowhere) == InFlight()


async def test_lost_request_stays_lost_after_a_later_success(address: str, far: Discord) -> None:
    flight = track_requests()
    far.status = 502
    await edit(address)
    far.status = 200
    await edit(address)
    assert flight.is_lost


async def test_requests_of_another_task_are_not_tracked(address: str, far: Discord) -> None:
    far.status = 502
    mine = track_requests()

    async def another() -> InFlight:
        return await flight_of(address)

    theirs = await asyncio.create_task(another())
    assert theirs.is_lost
    assert not mine.is_lost
