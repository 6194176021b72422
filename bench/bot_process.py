"""The real bot as a separate process, connected to a loopback Discord in this one."""

import contextlib
import io
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from PIL import Image

from sandbox.bot_process import BotProcess, bot_environment, online, run_bot
from sandbox.demo_pictures import bundled
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Interaction, Message

Pictures = Mapping[str, tuple[str, bytes]]


@contextlib.asynccontextmanager
async def connected_bot(
    settings: Mapping[str, str],
) -> AsyncIterator[tuple[LoopbackDiscord, BotProcess]]:
    """Start both and wait until the bot is ready.

    Args:
        settings: Environment of the bot; data folder and addresses are added.

    Raises:
        BotStoppedError: it did not become ready.
    """
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        async with LoopbackDiscord.start() as discord:
            environment = bot_environment(discord.environment(), Path(folder))
            environment |= {"ATELIER_DATA_DIR": folder, **settings}
            async with run_bot(environment, Path(folder) / "bot.log") as bot:
                await online(discord, bot)
                yield discord, bot


def photographs(side_px: int) -> Pictures:
    """A member's attachments: a photograph and a style as JPEGs with this longest side."""
    return {
        option: (f"{option}.jpg", _jpeg(bundled(name), side_px))
        for option, name in (("content", "coffee.png"), ("style", "ihc.png"))
    }


def _jpeg(path: Path, side_px: int) -> bytes:
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    scale = side_px / max(picture.size)
    size = round(picture.width * scale), round(picture.height * scale)
    buffer = io.BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def has_result(message: Message | None) -> bool:
    """Whether a message shows a finished picture."""
    if message is None or not message.attachments:
        return False
    return any(button.get("label") == "Again" for button in message.buttons)


def shows(interaction: Interaction, words: str) -> bool:
    """Whether the answer contains these words."""
    message = interaction.message
    return message is not None and words in message.text
