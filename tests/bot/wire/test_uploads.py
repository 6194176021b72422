import gc
import io
import weakref

import discord

from bot.wire.uploads import Upload
from tests.kit.pictures import plain_picture
from tests.kit.world import World


class ReferencedBytes(io.BytesIO):
    """Bytes that can be weakly referenced."""


async def test_upload_bytes_are_freed_after_sending(world: World) -> None:
    buffer = ReferencedBytes(plain_picture())
    reference = weakref.ref(buffer)
    channel = world.bot.get_channel(world.discord.channel().id)
    assert isinstance(channel, discord.TextChannel)
    gc.disable()
    try:
        upload = Upload(buffer, "picture.png")
        await channel.send(file=upload)
        assert buffer.closed
        del buffer, upload
        assert reference() is None
    finally:
        gc.enable()
    (message,) = world.discord.messages()
    assert message.attachments[0].data == plain_picture()
