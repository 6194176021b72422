"""`python -m engine`: paint jobs of the queue until told to stop."""

import asyncio
import logging
import os
import platform
import sys
import uuid

from common.gpus import unused_card
from common.logs import log_ids, redacted, set_up_logging
from common.settings import Settings
from common.settings_loading import SettingsError, load_settings, unknown_settings
from common.shutdown import exit_within, on_signal, on_stdin_end
from common.version import VERSION, versions
from engine.errors import PaintSettingsError
from engine.networks.encoder import WeightsError
from engine.networks.registry import NetworkSource
from engine.styles.statistics_files import StatisticsFiles
from engine.worker.arguments import make_parser
from engine.worker.health import EngineInTroubleError
from engine.worker.painter import JobPainter
from engine.worker.service import EngineWorker
from engine.worker.stale_files import delete_stale_files
from jobs.model import EngineInfo
from jobs.outcomes import QueueError, is_transient
from jobs.queue import JobQueue

log = logging.getLogger("engine")

_LIBRARIES = ("torch", "Pillow", "SQLAlchemy")
_GIB = 2**30

FAILED = 1
"""Exit status if a restart may help, for example because the database was unavailable."""
CANNOT_START = 2
"""Exit status if a restart would not help."""
IN_TROUBLE = 3
LAST_SECONDS = 3.0
LEAVE_SECONDS = 18.0
"""Less than the time after which a supervisor kills the process."""


def main(arguments: list[str] | None = None) -> int:
    """Serve the queue until a signal, or the end of standard input. Returns the exit status."""
    options = make_parser().parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - before there is a log
        return CANNOT_START
    if options.check:
        return _check(settings)
    if os.name == "posix":
        os.umask(0o077)  # what is written is for who runs the engine
    set_up_logging(settings)
    for sentence in unknown_settings():
        log.warning("%s", sentence)
    try:
        asyncio.run(_serve(settings, until_stdin_closes=options.until_stdin_closes))
    except (QueueError, PaintSettingsError) as error:
        log.error("%s", error)  # noqa: TRY400 - its text is the whole message
        return FAILED if isinstance(error, QueueError) and is_transient(error) else CANNOT_START
    except EngineInTroubleError as error:
        exit_within(LAST_SECONDS, IN_TROUBLE)  # Python would wait for a thread that hangs
        log.error("this engine ends, for a fresh one to try: %s", error)  # noqa: TRY400 - the same
        return IN_TROUBLE
    except KeyboardInterrupt:
        return 130
    return 0


def _check(settings: Settings) -> int:
    """Print device and network, or in one sentence why nothing can be painted; the exit status."""
    try:
        painter = JobPainter(settings)
        NetworkSource(settings.atelier_vgg19_weights, say=lambda _: None).weights()
        print(f"{painter.device_name}, {painter.network_name()}")  # noqa: T201 - the answer
    except (PaintSettingsError, WeightsError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no log yet
        return CANNOT_START
    return 0


async def _serve(settings: Settings, *, until_stdin_closes: bool) -> None:
    stop = asyncio.Event()

    def end() -> None:
        if not stop.is_set():
            exit_within(LEAVE_SECONDS, 0)
            stop.set()

    on_signal(end)
    if until_stdin_closes:
        on_stdin_end(end)
    painter = JobPainter(settings)
    await asyncio.to_thread(delete_stale_files, settings)
    async with await JobQueue.open(settings) as queue:
        info = EngineInfo(
            id=f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:6]}",
            host=platform.node(),
            device=painter.device_name,
            network=painter.network_name(),
            version=VERSION,
            pid=os.getpid(),
        )
        hang_seconds = float(settings.atelier_hang_seconds)
        statistics = StatisticsFiles(settings.statistics_dir)
        worker = EngineWorker(
            queue, painter, info, hang_seconds=hang_seconds, statistics=statistics
        )
        with log_ids(engine=info.id):
            log_start(settings, worker.described(), painter.precision)
            unused = await asyncio.to_thread(
                unused_card, settings.atelier_device, painter.device_name
            )
            if unused is not None:
                log.warning("%s", unused)
        await worker.run(stop)
    log.info("stopped in order")


def log_start(settings: Settings, info: EngineInfo, precision: str) -> None:
    """Log versions, device, precision, networks, sizes and folders."""
    log.info("%s", versions(*_LIBRARIES))
    memory = "" if info.memory_bytes is None else f", {info.memory_bytes / _GIB:.1f} GiB"
    log.info(
        "paints on %s (%s%s) in %s with %s, of %s, up to %d px",
        info.device,
        info.model or "unnamed",
        memory,
        precision,
        info.network,
        " and ".join(info.networks) or "none",
        info.largest_px,
    )
    log.info(
        "data in %s, database %s, pictures in %s",
        settings.atelier_data_dir.resolve(),
        redacted(settings.database_url),
        redacted(settings.storage_url),
    )
