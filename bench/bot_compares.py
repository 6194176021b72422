"""Many *Compare* at one moment: `python -m bench.bot_compares`.

The real bot runs in a separate process. Many members press *Compare* under one finished picture of
2048 px at once; each needs the photograph, the painting, and a child process that combines them.
Measures the memory of the bot and its children, every 20 ms.
"""

import argparse
import asyncio
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bench.bot_load import MIB, SETTLE_SECONDS, MemoryWatch, Resident
from bench.bot_process import connected_bot, photographs, shows
from bench.children.judge import machine
from bench.report import publish
from bench.runner import RESULTS, BenchError, run
from common.settings import Settings
from jobs.model import EngineInfo, PaintReport
from jobs.queue import JobQueue
from sandbox.bot_process import BotStoppedError
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Interaction, Message

MEMBERS_THAT_COUNT = 20
MEMORY_BAR_MIB = 200
WITHIN_SECONDS = 900.0
ENGINE = EngineInfo("bench", "bench", "cpu", "vgg19", "bench", 0)


@dataclass(frozen=True, kw_only=True)
class Compares(Resident):
    """What was measured."""

    members: int
    side_px: int
    picture_bytes: int
    """Size of photograph and painting together, as they are stored."""
    answered: int


async def measure(members: int, side_px: int) -> Compares:
    """Measure.

    Raises:
        BenchError: not every member was answered.
        BotStoppedError: the bot's process ended.
    """
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        settings = {"ATELIER_ENGINE": "external", "ATELIER_DATA_DIR": folder}
        async with connected_bot(settings) as (discord, bot):
            message, stored = await _painted(discord, Path(folder), side_px)
            users = [discord.world.add_user(f"member{number}") for number in range(members)]
            await asyncio.sleep(SETTLE_SECONDS)
            async with MemoryWatch.of(bot) as memory:
                before = memory.now_bytes()
                pressed = await asyncio.gather(
                    *(discord.press(user, message, label="Compare") for user in users)
                )
                if not await discord.until(lambda: all(map(_is_answered, pressed)), WITHIN_SECONDS):
                    raise BenchError(f"Not everybody was answered. The bot said:\n{bot.tail()}")
                await asyncio.sleep(SETTLE_SECONDS)
            return Compares(
                members=members,
                side_px=side_px,
                picture_bytes=stored,
                answered=sum(map(_is_answered, pressed)),
                before_bytes=before,
                most_bytes=memory.most_bytes,
                after_bytes=memory.now_bytes(),
                children_bytes=memory.children_bytes,
            )


async def _painted(discord: LoopbackDiscord, folder: Path, side_px: int) -> tuple[Message, int]:
    """A finished picture's message, and the size of its files."""
    interaction = await discord.slash(
        discord.user("ada"), "paint", {"size": min(side_px, 2048)}, photographs(side_px)
    )
    await interaction.wait(lambda i: shows(i, "#"), WITHIN_SECONDS)
    settings = Settings(_env_file=None, atelier_data_dir=folder)
    async with await JobQueue.open(settings, may_migrate=False) as queue:
        await queue.engines.register(ENGINE)
        claim = await queue.claims.claim(ENGINE.id)
        assert claim is not None
        painting = _painting(side_px)
        key = await queue.store.put(painting, "png")
        size = await queue.store.total_bytes([key, claim.job.inputs.content])
        report = PaintReport("vgg19", "cpu", "fp32", side_px, side_px, 1.0, 1, 0)
        await queue.claims.finish(claim, key, report)
        await interaction.wait(lambda i: _has_button(i.message, "Compare"), WITHIN_SECONDS)
    assert interaction.message is not None
    return interaction.message, size


def _painting(side_px: int) -> bytes:
    """A picture that is as hard to compress as a painting: slowly changing colors with grain."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    smooth = np.asarray(small.resize((side_px, side_px), Image.Resampling.BICUBIC), np.int16)
    grain = rng.integers(-12, 13, smooth.shape, dtype=np.int16)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _has_button(message: Message | None, label: str) -> bool:
    return message is not None and any(one.get("label") == label for one in message.buttons)


def _is_answered(interaction: Interaction) -> bool:
    messages = [interaction.message, *interaction.followups]
    return any(one is not None and bool(one.attachments) and one.ephemeral for one in messages)


def compares_text(seen: Compares) -> str:
    """One table."""
    pictures = f"{seen.picture_bytes / MIB:.0f} MiB of pictures of {seen.side_px} px"
    head = f"{seen.members} members compare {pictures} at once; resident in the bot's process"
    return seen.table(head, MEMORY_BAR_MIB)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.bot_compares", description=__doc__)
    parser.add_argument("--members", type=int, default=MEMBERS_THAT_COUNT)
    parser.add_argument("--side", type=int, default=2048, help="of the pictures, px")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args(arguments)
    seen = asyncio.run(measure(chosen.members, chosen.side))
    publish(
        chosen.out / "bot_compares.md",
        "Many *Compare* at one moment",
        compares_text(seen),
        seen,
        machine=machine("cpu"),
        command=f"python -m bench.bot_compares --members {seen.members} --side {seen.side_px}",
        quick=seen.members < MEMBERS_THAT_COUNT,
    )


if __name__ == "__main__":
    run(main, BotStoppedError)
