"""Injected faults, as a discord.py client sees them."""

import asyncio

import aiohttp
import discord as discord_py
import pytest

from sandbox import LoopbackDiscord
from tests.sandbox.tiny_bot import TinyBot


async def test_rate_limits_with_via_are_waited_for(discord: LoopbackDiscord, bot: TinyBot) -> None:
    fault = discord.faults.add("POST", "/channels/*/messages", status=429, retry_after=0.05)
    channel = bot.get_partial_messageable(discord.channel().id)
    await channel.send("x")
    assert len(fault.hits) == 1
    assert discord.messages()[-1].content == "x"


async def test_rate_limits_without_via_are_errors(discord: LoopbackDiscord, bot: TinyBot) -> None:
    discord.faults.add("POST", "/channels/*", status=429, with_via=False)
    channel = bot.get_partial_messageable(discord.channel().id)
    with pytest.raises(discord_py.HTTPException) as caught:
        await channel.send("x")
    assert caught.value.status == 429


async def test_server_errors_are_retried(discord: LoopbackDiscord, bot: TinyBot) -> None:
    fault = discord.faults.add("POST", "/channels/*/messages", status=502)
    await bot.get_partial_messageable(discord.channel().id).send("x")
    assert len(fault.hits) == 1


async def test_a_fault_can_carry_discords_code(discord: LoopbackDiscord, bot: TinyBot) -> None:
    discord.faults.add("POST", "/channels/*", status=400, code=30046)
    with pytest.raises(discord_py.HTTPException) as caught:
        await bot.get_partial_messageable(discord.channel().id).send("x")
    assert caught.value.code == 30046


async def test_dropped_request_raises_and_sends_no_message(
    discord: LoopbackDiscord, bot: TinyBot
) -> None:
    discord.faults.add("POST", "/channels/*", drop=True)
    with pytest.raises(aiohttp.ClientError):
        await bot.get_partial_messageable(discord.channel().id).send("x")
    assert not discord.messages()


async def test_outage_ends_by_itself(discord: LoopbackDiscord, bot: TinyBot) -> None:
    await bot.wait_until_ready()
    await discord.outage(0.3)
    with pytest.raises(aiohttp.ClientError):
        await bot.fetch_user(discord.user("ada").id)
    assert await discord.until(lambda: discord.gateway.resumed == 1, 20)


async def test_duplicated_dispatch_arrives_twice(
    discord: LoopbackDiscord, bot: TinyBot, picture: bytes
) -> None:
    discord.duplicate_next_dispatch()
    i = await discord.slash(discord.user("ada"), "paint", {}, {"content": ("a.png", picture)})
    await i.wait(lambda i: i.message and i.message.content == "done")
    assert await discord.until(lambda: len(bot.interactions) == 2)
    assert await discord.until(lambda: "acknowledged-once" in {v.rule for v in discord.violations})


async def test_events_during_a_cut_arrive_after_the_resume(
    discord: LoopbackDiscord, bot: TinyBot
) -> None:
    await bot.wait_until_ready()
    await discord.drop_sockets()
    assert await discord.until(lambda: not discord.gateway.connected)
    ada = discord.user("ada")
    i = await discord.slash(ada, "queue show", wait=False)
    await i.wait(lambda i: i.acknowledged, 10)


async def test_wrong_gateway_token_closes_with_4004(discord: LoopbackDiscord) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(discord.gateway_url + "?v=10&encoding=json") as socket,
    ):
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": "wrong", "intents": 1}})
        await asyncio.wait_for(socket.receive(), 5)
        assert socket.close_code == 4004


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", 4002),
        ('{"op": 99}', 4001),
        ('{"op": 3, "d": {}}', 4003),
    ],
)
async def test_invalid_gateway_frame_closes_with_its_code(
    discord: LoopbackDiscord, frame: str, code: int
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(discord.gateway_url) as socket,
    ):
        await socket.receive_json()
        await socket.send_str(frame)
        await asyncio.wait_for(socket.receive(), 5)
        assert socket.close_code == code


async def test_privileged_intents_are_refused(discord: LoopbackDiscord) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(discord.gateway_url) as socket,
    ):
        await socket.receive_json()
        await socket.send_json({"op": 2, "d": {"token": discord.token, "intents": 1 << 15}})
        await asyncio.wait_for(socket.receive(), 5)
        assert socket.close_code == 4014


async def test_request_can_be_carried_out_with_its_answer_lost(
    discord: LoopbackDiscord, bot: TinyBot
) -> None:
    discord.faults.add("POST", "/channels/*", drop=True, carried_out=True)
    channel = bot.get_partial_messageable(discord.channel().id)
    with pytest.raises(aiohttp.ClientError):
        await channel.send("x")
    assert discord.messages()[-1].content == "x"
    await channel.send("y")
    assert [message.content for message in discord.messages()] == ["x", "y"]


async def test_fault_can_answer_with_an_html_page(discord: LoopbackDiscord, bot: TinyBot) -> None:
    fault = discord.faults.add("GET", "/users/*", status=200, page=True)
    with pytest.raises(TypeError):
        await bot.fetch_user(discord.user("ada").id)
    assert len(fault.hits) == 1
