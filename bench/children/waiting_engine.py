"""An engine that reports when each job reached its painter.

Loop, claims and waiting are the worker's own; only painting is left out. It reads its settings as
one line of JSON. After that, each input line requests its counters; the end of input ends it.
"""

import asyncio
import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from common.options import MAX_SIZE_PX
from common.settings import Settings
from common.store import PictureStore
from engine.worker.abilities import Abilities
from engine.worker.job_handle import EarlierWork, JobHandle
from engine.worker.outcomes import Finished, Outcome
from engine.worker.painter import JobPainter
from engine.worker.service import EngineWorker
from jobs.model import EngineInfo, Job, PaintReport
from jobs.queue import JobQueue

RESULT = b"a painting"


class Instant(JobPainter):
    """Records when it is given a job, and finishes at once."""

    def __init__(self) -> None:  # no network, no device
        pass

    def network_name(self) -> str:
        """A network name; nothing is painted with it."""
        return "auto"

    def abilities(self) -> Abilities:
        """Those of any engine."""
        return Abilities("none", (), None, MAX_SIZE_PX, 120.0)

    def memory_used_bytes(self) -> int:
        """None is."""
        return 0

    def idle(self, should_stop: Callable[[], bool]) -> None:
        """Nothing, between jobs."""

    def paint(
        self,
        job: Job,
        earlier: EarlierWork,  # noqa: ARG002 - as all painters
        store: PictureStore,  # noqa: ARG002
        handle: JobHandle,  # noqa: ARG002
    ) -> Outcome:
        """Say that the job was taken."""
        say(job=job.id, at=time.time())
        return Finished(RESULT, PaintReport("none", "none", "fp32", 1, 1, 1.0, 1, 0))


class Statements:
    """Counts the statements sent to the database, with either driver."""

    def __init__(self) -> None:
        self.count = 0

    def _one(self, *_: object) -> None:
        self.count += 1

    def watch_sqlite(self) -> None:
        """Count on every SQLite connection that is opened from now on."""
        connect = sqlite3.connect

        def counted(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)
            connection.set_trace_callback(self._one)
            return connection

        vars(sqlite3)["connect"] = counted

    def watch_postgresql(self, queue: JobQueue) -> None:
        """Count on every pooled connection; the listening one sends nothing."""
        engine = queue.database.engine.sync_engine

        def opened(connection: Any, _: object) -> None:
            connection.driver_connection.add_query_logger(self._one)

        sa.event.listen(engine, "connect", opened)


def say(**values: Any) -> None:
    """One line of JSON to the parent."""
    print(json.dumps(values), flush=True)


def answer_questions(report: Callable[[], None], end: Callable[[], None]) -> None:
    """Answer each line of the input, until it ends."""
    for _ in sys.stdin:
        report()
    end()


async def serve(settings: Settings, statements: Statements) -> None:
    """Wait for jobs until the input ends."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def report() -> None:
        say(statements=statements.count, processor_seconds=time.process_time())

    async with await JobQueue.open(settings) as queue:
        if queue.database.postgres:
            statements.watch_postgresql(queue)
            await queue.database.engine.dispose()  # the next connections are counted
        info = EngineInfo("waiting", "bench", "none", "none", "0", os.getpid())
        threading.Thread(
            target=answer_questions,
            args=(report, lambda: loop.call_soon_threadsafe(stop.set)),
            daemon=True,
        ).start()
        await EngineWorker(queue, Instant(), info).run(stop)


def main() -> None:
    """Read the settings, and serve."""
    values = json.loads(sys.stdin.readline())
    values["atelier_data_dir"] = Path(values["atelier_data_dir"])
    statements = Statements()
    statements.watch_sqlite()
    asyncio.run(serve(Settings(_env_file=None, **values), statements))


if __name__ == "__main__":
    main()
