"""Many `/paint` at one moment: `python -m bench.bot_load`.

The real bot runs in a separate process, without an engine. Many members use `/paint` at once, each
with their own photograph and style. Measures the times from the dispatch of the interaction to its
acknowledgement, and until the member sees the place in the queue; and the memory of the bot, every
20 ms.
"""

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.bot_process import Pictures, connected_bot, photographs, shows
from bench.children.judge import machine
from bench.queue_latency import percentile
from bench.report import publish, table
from bench.runner import RESULTS, BenchError, run
from sandbox.bot_process import BotProcess, BotStoppedError
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Interaction, User

COMMANDS_THAT_COUNT = 100
"""Minimum number of commands for a 99th percentile that is not a single command."""
MEMORY_BAR_MIB = 150
LOOK_SECONDS = 0.02
LOOK_AT_CHILDREN_SECONDS = 0.2
"""Finding children means reading all processes, which is too slow for every sample."""
SETTLE_SECONDS = 2.0
CARD_WITHIN_SECONDS = 120.0
MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Resident:
    """Resident memory of the bot."""

    before_bytes: int
    """Before the first command."""
    most_bytes: int
    """Peak."""
    after_bytes: int
    """After the last answer."""
    children_bytes: int
    """Peak of its children together."""

    def table(self, head: str, bar_mib: int) -> str:
        """A table of these, in MiB."""
        rows = {
            "before": self.before_bytes,
            f"at its most (bar: {bar_mib})": self.most_bytes,
            f"{SETTLE_SECONDS:.0f} s after the last": self.after_bytes,
            "its children together, at their most": self.children_bytes,
        }
        return table((head, "MiB"), [(name, f"{one / MIB:.0f}") for name, one in rows.items()])


@dataclass(frozen=True, kw_only=True)
class LoadResult(Resident):
    """Results; the lists are in the order of the commands."""

    at_once: int
    """Commands per round."""
    rounds: int
    """Number of rounds, one after the other, with the same members."""
    file_bytes: int
    """Size of the two pictures of one command together."""
    acknowledged_seconds: list[float]
    """Times from the dispatch to the acknowledgement."""
    shown_seconds: list[float]
    """Times from the dispatch to the card with the place."""
    has_torch: bool
    """Whether torch is loaded in the bot's process."""


@dataclass
class MemoryWatch:
    """Samples the memory of a process and its children."""

    process: psutil.Process
    most_bytes: int = 0
    children_bytes: int = 0

    def now_bytes(self) -> int:
        """Resident now."""
        return int(self.process.memory_info().rss)

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, bot: BotProcess) -> AsyncIterator["MemoryWatch"]:
        """Watch a bot until the block ends."""
        watch = cls(psutil.Process(bot.pid))
        watching = asyncio.create_task(watch._look())
        try:
            yield watch
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _look(self) -> None:
        children_at = float("-inf")
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.most_bytes = max(self.most_bytes, self.now_bytes())
            if time.monotonic() - children_at < LOOK_AT_CHILDREN_SECONDS:
                continue
            children, children_at = 0, time.monotonic()
            for child in self.process.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    children += child.memory_info().rss
            self.children_bytes = max(self.children_bytes, children)

    def has_torch(self) -> bool:
        """Whether one of torch's libraries is mapped."""
        return any("/torch/" in each.path.replace("\\", "/") for each in self.process.memory_maps())


async def measure(at_once: int, rounds: int, side_px: int) -> LoadResult:
    """Measure.

    Raises:
        BenchError: not every command was answered and queued.
        BotStoppedError: the bot's process ended.
    """
    settings = {
        "ATELIER_ENGINE": "external",
        "ATELIER_MAX_WAITING_PER_USER": str(rounds),
        "ATELIER_MAX_WAITING_PER_SERVER": str(at_once * rounds),
    }
    pictures = photographs(side_px)
    async with connected_bot(settings) as (discord, bot):
        users = [discord.world.add_user(f"member{number}") for number in range(at_once)]
        await asyncio.sleep(SETTLE_SECONDS)
        acknowledged: list[float] = []
        shown: list[float] = []
        async with MemoryWatch.of(bot) as memory:
            before_bytes = memory.now_bytes()
            for _ in range(rounds):
                for interaction, seconds in await _round(discord, bot, users, pictures):
                    assert interaction.acknowledged_after_seconds is not None
                    acknowledged.append(interaction.acknowledged_after_seconds)
                    shown.append(seconds)
                await asyncio.sleep(SETTLE_SECONDS)
        return LoadResult(
            at_once=at_once,
            rounds=rounds,
            file_bytes=sum(len(data) for _, data in pictures.values()),
            acknowledged_seconds=acknowledged,
            shown_seconds=shown,
            before_bytes=before_bytes,
            most_bytes=memory.most_bytes,
            after_bytes=memory.now_bytes(),
            children_bytes=memory.children_bytes,
            has_torch=memory.has_torch(),
        )


async def _round(
    discord: LoopbackDiscord, bot: BotProcess, users: Sequence[User], pictures: Pictures
) -> list[tuple[Interaction, float]]:
    async def one(user: User) -> tuple[Interaction, float]:
        interaction = await discord.slash(user, "paint", {}, pictures)
        if not interaction.acknowledged:
            raise BenchError(f"A command was not acknowledged. The bot said:\n{bot.tail()}")
        try:
            await interaction.wait(lambda i: shows(i, "#"), CARD_WITHIN_SECONDS)
        except TimeoutError as error:
            raise BenchError(f"{error}. The bot said:\n{bot.tail()}") from None
        return interaction, time.monotonic() - interaction.dispatched_at

    return list(await asyncio.gather(*(one(user) for user in users)))


def load_text(load: LoadResult) -> str:
    """Two tables: how soon members are answered, and what memory that takes."""
    parts = (0.5, 0.9, 0.99, 1.0)
    times = [
        (name, *(f"{percentile(seconds, part) * 1000:.0f}" for part in parts))
        for name, seconds in (
            ("acknowledged, ms", load.acknowledged_seconds),
            ("place shown, ms", load.shown_seconds),
        )
    ]
    files = f"{load.file_bytes / MIB:.1f} MiB of pictures each"
    head = (
        f"{load.at_once} commands at once, {load.rounds} times, {files}",
        "median",
        "90 %",
        "99 %",
        "longest",
    )
    torch = "torch is loaded in it" if load.has_torch else "torch is not loaded in it"
    memory = load.table(f"resident in the bot's process ({torch})", MEMORY_BAR_MIB)
    return f"{table(head, times)}\n{memory}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.bot_load", description=__doc__)
    parser.add_argument("--at-once", type=int, default=50, help="commands of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=2000, help="of the pictures, px")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args(arguments)
    print(f"… {chosen.at_once} commands at once, {chosen.rounds} times", flush=True)
    load = asyncio.run(measure(chosen.at_once, chosen.rounds, chosen.side))
    publish(
        chosen.out / "bot_load.md",
        "Many /paint at one moment",
        load_text(load),
        load,
        machine=machine("cpu"),
        command="python -m bench.bot_load",
        quick=len(load.acknowledged_seconds) < COMMANDS_THAT_COUNT,
    )


if __name__ == "__main__":
    run(main, BotStoppedError)
