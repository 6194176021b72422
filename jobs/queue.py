"""The durable queue: the interface for the bot, the engines and the command line."""

from datetime import datetime
from typing import Self

from common.settings import Settings
from common.store import PictureStore
from jobs.core import QueueCore
from jobs.db import unfinished_restore
from jobs.db.database import CANCELLED_TOPIC, QUEUED_TOPIC, Clock, Database
from jobs.db.listeners import Listeners
from jobs.db.migrate import is_newest, make_folder, migrate, require_newest
from jobs.db.postgres_check import check_server
from jobs.db.rows import moment
from jobs.delivery import Deliveries
from jobs.execution.bots import Bots
from jobs.execution.claims import Claims
from jobs.execution.engines import Engines
from jobs.execution.reaper import Reaper
from jobs.health.check import HealthCheck
from jobs.management.administration import Blocks, GuildLimits, Pauses
from jobs.management.audit import AuditLog
from jobs.management.clearing import Clearings
from jobs.management.defaults import StoredDefaults
from jobs.management.gallery import Gallery
from jobs.management.installation import Installation
from jobs.management.jobs import Jobs
from jobs.management.left_servers import LeftServers
from jobs.management.styles import Styles
from jobs.management.weekly_styles import WeeklyStyles
from jobs.privacy.retention import Retention
from jobs.privacy.user_data import Privacy
from jobs.scheduling.positions import QueuePositions
from jobs.stats import Statistics
from jobs.submission.intakes import Intakes
from jobs.submission.submissions import Submissions


class JobQueue:
    """The parts of the queue on one database; each part has its own module, which documents it.

    Every method of a part is one transaction, or several after each of which the process may end:
    the next process continues from the database.
    """

    def __init__(self, settings: Settings, database: Database, store: PictureStore) -> None:
        self.settings = settings
        self.database = database
        self.store = store
        self._listeners = Listeners(database)
        core = QueueCore(settings, database, store)
        self.positions = QueuePositions(core)
        self.intakes = Intakes(core)
        self.submissions = Submissions(core, self.positions)
        self.jobs = Jobs(core)
        self.reaper = Reaper(core)
        self.claims = Claims(core, self.positions.speeds, self.reaper)
        self.engines = Engines(core)
        self.deliveries = Deliveries(core)
        self.clearings = Clearings(core)
        self.limits = GuildLimits(core)
        self.blocks = Blocks(core)
        self.pauses = Pauses(core)
        self.audit = AuditLog(core)
        self.defaults = StoredDefaults(core)
        self.styles = Styles(core)
        self.gallery = Gallery(core)
        self.weekly_styles = WeeklyStyles(core)
        self.privacy = Privacy(core)
        self.retention = Retention(core)
        self.left_servers = LeftServers(core)
        self.statistics = Statistics(core)
        self.installation = Installation(core)
        self.bots = Bots(core)
        self.health = HealthCheck(core)

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        clock: Clock | None = None,
        store: PictureStore | None = None,
        may_migrate: bool = True,
        restores: bool = False,
    ) -> Self:
        """Connect, and migrate the database to this version.

        Args:
            settings: where the database and the pictures are.
            may_migrate: whether to create the database or migrate an older one. False for read-only
                programs: the running bot may be the older version.
            clock: seconds since 1970, for tests. By default PostgreSQL's clock, or this machine's
                with SQLite.
            store: the pictures, for tests. By default as in the settings.
            restores: whether this settles a database that was just restored.

        Raises:
            QueueError: when a restore was cut off.
            DatabaseTooNewError: when a newer version has used the database.
            DatabaseTooOldError: when it is absent or older, and `may_migrate` is False.
            QueueUnavailableError: when it cannot be reached.
        """
        if may_migrate:
            make_folder(settings.atelier_data_dir)
        if not restores:
            unfinished_restore.refuse(settings.atelier_data_dir)
        database = Database(settings.database_url, clock)
        try:
            if not may_migrate:
                await require_newest(database)
            elif database.postgres:
                await check_server(database)
            if may_migrate and not await is_newest(database):
                await _migrate(settings, clock)
        except BaseException:
            await database.close()
            raise
        return cls(settings, database, store or PictureStore(settings.storage_url))

    async def now(self) -> datetime:
        """The database's time, by which leases, limits and deadlines are judged.

        Compute deadlines from it: this machine's clock may be wrong.
        """
        return moment(await self.database.now())

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        """Wait until something in the queue has changed since the last call; False on timeout.

        The first call returns at once, as earlier changes are unknown.
        """
        return await self._listeners.wait(timeout_seconds)

    async def wait_for_work(self, timeout_seconds: float) -> bool:
        """As `wait_for_change`, for idle engines: on PostgreSQL only newly queued jobs wake it."""
        return await self._listeners.wait(timeout_seconds, QUEUED_TOPIC, CANCELLED_TOPIC)

    async def wait_for_cancellation(self, job_id: int, timeout_seconds: float) -> bool:
        """Wait until a job may have been asked to stop; False on timeout.

        On SQLite any write by others wakes it, too.
        """
        return await self._listeners.wait(
            timeout_seconds, QUEUED_TOPIC, CANCELLED_TOPIC, about=str(job_id)
        )

    async def close(self) -> None:
        """Close the connections; the queue cannot be used any more."""
        await self._listeners.close()
        await self.database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _migrate(settings: Settings, clock: Clock | None) -> None:
    """Migrate on separate connections without statement timeouts."""
    database = Database(settings.database_url, clock, without_timeouts=True)
    try:
        await migrate(database, settings)
    finally:
        await database.close()
