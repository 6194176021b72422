"""An outage of Discord while pictures are painted: `python -m bench.bot_outage --minutes 10`.

The real bot and engine paint two pictures with lite. When the first becomes visible, Discord fails:
the gateway's connection is cut, and every request is dropped. Measures how soon after the outage
each member sees their picture, and how often the result was sent.
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.bot_process import connected_bot, has_result, photographs, shows
from bench.children.judge import machine
from bench.report import publish, table
from bench.runner import RESULTS, BenchError, run
from sandbox.bot_process import BotProcess, BotStoppedError
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Interaction, Message

MEMBERS = ("ada", "grace")
FAILED = "This did not work"
MINUTES_THAT_COUNT = 10.0
BEGINS_WITHIN_SECONDS = 300.0
SHOWN_WITHIN_SECONDS = 1200.0
WATCHED_SECONDS = 60.0
"""Time of observation after the last result: longer than any delayed edit."""


@dataclass(frozen=True)
class DeliveredPicture:
    """One picture after the outage."""

    member: str
    """Name of the member who asked for it."""
    seconds: float
    """Time from the end of the outage until it was shown."""
    times: int
    """Number of times that the result was sent or edited in."""
    last_word: bool
    """Whether the message still shows the result at the end."""


@dataclass(frozen=True)
class Outage:
    """What was measured."""

    seconds: float
    requests_dropped: int
    pictures: list[DeliveredPicture]


class Results:
    """Records every message of the bot that shows a finished picture."""

    def __init__(self, discord: LoopbackDiscord) -> None:
        self.heard: list[tuple[int, float]] = []
        discord.world.listeners.append(self._hear)

    def _hear(self, kind: str, payload: dict[str, Any]) -> None:
        message = payload.get("message")
        is_news = kind in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}
        if is_news and isinstance(message, Message) and has_result(message):
            self.heard.append((message.id, time.monotonic()))

    def of(self, message: Message) -> list[float]:
        """Times at which a message showed its result."""
        return [at for message_id, at in self.heard if message_id == message.id]


def shows_result(interaction: Interaction) -> bool:
    """Whether the answer shows a finished picture."""
    return has_result(interaction.message)


def is_painting(interaction: Interaction) -> bool:
    """Whether the answer says that the picture is being painted."""
    return shows(interaction, "Painting")


async def measure(seconds: float, size_px: int) -> Outage:
    """Measure.

    Raises:
        BenchError: nothing was painted, or a picture never came.
        BotStoppedError: the bot's process ended.
    """
    async with connected_bot({"ATELIER_NETWORK": "lite"}) as (discord, bot):
        results = Results(discord)
        pictures = photographs(size_px)
        interactions = [
            await discord.slash(discord.user(name), "paint", {"size": size_px}, pictures)
            for name in MEMBERS
        ]
        await _first_to_begin(interactions, bot)
        print(f"… Discord is gone for {seconds:.0f} s", flush=True)
        before = len(discord.traffic)
        await discord.outage(seconds)
        await asyncio.sleep(seconds)
        ended_at = time.monotonic()
        dropped = sum(line.status == 0 for line in discord.traffic[before:])
        for interaction in interactions:
            await _wait(interaction, bot, shows_result, SHOWN_WITHIN_SECONDS)
        await asyncio.sleep(min(WATCHED_SECONDS, seconds))
        shown = [
            _shown(name, interaction, results, ended_at)
            for name, interaction in zip(MEMBERS, interactions, strict=True)
        ]
        strays = {message_id for message_id, _ in results.heard}
        if len(strays) != len(MEMBERS):
            raise BenchError(f"{len(strays)} messages showed {len(MEMBERS)} pictures.")
        return Outage(seconds, dropped, shown)


async def _first_to_begin(interactions: Sequence[Interaction], bot: BotProcess) -> None:
    """Wait until either picture is begun, in any order.

    Raises:
        BenchError: one was finished before it was seen in progress.
    """
    begun = {
        asyncio.create_task(
            _wait(one, bot, lambda i: is_painting(i) or shows_result(i), BEGINS_WITHIN_SECONDS)
        )
        for one in interactions
    }
    first, others = await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    for task in first:
        task.result()
    if any(shows_result(one) for one in interactions):
        raise BenchError("A picture was finished too soon: choose a larger --size.")


async def _wait(
    interaction: Interaction,
    bot: BotProcess,
    condition: Callable[[Interaction], bool],
    within_seconds: float,
) -> None:
    """Raises BenchError where the picture fails, or the condition takes too long to hold."""
    try:
        await interaction.wait(lambda i: condition(i) or shows(i, FAILED), within_seconds)
    except TimeoutError as error:
        raise BenchError(f"{error}. The bot said:\n{bot.tail()}") from None
    if shows(interaction, FAILED):
        raise BenchError(f"A picture failed. The bot said:\n{bot.tail()}")


def _shown(
    name: str, interaction: Interaction, results: Results, ended_at: float
) -> DeliveredPicture:
    message = interaction.message
    assert message is not None
    times = results.of(message)
    return DeliveredPicture(name, times[0] - ended_at, len(times), has_result(message))


def outage_text(outage: Outage) -> str:
    """One table: how soon each picture was shown, and how often."""
    rows = [
        (one.member, f"{one.seconds:.1f}", str(one.times), "yes" if one.last_word else "no")
        for one in outage.pictures
    ]
    head = (
        f"after an outage of {outage.seconds / 60:g} min",
        "shown after, s",
        "times shown",
        "still shown at the end",
    )
    dropped = f"{outage.requests_dropped} requests of the bot were dropped meanwhile.\n"
    return f"{table(head, rows)}\n{dropped}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.bot_outage", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the outage")
    parser.add_argument("--size", type=int, default=512, help="of the pictures, px")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args(arguments)
    outage = asyncio.run(measure(chosen.minutes * 60, chosen.size))
    publish(
        chosen.out / "bot_outage.md",
        "After an outage of Discord",
        outage_text(outage),
        outage,
        machine=machine("cpu"),
        command=f"python -m bench.bot_outage --minutes {chosen.minutes:g}",
        quick=chosen.minutes < MINUTES_THAT_COUNT,
    )


if __name__ == "__main__":
    run(main, BotStoppedError)
