"""The durable queue: the one door for the bot, the engines and the command line."""

from typing import Self

from common.settings import Settings
from common.store import PictureStore
from jobs.changing.administration import Blocks, GuildLimits, Pauses
from jobs.changing.audit import AuditLog
from jobs.changing.clearing import Clearings
from jobs.changing.defaults import StoredDefaults
from jobs.changing.gallery import Gallery
from jobs.changing.installation import Installation
from jobs.changing.jobs import Jobs
from jobs.changing.privacy import Privacy
from jobs.changing.retention import Retention
from jobs.changing.styles import Styles
from jobs.changing.weekly_styles import WeeklyStyles
from jobs.core import QueueCore
from jobs.db.database import CANCELLED_TOPIC, QUEUED_TOPIC, Clock, Database
from jobs.db.listeners import Listeners
from jobs.db.migrate import make_folder, migrate, require_newest
from jobs.delivery import Deliveries
from jobs.entering.intakes import Intakes
from jobs.entering.submission import Submissions
from jobs.health_check import HealthCheck
from jobs.order.standings import Standings
from jobs.stats import Statistics
from jobs.working.bots import Bots
from jobs.working.claims import Claims
from jobs.working.engines import Engines


class JobQueue:
    """The parts of the queue on one database; each part has its own module.

    Every method of theirs is one transaction, or several that may each be the last: whatever
    moment a process ends at, the next one goes on from the database.
    """

    def __init__(self, settings: Settings, database: Database, store: PictureStore) -> None:
        self.settings = settings
        self.database = database
        self.store = store
        self._listeners = Listeners(database)
        core = QueueCore(settings, database, store)
        self.standings = Standings(core)
        """Places and times, and how much waits."""
        self.intakes = Intakes(core)
        """Commands that are no jobs yet."""
        self.submissions = Submissions(core, self.standings)
        """The way in, past the limits."""
        self.jobs = Jobs(core)
        """One job or one user's: looked up, cancelled, queued again, set before others."""
        self.claims = Claims(core, self.standings.speeds)
        """What an engine does with a job that it paints."""
        self.engines = Engines(core)
        """The engines that paint."""
        self.deliveries = Deliveries(core)
        """What users have yet to be shown."""
        self.clearings = Clearings(core)
        """Cancelling all that waits, and the undoing of it."""
        self.limits = GuildLimits(core)
        """What the admins of a server have set."""
        self.blocks = Blocks(core)
        """Users who may not paint."""
        self.pauses = Pauses(core)
        """Servers in which no job starts."""
        self.audit = AuditLog(core)
        """Who of the admins did what."""
        self.defaults = StoredDefaults(core)
        self.styles = Styles(core)
        """Pictures that are kept under a name."""
        self.gallery = Gallery(core)
        """Pictures that members published in their servers."""
        self.weekly_styles = WeeklyStyles(core)
        """The styles of the week of servers."""
        self.privacy = Privacy(core)
        """What is known of a user, shown and erased."""
        self.retention = Retention(core)
        """Deleting what was kept long enough."""
        self.statistics = Statistics(core)
        """What was painted, day by day."""
        self.installation = Installation(core)
        """Whose the database is."""
        self.bots = Bots(core)
        """The bots that serve Discord."""
        self.health = HealthCheck(core)
        """Whether all of it works."""

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        clock: Clock | None = None,
        store: PictureStore | None = None,
        may_migrate: bool = True,
    ) -> Self:
        """Connect, and bring the database to this version.

        Args:
            settings: where the database and the pictures are.
            may_migrate: whether to make the database where there is none, and to migrate an
                older one. Not for those who only look: the running bot may be the older version.
            clock: seconds since 1970, for tests. By default leases are judged by the
                database's own clock, on PostgreSQL, and else by this machine's.
            store: the pictures, for tests. By default what the settings name.

        Raises:
            DatabaseTooNewError: when a newer version has used the database.
            DatabaseTooOldError: when it is absent or older, and that is not to be changed.
            QueueUnavailableError: when it cannot be reached.
        """
        if may_migrate:
            make_folder(settings.atelier_data_dir)
        database = Database(settings.database_url, clock)
        try:
            if may_migrate:
                await _migrate(settings, clock)
            else:
                await require_newest(database)
        except BaseException:
            await database.close()
            raise
        return cls(settings, database, store or PictureStore(settings.storage_url))

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        """Wait until something in the queue has changed since the last call; False on time-out.

        The first call returns at once: what changed before it is not known.
        """
        return await self._listeners.wait(timeout_seconds)

    async def wait_for_work(self, timeout_seconds: float) -> bool:
        """As `wait_for_change`, for idle engines: on PostgreSQL only newly queued jobs wake."""
        return await self._listeners.wait(timeout_seconds, QUEUED_TOPIC, CANCELLED_TOPIC)

    async def wait_for_cancellation(self, job_id: int, timeout_seconds: float) -> bool:
        """Wait until a job may have been asked to stop; False on time-out.

        On PostgreSQL only that wakes; on SQLite whatever others write.
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
    """Migrate on connections of their own, that may take their time."""
    database = Database(settings.database_url, clock, patient=True)
    try:
        await migrate(database, settings)
    finally:
        await database.close()
