"""The figures of `/metrics`, in Prometheus' text form."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.traffic import Traffic
from common.timings import Timings
from common.version import VERSION
from jobs.health import Health
from jobs.model import Job, JobState

NAMES_OF_TROUBLES = (
    "store",
    "disk",
    "no-engine",
    "stuck",
    "engine-trouble",
    "lost",
    "failures",
    "weights",
    "crash-loop",
    "newer-schema",
    "no-bot",
    "gateway",
)


STORE_CALLS = "atelier_store_call_seconds"
STATEMENTS = "atelier_database_statement_seconds"
TRANSACTIONS = "atelier_database_transaction_seconds"
CALLS = {
    STORE_CALLS: "All calls of the picture store by this process.",
    STATEMENTS: "All statements to the database by this process.",
    TRANSACTIONS: "All transactions of this process, with what is done in them.",
}


class _Figures(Collector):
    """What is known at one moment."""

    def __init__(
        self,
        health: Health,
        ended: Iterable[Job],
        traffic: Traffic,
        timings: Mapping[str, Timings],
    ) -> None:
        self._health = health
        self._timings = timings
        self._ended = tuple(ended)
        self._traffic = traffic

    def collect(self) -> Iterator[Metric]:
        yield from self._of_health()
        yield from self._of_jobs()
        yield from self._of_discord()
        yield from self._of_calls()

    def _of_health(self) -> Iterator[Metric]:
        health = self._health
        # `lost-12` names its job, which is none of a label's business.
        names = {trouble.name.rstrip("-0123456789") for trouble in health.troubles()}
        troubles = _gauge("atelier_trouble", "1 while this needs a person.", "name")
        for name in NAMES_OF_TROUBLES:
            troubles.add_metric([name], float(name in names))
        yield troubles
        yield _value("atelier_queue_waiting", "Jobs that wait.", health.waiting)
        yield _value("atelier_queue_running", "Jobs that are painted.", health.running)
        yield _value(
            "atelier_queue_oldest_waiting_seconds",
            "How long the oldest job that may be painted has waited.",
            health.oldest_waiting_seconds or 0.0,
        )
        yield _value("atelier_engines", "Engines that are alive.", len(health.engines))
        engines = _gauge(
            "atelier_engine_info", "One engine.", "engine", "device", "network", "version"
        )
        for state in health.engines:
            info = state.info
            engines.add_metric([info.id, info.device, info.network, info.version], 1.0)
        yield engines
        yield from self._of_engines()
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
            health.store_seconds,
        )
        build = _gauge("atelier_build_info", "This program.", "version")
        build.add_metric([VERSION], 1.0)
        yield build

    def _of_engines(self) -> Iterator[Metric]:
        total = _gauge("atelier_engine_memory_bytes", "Memory of the device.", "engine")
        used = _gauge(
            "atelier_engine_memory_used_bytes",
            "In use: of a card by all programs, else by the engine.",
            "engine",
        )
        pace = _gauge(
            "atelier_engine_seconds_per_megapixel",
            "For a standard picture: the best that was measured, tried or guessed.",
            "engine",
        )
        for state in self._health.engines:
            for gauge, value in (
                (total, state.info.memory_bytes),
                (used, state.info.memory_used_bytes),
                (pace, state.info.pace),
            ):
                if value is not None:
                    gauge.add_metric([state.info.id], value)
        yield from (total, used, pace)

    def _of_jobs(self) -> Iterator[Metric]:
        ended = _gauge("atelier_jobs_day", "Jobs that ended in the last day.", "outcome")
        outcomes: dict[str, int] = dict.fromkeys(
            (JobState.DONE, JobState.FAILED, JobState.CANCELLED), 0
        )
        seconds: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        rates: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        for job in self._ended:
            outcomes[job.state] = outcomes.get(job.state, 0) + 1
            if job.report is not None and job.report.seconds > 0:
                size, quality = str(job.options.size_px), str(job.options.quality)
                key = (size, quality, job.report.network)
                seconds[key].append(job.report.seconds)
                rates[key].append(job.report.iterations / job.report.seconds)
        for outcome, count in outcomes.items():
            ended.add_metric([outcome], count)
        yield ended
        labels = ("size_px", "quality", "network")
        for name, text, values in (
            ("atelier_painting_seconds_day", "Mean seconds a picture in the last day.", seconds),
            ("atelier_iterations_per_second_day", "Mean of the last day.", rates),
        ):
            mean = _gauge(name, text, *labels)
            for key, found in values.items():
                mean.add_metric(key, sum(found) / len(found))
            yield mean

    def _of_calls(self) -> Iterator[Metric]:
        for name, text in CALLS.items():
            metric = HistogramMetricFamily(name, text, labels=("operation", "outcome"))
            for key, histogram in self._timings[name].read().items():
                metric.add_metric(key, histogram.cumulative(), histogram.seconds)
            yield metric

    def _of_discord(self) -> Iterator[Metric]:
        traffic = self._traffic
        latencies = [bot.latency_seconds for bot in self._health.bots if bot.latency_seconds]
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


def exposition(
    health: Health, ended: Iterable[Job], traffic: Traffic, timings: Mapping[str, Timings]
) -> bytes:
    """The text that Prometheus reads.

    Args:
        health: how all is now.
        ended: the jobs that ended in the last day.
        traffic: what went to Discord since the start.
        timings: how long this process's calls took since its start, by the keys of `CALLS`.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(health, ended, traffic, timings))
    return generate_latest(registry)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _value(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
