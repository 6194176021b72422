"""`python -m jobs.migrating`: migrates the configured database to this version, and exits."""

import asyncio
import sys

from common.logs import set_up_logging
from common.settings import Settings
from common.settings_loading import SettingsError, load_settings
from common.store import PictureStore
from jobs.outcomes import QueueError, is_transient
from jobs.queue import JobQueue

MAY_SUCCEED_LATER = 3
"""Exit status if another try may succeed."""


def main() -> int:
    """0 if the database has this version's schema; else standard output says why not."""
    try:
        settings = load_settings()
        set_up_logging(settings)
        asyncio.run(_migrated(settings))
    except (SettingsError, QueueError) as error:
        print(error)  # noqa: T201 - the answer
        later = isinstance(error, QueueError) and is_transient(error)
        return MAY_SUCCEED_LATER if later else 1
    return 0


async def _migrated(settings: Settings) -> None:
    async with await JobQueue.open(settings, store=PictureStore("unused")):
        pass


if __name__ == "__main__":
    sys.exit(main())
