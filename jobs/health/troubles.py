"""The troubles of an installation, which owners are alerted to and health checks report."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from common.crashes import LOOP, WINDOW_SECONDS
from common.sentences import Sentence, sentence
from common.settings import MIB
from jobs.core import DAY_SECONDS
from jobs.execution.ending import DEATHS_ALLOWED
from jobs.health.state import EngineTrouble, Health
from jobs.model import EngineInfo, FailureKind
from jobs.outcomes import DatabaseLockedError

STUCK_SECONDS = 300.0
"""If a startable job waits this long and no engine paints, engines are stuck."""
GATEWAY_AWAY_SECONDS = 90.0
TROUBLE_SECONDS = 300.0
"""How long the trouble of an engine that ended is reported: a supervisor starts another one."""
FAILURES_IN_A_ROW = 3
CLOCK_SECONDS = 60.0
"""A clock may be wrong by this much before it matters to members."""
AGES_WRONG_SECONDS = 1800.0
"""With a clock that is wrong by more than this, nothing is deleted by its age. Less than the hour
by which clocks are set for the summer."""
READ_ONLY = "The database is read-only, as a standby is."
ENGINES_NAMED = 10
"""At most this many engines are listed by name."""


class Part(StrEnum):
    """The parts that can be unhealthy; a health check may select some."""

    BOT = "bot"
    DATABASE = "database"
    ENGINE = "engine"
    STORE = "store"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One problem that a person has to look at."""

    part: Part
    name: str
    """Stable name of the problem, for logs, metrics and alerts."""
    sentence: Sentence
    """What is wrong, and what to do."""
    job_id: int | None = None
    """The job that it concerns, if it concerns one."""
    places: tuple[str, ...] = ()
    """The hosts and devices that the sentence names; a new one triggers a new alert."""


def database_trouble(reason: object) -> Trouble:
    """The database cannot be read, which hides everything else, or not be written."""
    if isinstance(reason, DatabaseLockedError):
        words = sentence(
            "Another program keeps the database {file} locked, so nothing can be written: "
            "commands wait, and no picture goes on. Close that program, perhaps a database "
            "browser, a backup or a sync; `fuser {file}` shows what has it open.",
            file=reason.file,
        )
        return Trouble(Part.DATABASE, "database", words)
    words = sentence(
        "{reason} Until it is back, commands wait and no picture is started: check its server "
        "and its log, and ATELIER_DATABASE_URL.",
        reason=str(reason),
    )
    return Trouble(Part.DATABASE, "database", words)


def clock_trouble(machine_ahead: float, queue_ahead: float) -> Trouble | None:
    """A clock that determines the times shown to members is wrong; None if none is.

    Args:
        machine_ahead: seconds by which the clock of the bot's machine is ahead.
        queue_ahead: seconds by which the database's clock is ahead.
    """
    if abs(machine_ahead) > CLOCK_SECONDS:
        words = sentence(
            "The clock of the bot's machine is wrong by {minutes} min, and so are the times "
            "that members see: set it, or let NTP do that.",
            minutes=round(abs(machine_ahead) / 60),
        )
    elif abs(queue_ahead) > CLOCK_SECONDS:
        words = sentence(
            "The clock of the database's machine is wrong by {minutes} min, and so are the "
            "times that members see: set it, or let NTP do that.",
            minutes=round(abs(queue_ahead) / 60),
        )
    else:
        return None
    return Trouble(Part.DATABASE, "clock", words)


def off_discord(ahead_seconds: float) -> str:
    """How wrong a clock is, in English: `3 days ahead of Discord's`."""
    days = abs(ahead_seconds) / DAY_SECONDS
    words = f"{days:.0f} days" if days >= 2 else f"{abs(ahead_seconds) / 60:.0f} minutes"
    return f"{words} {'ahead of' if ahead_seconds > 0 else 'behind'} Discord's"


def another_bot_trouble() -> Trouble:
    """Another program uses the bot's token, with a database of its own."""
    words = sentence(
        "Another program answers members with this bot's token, and the two overwrite each "
        "other: stop the one that you do not want, such as one on an older machine. If you "
        "know of no other, reset the token (your application > Bot > Reset Token)."
    )
    return Trouble(Part.BOT, "another-bot", words)


def troubles_in(health: Health) -> tuple[Trouble, ...]:
    """The problems, worst first."""
    return (
        *((database_trouble(READ_ONLY),) if health.read_only else ()),
        *_of_store(health),
        *_of_engines(health),
        *_of_bots(health),
        *_of_programs(health),
    )


def _of_store(health: Health) -> Iterator[Trouble]:
    if health.store.problem is not None:
        yield Trouble(
            Part.STORE,
            "store",
            sentence(
                "The picture store does not work: {reason} Nothing is painted until it "
                "works again.",
                reason=health.store.problem,
            ),
        )
    if health.free_bytes is not None and health.free_bytes < health.reserve_bytes:
        yield Trouble(
            Part.DISK,
            "disk",
            sentence(
                "The disk of {folder} has {free_mib} MiB left, less than the reserve of "
                "{reserve_mib} MiB (ATELIER_DISK_RESERVE_MIB): make room, or keep pictures for "
                "fewer days (ATELIER_RETENTION_DAYS).",
                folder=health.free_in,
                free_mib=health.free_bytes // MIB,
                reserve_mib=health.reserve_bytes // MIB,
            ),
        )


def _of_engines(health: Health) -> Iterator[Trouble]:
    if not health.engines and not health.engine_starting:
        yield Trouble(
            Part.ENGINE,
            "no-engine",
            sentence(
                "No engine is running (waiting jobs: {count}). The bot's log says why its "
                "engine ended; with ATELIER_ENGINE=external, start one with `python -m "
                "engine`, or look in the log of a running one for what keeps it from the "
                "database.",
                count=health.waiting,
            ),
        )
    elif (
        health.engines
        and health.running == 0
        and (health.oldest_waiting_seconds or 0.0) > STUCK_SECONDS
    ):
        yield Trouble(
            Part.ENGINE,
            "stuck",
            sentence(
                "Engines are running, but the oldest job has waited for {minutes} minutes and "
                "none is painted: look at the engine's log, and restart it.",
                minutes=int((health.oldest_waiting_seconds or 0.0) / 60),
            ),
        )
    bots = {bot.info.version for bot in health.bots}
    others = [one.info for one in health.engines if one.info.version not in bots]
    if bots and others:
        yield _of_other_versions(others, bots)
    yield from _of_other_weights([one.info for one in health.engines])
    if health.engine_troubles:
        yield _of_engines_in_trouble(health.engine_troubles)
    for job in health.failures:
        if job.failure is not None and job.failure.kind is FailureKind.LOST:
            yield Trouble(
                Part.ENGINE,
                f"lost-{job.id}",
                sentence(
                    "Job {job_id} brought its engine down {count} times and was given up: "
                    "`python -m jobs show {job_id}` shows its options, the engine's log "
                    "the reason. An engine that is killed for using too much memory needs "
                    "a lower ATELIER_MAX_MEMORY.",
                    job_id=job.id,
                    count=DEATHS_ALLOWED,
                ),
                job.id,
            )
    if health.failures_in_a_row >= FAILURES_IN_A_ROW:
        yield Trouble(
            Part.ENGINE,
            "failures",
            sentence(
                "The last {count} jobs failed through no fault of their members; the newest is "
                "job {job_id}: `python -m jobs show {job_id}` says why.",
                count=health.failures_in_a_row,
                job_id=health.failures[0].id,
            ),
            health.failures[0].id,
        )


def _of_bots(health: Health) -> Iterator[Trouble]:
    if not health.bots:
        yield Trouble(
            Part.BOT,
            "no-bot",
            sentence(
                "No bot is running: start it with `python -m bot`; its log says why "
                "it is not running."
            ),
        )
        return
    seen = [bot.gateway_seen or bot.started_at for bot in health.bots]
    away = (health.at - max(seen)).total_seconds()
    if away > GATEWAY_AWAY_SECONDS:
        yield Trouble(
            Part.BOT,
            "gateway",
            sentence(
                "Discord has not been reached for {minutes} min: check "
                "discordstatus.com, and whether this machine is connected to the internet. "
                "The bot keeps trying.",
                minutes=int(away / 60),
            ),
        )


def _of_programs(health: Health) -> Iterator[Trouble]:
    if health.newer_schema is not None:
        yield Trouble(
            Part.BOT,
            "newer-schema",
            sentence(
                "Another program has upgraded the database to schema {schema}, which is "
                "newer than this version of Atelier: stop the bot and all engines, and "
                "start the newer version everywhere (docs/upgrade.md).",
                schema=health.newer_schema,
            ),
        )
    if health.networks_lacking:
        yield Trouble(
            Part.ENGINE,
            "weights",
            sentence(
                "No engine has the weights of {networks}, and pictures that need them "
                "wait: install the requirements again (`make demo`, or build the image "
                "again), or correct ATELIER_VGG19_WEIGHTS; then restart the engines.",
                networks=", ".join(health.networks_lacking),
            ),
        )
    if health.crashing:
        yield Trouble(
            Part.BOT if health.crashing == ("bot",) else Part.ENGINE,
            "crash-loop",
            sentence(
                "Ended {count} times or more within {minutes} minutes, and was started "
                "again: {names}. The last lines of its log before each start say why; an "
                "engine that is killed for using too much memory needs a lower "
                "ATELIER_MAX_MEMORY.",
                count=LOOP,
                minutes=int(WINDOW_SECONDS / 60),
                names=", ".join(health.crashing),
            ),
        )


def _of_other_versions(engines: Sequence[EngineInfo], bots: Collection[str]) -> Trouble:
    """Engines that were not upgraded with the bot."""
    places = {f"{one.host} ({one.device})": one.version for one in engines[:ENGINES_NAMED]}
    words = sentence(
        "Engines of a different version from the bot's ({bot}) are running: {engines}. They "
        "may paint differently from the others, and skip what they cannot read: install the "
        "bot's version there, and restart them (docs/upgrade.md).",
        bot=", ".join(sorted(bots)),
        engines=", ".join(f"{place}: {version}" for place, version in places.items()),
    )
    return Trouble(Part.ENGINE, "engine-version", words, places=tuple(places))


def _of_other_weights(engines: Sequence[EngineInfo]) -> Iterator[Trouble]:
    """Engines that differ in the weights of a network."""
    known = Counter(_network_of(each) for each in {each for one in engines for each in one.weights})
    differing = {network for network, count in known.items() if count > 1}
    if not differing:
        return
    found = {
        f"{one.host} ({one.device})": " ".join(each)
        for one in engines
        if (each := [entry for entry in one.weights if _network_of(entry) in differing])
    }
    named = dict(list(found.items())[:ENGINES_NAMED])
    words = sentence(
        "Engines have different weights of the same network: {engines}. The same settings give "
        "another picture there, and a painting that another engine takes over starts again: "
        "compare ATELIER_VGG19_WEIGHTS and the versions of Atelier, and restart the engines.",
        engines=", ".join(f"{place}: {weights}" for place, weights in named.items()),
    )
    yield Trouble(Part.ENGINE, "other-weights", words, places=tuple(named))


def _network_of(weights: str) -> str:
    return weights.partition(":")[0]


def _of_engines_in_trouble(troubles: Sequence[EngineTrouble]) -> Trouble:
    """One trouble for all engines, as a missing store affects a whole fleet."""
    named = troubles[:ENGINES_NAMED]
    places = tuple(trouble.place for trouble in named)
    if len(troubles) == 1:
        words = sentence(
            "The engine on {host} ({device}) cannot paint: {reason} It keeps trying by itself, "
            "and this does not count against any job; if it goes on, look at its log.",
            host=named[0].host,
            device=named[0].device,
            reason=named[0].reason,
        )
        return Trouble(Part.ENGINE, "engine-trouble", words, places=places)
    by_reason: dict[str, list[str]] = {}
    for trouble in named:
        by_reason.setdefault(trouble.reason, []).append(trouble.place)
    words = sentence(
        "{count} engines cannot paint. {reasons} They keep trying by themselves, and this does "
        "not count against any job; if it goes on, look at their logs.",
        count=len(troubles),
        reasons=" ".join(f"{', '.join(where)}: {why}" for why, where in by_reason.items()),
    )
    return Trouble(Part.ENGINE, "engine-trouble", words, places=places)
