"""Access of a bot to resources, and the error codes where it is refused."""

from sandbox import LoopbackDiscord
from sandbox.permissions import (
    ATTACH_FILES,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    SEND_MESSAGES_IN_THREADS,
)
from tests.sandbox.raw_bot import RawBot

PUBLIC_THREAD = 11


async def test_a_wrong_token_is_refused(raw: RawBot) -> None:
    raw.headers["Authorization"] = "Bot nonsense"
    status, body = await raw.call("GET", "/users/@me")
    assert (status, body) == (401, {"message": "401: Unauthorized", "code": 0})


async def test_foreign_and_unknown_resources_get_discords_error_codes(
    raw: RawBot, discord: LoopbackDiscord
) -> None:
    foreign = discord.post(discord.user("ada"), "mine")
    path = f"/channels/{foreign.channel_id}/messages/{foreign.id}"
    assert (await raw.call("PATCH", path, {"content": "x"}))[1]["code"] == 50005
    assert (await raw.call("DELETE", path))[1]["code"] == 50013
    assert (await raw.call("GET", f"/channels/{foreign.channel_id}/messages/1"))[1]["code"] == 10008
    assert (await raw.call("GET", "/channels/1"))[1]["code"] == 10003
    assert (await raw.call("GET", f"/channels/{discord.world.private.id}"))[1]["code"] == 50001
    assert (await raw.call("GET", "/nothing"))[0] == 404
    assert (await raw.call("DELETE", "/users/@me"))[0] == 405
    discord.user("grace").accepts_dms = False
    dm = discord.world.dm_of(discord.user("grace"))
    refused = await raw.call("POST", f"/channels/{dm.id}/messages", {"content": "x"})
    assert refused[1]["code"] == 50007


async def test_missing_permissions_channel_or_membership_refuse_calls(
    raw: RawBot, discord: LoopbackDiscord, picture: bytes
) -> None:
    channel = discord.channel()
    channel.bot_denied = ATTACH_FILES
    assert (await raw.send({"content": "x"}))[0] == 200
    refused = await raw.send({"content": "x"}, {"files[0]": ("a.png", picture)})
    assert (refused[0], refused[1]["code"]) == (403, 50013)
    channel.bot_denied = READ_MESSAGE_HISTORY
    _, sent = await raw.send({"content": "x"})
    reply = {"content": "y", "message_reference": {"message_id": sent["id"]}}
    assert (await raw.send(reply))[1]["code"] == 160002
    path = f"/channels/{channel.id}/messages"
    assert (await raw.call("GET", f"{path}/{sent['id']}"))[1]["code"] == 50013
    assert await raw.call("GET", path) == (200, [])
    await discord.remove_bot()
    assert (await raw.send({"content": "x"}))[1]["code"] == 50001
    await discord.return_bot()
    assert (await raw.send({"content": "x"}))[0] == 200
    await discord.delete_channel(channel)
    assert (await raw.call("POST", path, {"content": "x"}))[1]["code"] == 10003


async def test_writing_in_a_thread_needs_its_own_permission(
    raw: RawBot, discord: LoopbackDiscord
) -> None:
    channel = discord.channel()
    channel.kind, channel.parent_id = PUBLIC_THREAD, discord.channel("talk").id
    channel.bot_denied = SEND_MESSAGES
    assert (await raw.send({"content": "x"}))[0] == 200
    channel.bot_denied = SEND_MESSAGES_IN_THREADS
    assert (await raw.send({"content": "x"}))[1]["code"] == 50013


async def test_message_content_is_hidden_without_the_intent(
    raw: RawBot, discord: LoopbackDiscord
) -> None:
    foreign = discord.post(discord.user("ada"), "secret")
    path = f"/channels/{foreign.channel_id}/messages/{foreign.id}"
    assert (await raw.call("GET", path))[1]["content"] == ""
    discord.world.sees_content = True
    assert (await raw.call("GET", path))[1]["content"] == "secret"
