"""The durable queue: the one door for the bot, the engines and the command line."""

from types import TracebackType
from typing import Self

from common.settings import Settings
from common.store import PictureStore
from jobs.changing.administration import Administration
from jobs.changing.cancelling import Cancelling
from jobs.changing.clearing import Clearing
from jobs.changing.privacy import Privacy
from jobs.changing.retention import Retention
from jobs.changing.styles import Styles
from jobs.db.database import QUEUED_TOPIC, Clock, Database
from jobs.db.listeners import Listeners
from jobs.db.migrate import make_folder, migrate, require_newest
from jobs.delivery import Delivery
from jobs.entering.submission import Submissions
from jobs.stats import Statistics
from jobs.working.claims import Claims


class JobQueue(
    Submissions,
    Claims,
    Delivery,
    Cancelling,
    Clearing,
    Administration,
    Styles,
    Privacy,
    Retention,
    Statistics,
):
    """All sides of the queue on one database; each side has its own module.

    Every method is one transaction, or several that may each be the last: whatever moment a
    process ends at, the next one goes on from the database.
    """

    def __init__(self, settings: Settings, database: Database, store: PictureStore) -> None:
        super().__init__(settings, database, store)
        self._listeners = Listeners(database)

    @classmethod
    async def open(
        cls, settings: Settings, *, clock: Clock | None = None, may_migrate: bool = True
    ) -> Self:
        """Connect, and bring the database to this version.

        Args:
            settings: where the database and the pictures are.
            may_migrate: whether to make the database where there is none, and to migrate an
                older one. Not for those who only look: the running bot may be the older version.
            clock: seconds since 1970, for tests. By default leases are judged by the
                database's own clock, on PostgreSQL, and else by this machine's.

        Raises:
            DatabaseTooNew: when a newer version has used the database.
            DatabaseTooOld: when it is absent or older, and that is not to be changed.
            QueueUnavailable: when it cannot be reached.
        """
        if may_migrate:
            make_folder(settings.atelier_data_dir)
        database = Database(settings.database_url, clock)
        try:
            await (migrate(database) if may_migrate else require_newest(database))
        except BaseException:
            await database.close()
            raise
        return cls(settings, database, PictureStore(settings.storage_url))

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        """Wait until something in the queue has changed since the last call; False on time-out.

        The first call returns at once: what changed before it is not known.
        """
        return await self._listeners.wait(timeout_seconds)

    async def wait_for_work(self, timeout_seconds: float) -> bool:
        """As `wait_for_change`, for idle engines: on PostgreSQL only newly queued jobs wake."""
        return await self._listeners.wait(timeout_seconds, QUEUED_TOPIC)

    async def close(self) -> None:
        """Close the connections; the queue cannot be used any more."""
        await self._listeners.close()
        await self.database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
