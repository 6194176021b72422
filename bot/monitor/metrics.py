"""The metrics of `/metrics`, in Prometheus' text format."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.monitor.troubles import troubles_of
from bot.traffic import Traffic
from common.timings import Timings
from common.version import VERSION
from jobs.health.state import Health
from jobs.model import Job, JobState

DATABASE = "database"
"""The name of the one trouble that is seen without asking the database."""
NAMES_OF_TROUBLES = (
    DATABASE,
    "store",
    "disk",
    "no-engine",
    "stuck",
    "engine-trouble",
    "lost",
    "failures",
    "weights",
    "other-weights",
    "crash-loop",
    "newer-schema",
    "engine-version",
    "no-bot",
    "gateway",
    "clock",
    "another-bot",
)


STORE_CALLS = "atelier_store_call_seconds"
STATEMENTS = "atelier_database_statement_seconds"
TRANSACTIONS = "atelier_database_transaction_seconds"
CALLS = {
    STORE_CALLS: "All calls of the picture store by this process.",
    STATEMENTS: "All statements to the database by this process.",
    TRANSACTIONS: "All transactions of this process, with what is done in them.",
}


@dataclass(eq=False)
class _Figures(Collector):
    """A snapshot of all metrics."""

    health: Health | None
    ended: Iterable[Job]
    traffic: Traffic
    timings: Mapping[str, Timings]

    def collect(self) -> Iterator[Metric]:
        if self.health is None:
            yield _troubles({(DATABASE,): 1.0})
        else:
            yield from self._of_health(self.health)
            yield from self._of_jobs()
        yield from self._of_discord()
        yield from self._of_calls()

    def _of_health(self, health: Health) -> Iterator[Metric]:
        # `lost-12` contains a job ID, which does not belong in a label.
        names = {
            trouble.name.rstrip("-0123456789") for trouble in troubles_of(health, self.traffic)
        }
        needed = {(name,): float(name in names) for name in NAMES_OF_TROUBLES}
        yield _troubles(needed)
        yield _value("atelier_queue_waiting", "Jobs that wait.", health.waiting)
        yield _value("atelier_queue_running", "Jobs that are painted.", health.running)
        yield _value(
            "atelier_queue_oldest_waiting_seconds",
            "How long the oldest job that may be painted has waited.",
            health.oldest_waiting_seconds or 0.0,
        )
        yield _value("atelier_engines", "Engines that are alive.", len(health.engines))
        infos = [state.info for state in health.engines]
        labels = ["engine", "device", "network", "version"]
        engines = {(info.id, info.device, info.network, info.version): 1.0 for info in infos}
        yield _gauge("atelier_engine_info", "One engine.", labels, engines)
        yield from _of_engines(health)
        if health.free_bytes is not None:
            yield _value("atelier_disk_free_bytes", "Free for pictures.", health.free_bytes)
        yield _value("atelier_disk_reserve_bytes", "To be kept free.", health.reserve_bytes)
        yield _value(
            "atelier_database_seconds",
            "What the questions of this page took of the database.",
            health.database_seconds,
        )
        yield _value(
            "atelier_store_seconds",
            "What writing, reading and deleting a small file took; 0 where it was not asked.",
            health.store.seconds,
        )
        yield _gauge("atelier_build_info", "This program.", ["version"], {(VERSION,): 1.0})

    def _of_jobs(self) -> Iterator[Metric]:
        outcomes: dict[str, int] = dict.fromkeys(
            (JobState.DONE, JobState.FAILED, JobState.CANCELLED), 0
        )
        seconds: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        rates: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        for job in self.ended:
            outcomes[job.state] = outcomes.get(job.state, 0) + 1
            if job.report is not None and job.report.seconds > 0:
                size, quality = str(job.options.size_px), str(job.options.quality)
                key = (size, quality, job.report.network)
                seconds[key].append(job.report.seconds)
                rates[key].append(job.report.iterations / job.report.seconds)
        counts = {(outcome,): count for outcome, count in outcomes.items()}
        yield _gauge("atelier_jobs_day", "Jobs that ended in the last day.", ["outcome"], counts)
        labels = ["size_px", "quality", "network"]
        for name, text, values in (
            ("atelier_painting_seconds_day", "Mean seconds a picture in the last day.", seconds),
            ("atelier_iterations_per_second_day", "Mean of the last day.", rates),
        ):
            means = {key: sum(found) / len(found) for key, found in values.items()}
            yield _gauge(name, text, labels, means)

    def _of_calls(self) -> Iterator[Metric]:
        for name, text in CALLS.items():
            metric = HistogramMetricFamily(name, text, labels=("operation", "outcome"))
            for key, histogram in self.timings[name].read().items():
                metric.add_metric(key, histogram.cumulative(), histogram.seconds)
            yield metric

    def _of_discord(self) -> Iterator[Metric]:
        traffic = self.traffic
        bots = () if self.health is None else self.health.bots
        latencies = [bot.latency_seconds for bot in bots if bot.latency_seconds]
        if latencies:
            yield _value(
                "atelier_discord_latency_seconds", "To the gateway and back.", min(latencies)
            )
        requests = CounterMetricFamily(
            "atelier_discord_requests",
            "Requests to Discord by method and answer.",
            labels=("method", "status"),
        )
        for key, count in sorted(traffic.requests.items()):
            requests.add_metric(key, count)
        yield requests
        for name, text, count in (
            ("atelier_discord_rate_limited", "Answered with 429.", traffic.rate_limited),
            ("atelier_discord_edits", "Messages edited.", traffic.edits),
            ("atelier_discord_sessions", "New sessions of the gateway.", traffic.sessions),
            ("atelier_discord_resumes", "Sessions of the gateway resumed.", traffic.resumes),
        ):
            yield CounterMetricFamily(name, text, value=count)


def _of_engines(health: Health) -> Iterator[Metric]:
    infos = [state.info for state in health.engines]
    for name, text, field in (
        ("atelier_engine_memory_bytes", "Memory of the device.", "memory_bytes"),
        (
            "atelier_engine_memory_used_bytes",
            "In use: of a card by all programs, else by the engine.",
            "memory_used_bytes",
        ),
        (
            "atelier_engine_seconds_per_megapixel",
            "For a standard picture: the best that was measured, tried or guessed.",
            "pace",
        ),
    ):
        values = {(info.id,): getattr(info, field) for info in infos}
        yield _gauge(name, text, ["engine"], values)


def exposition(
    health: Health | None, ended: Iterable[Job], traffic: Traffic, timings: Mapping[str, Timings]
) -> bytes:
    """The text that Prometheus scrapes.

    Args:
        health: The current health; None if the database does not respond.
        ended: The jobs that ended in the last day.
        traffic: Requests to Discord since the start.
        timings: Durations of this process's calls since its start, by the keys of `CALLS`.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(health, ended, traffic, timings))
    return generate_latest(registry)


def _troubles(values: Mapping[Any, float | None]) -> GaugeMetricFamily:
    return _gauge("atelier_trouble", "1 while this needs a person.", ["name"], values)


def _gauge(
    name: str, text: str, labels: list[str], values: Mapping[Any, float | None]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        if value is not None:
            family.add_metric(key, value)
    return family


def _value(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
