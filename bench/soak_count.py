"""Evaluates a soak test: whether each promise was kept."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from bench.bot_process import has_result
from bench.report import table
from bench.soak_day import Sample, Soak
from jobs.db import schema
from jobs.model import ENDED
from jobs.queue import JobQueue
from sandbox.model import Interaction, Message

LONG_SECONDS = 60.0
"""Duration from which a member is notified separately; also in `bot.delivery.notifier`."""
AFTER_SECONDS = 600.0
"""How long remaining jobs may take at the end, without failures."""


def tells_that_it_is_ready(message: Message) -> bool:
    """Whether a message notifies a member that a slow picture is ready."""
    return bool(message.mentions) and not message.attachments


def was_refused(interaction: Interaction) -> bool:
    """Whether the member was told to try again later."""
    messages = [interaction.message, *interaction.followups]
    return any(one is not None and "try again" in one.text for one in messages)


@dataclass(frozen=True)
class SoakResult:
    """Results of a soak test."""

    minutes: float
    posted: int
    acknowledged: int
    told_to_try_again: int
    """Commands that were refused with a message because store or database failed."""
    lost: int
    """Acknowledged commands that neither became a job nor were refused with a message."""
    jobs: int
    states: dict[str, int]
    shown: int
    messages: int
    """Messages in channels, without notifications."""
    direct_messages: int
    """Direct messages, without notifications."""
    told_ready: int
    took_long: int
    """Jobs that took over a minute, so that the member is notified."""
    ended_twice: int
    deaths: int
    charged: int
    """Jobs without a picture that count against the daily limit."""
    kills: dict[str, int]
    away: dict[str, int]
    starts: dict[str, int]
    held: list[tuple[str, str, float, float]]
    """Process, resource, its median in the second quarter, and in the last."""

    def faults(self) -> list[str]:
        """Descriptions of broken promises."""
        said = []
        if self.lost:
            said.append(f"{self.lost} acknowledged commands are no job")
        if self.states.get("done", 0) != self.jobs:
            said.append(f"of {self.jobs} jobs these ended otherwise: {self.states}")
        if self.shown < self.jobs:
            said.append(f"{self.jobs - self.shown} pictures are not shown")
        if self.messages > self.jobs + self.told_to_try_again or self.direct_messages:
            said.append(
                f"{self.messages} messages and {self.direct_messages} direct ones for "
                f"{self.jobs} jobs"
            )
        if self.told_ready > self.took_long:
            said.append(f"{self.told_ready} times told of {self.took_long} jobs that took long")
        if self.ended_twice:
            said.append(f"{self.ended_twice} jobs ended twice")
        if self.charged:
            said.append(f"{self.charged} jobs without a picture were charged")
        return said


async def judged(soak: Soak, queue: JobQueue) -> SoakResult:
    """Wait for the remaining jobs, and count."""
    asked = [one for one in soak.posted if one.acknowledged]
    await soak.discord.until(
        lambda: all(has_result(one.message) or was_refused(one) for one in asked), AFTER_SECONDS
    )
    await asyncio.sleep(5.0)  # until deliveries are recorded
    async with queue.database.read() as connection:
        jobs = (await connection.execute(sa.select(schema.jobs))).all()
        events = (
            await connection.execute(
                sa.select(schema.events.c.job_id, sa.func.count())
                .where(schema.events.c.kind.in_(ENDED))
                .group_by(schema.events.c.job_id)
            )
        ).all()
    known = {row.interaction_id for row in jobs}
    lost = [one for one in asked if one.id not in known and not was_refused(one)]
    shown = [one for one in soak.posted if one.id in known and has_result(one.message)]
    discord = soak.discord
    users = {one.user.id: one.user for one in soak.posted}
    in_channels = discord.messages()
    direct = [one for user in users.values() for one in discord.dms(user)]
    telling = sum(map(tells_that_it_is_ready, in_channels))
    telling_directly = sum(map(tells_that_it_is_ready, direct))
    return SoakResult(
        minutes=(time.monotonic() - soak.began_at) / 60,
        posted=len(soak.posted),
        acknowledged=len(asked),
        jobs=len(jobs),
        states=dict(Counter(str(row.state) for row in jobs)),
        told_to_try_again=sum(was_refused(one) and one.id not in known for one in asked),
        lost=len(lost),
        shown=len(shown),
        messages=len(in_channels) - telling,
        direct_messages=len(direct) - telling_directly,
        told_ready=telling + telling_directly,
        took_long=sum((row.ended_at or 0.0) - row.created_at > LONG_SECONDS for row in jobs),
        ended_twice=sum(count > 1 for _, count in events),
        deaths=sum(int(row.deaths) for row in jobs),
        charged=sum(bool(row.counted) and row.state != "done" for row in jobs),
        kills=dict(soak.kills),
        away=dict(soak.away),
        starts={child.name: child.starts for child in soak.children},
        held=list(_held(soak)),
    )


def _held(soak: Soak) -> list[tuple[str, str, float, float]]:
    whole = soak.seconds / 60
    measures: dict[str, Callable[[Sample], float]] = {
        "memory, MiB": lambda one: one.rss_mib,
        "open files": lambda one: float(one.files),
        "threads": lambda one: float(one.threads),
    }
    rows = []
    for child in soak.children:
        mine = [one for one in soak.samples if one.name == child.name]
        early = [one for one in mine if whole / 4 <= one.minute < whole / 2]
        late = [one for one in mine if one.minute >= whole * 3 / 4]
        if early and late:
            rows += [
                (
                    child.name,
                    what,
                    statistics.median(map(measure, early)),
                    statistics.median(map(measure, late)),
                )
                for what, measure in measures.items()
            ]
    return rows


def verdict_text(verdict: SoakResult) -> str:
    """The results as Markdown."""
    away = ", ".join(f"{name} {count}" for name, count in sorted(verdict.away.items()))
    kills = ", ".join(f"{name} {count}" for name, count in sorted(verdict.kills.items()))
    rows = [
        ("minutes", f"{verdict.minutes:.0f}"),
        ("commands posted", str(verdict.posted)),
        ("of them acknowledged", str(verdict.acknowledged)),
        ("of them told to try again", str(verdict.told_to_try_again)),
        ("of them lost", str(verdict.lost)),
        ("jobs", str(verdict.jobs)),
        ("how they ended", ", ".join(f"{n} {c}" for n, c in verdict.states.items())),
        ("pictures shown", str(verdict.shown)),
        ("messages in channels", str(verdict.messages)),
        ("direct messages", str(verdict.direct_messages)),
        ("members told that it is ready", f"{verdict.told_ready} of {verdict.took_long} jobs"),
        ("jobs that ended twice", str(verdict.ended_twice)),
        ("deaths of engines over jobs", str(verdict.deaths)),
        ("jobs charged without a picture", str(verdict.charged)),
        ("kills", kills),
        ("times away", away),
        ("starts", ", ".join(f"{n} {c}" for n, c in verdict.starts.items())),
    ]
    held = [(n, what, f"{a:.0f}", f"{b:.0f}") for n, what, a, b in verdict.held]
    faults = verdict.faults()
    said = "\n".join(f"- {fault}" for fault in faults) if faults else "Every promise was kept."
    return (
        f"{table(('what', 'seen'), rows)}\n"
        f"{table(('process', 'holds', 'second quarter', 'last quarter'), held)}\n{said}\n"
    )
