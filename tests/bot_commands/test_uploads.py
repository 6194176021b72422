import gc
import io
import weakref

import discord

from bot.wire.uploads import Upload
from tests.bot_commands.house import House, picture


class Watched(io.BytesIO):
    """Bytes that can be watched being forgotten."""


async def test_bytes_are_gone_once_they_are_sent(house: House) -> None:
    buffer = Watched(picture())
    watch = weakref.ref(buffer)
    channel = house.client.get_channel(house.discord.channel().id)
    assert isinstance(channel, discord.TextChannel)
    gc.disable()
    try:
        upload = Upload(buffer, "picture.png")
        await channel.send(file=upload)
        assert buffer.closed
        del buffer, upload
        assert watch() is None
    finally:
        gc.enable()
    (message,) = house.discord.messages()
    assert message.attachments[0].data == picture()
