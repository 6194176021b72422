"""Reconnecting to the gateway."""

import gc
import logging
import socket
import sys

import pytest

from bot.app import gateway
from bot.app.gateway import CONNECT_TIMEOUT_SECONDS, ReconnectBackoff
from bot.wire import connector
from tests.kit.world import World


def test_reconnect_try_and_pause_stay_below_twenty_seconds() -> None:
    pauses = ReconnectBackoff()
    assert all(1.0 <= pauses.delay() <= 20 - CONNECT_TIMEOUT_SECONDS for _ in range(10_000))


def test_short_sessions_do_not_use_up_the_daily_session_limit() -> None:
    now = 0.0
    pauses = ReconnectBackoff(lambda: now)
    begun = 0
    while now < 86_400:
        pauses.session_began()
        begun += 1
        now += pauses.delay()
    assert begun < 1000


@pytest.mark.filterwarnings("error")
async def test_ready_event_after_shutdown_starts_nothing(world: World) -> None:
    """discord.py dispatches `ready` seconds later, from a task that outlives the bot."""
    client = world.bot
    await world.stop_bot()
    client.dispatch("ready")
    gc.collect()  # a coroutine that was never awaited warns when it is collected


async def test_event_that_cannot_be_read_does_not_end_the_session(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    data = {"id": "1", "application_id": "1", "token": "secret", "type": 2, "version": 1}
    await world.discord.gateway.dispatch("INTERACTION_CREATE", data)
    assert "/paint" in (await world.slash(world.user("ada"), "help")).text
    assert world.bot.traffic.sessions == 1
    assert "cannot be read (INTERACTION_CREATE)" in caplog.text
    assert "secret" not in caplog.text


def test_long_sessions_do_not_lengthen_the_pause() -> None:
    now = 0.0
    pauses = ReconnectBackoff(lambda: now)
    for _ in range(100):
        pauses.session_began()
        now += 600
    assert pauses.delay() <= gateway.LONGEST_PAUSE_SECONDS


async def test_gateway_outage_logs_one_line_per_try_until_reconnected(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gateway, "SHORTEST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(gateway, "LONGEST_PAUSE_SECONDS", 0.1)
    with caplog.at_level(logging.INFO, "discord.client"):
        await world.discord.outage(2.0)
        await world.discord.until(lambda: not world.discord.gateway.connected, 5.0)
        await world.discord.ready()
    tries = [record for record in caplog.records if "The gateway is away" in record.message]
    assert len(tries) >= 8
    assert all(record.exc_info is None for record in tries)
    assert all("\n" not in record.message for record in tries)


@pytest.mark.skipif(sys.platform != "linux", reason="socket options differ by system")
async def test_gateway_socket_uses_tcp_keepalive(
    world: World,
) -> None:
    """A restarted router drops a connection, and neither side is notified."""
    connection = world.bot.ws.socket.get_extra_info("socket")  # created like those of requests
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    idle, between, tries, unanswered_ms = (
        connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"))
        for name in ("KEEPIDLE", "KEEPINTVL", "KEEPCNT", "USER_TIMEOUT")
    )
    assert (idle, between, tries) == connector.TCP_KEEPALIVE
    assert idle + between * tries < 20
    assert unanswered_ms < 20_000
