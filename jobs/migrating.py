"""`python -m jobs.migrating`: bring the database of the settings to this version, and end."""

import asyncio
import sys

from common.logs import set_up_logging
from common.settings import Settings, SettingsError, load_settings
from common.store import PictureStore
from jobs.outcomes import QueueError
from jobs.queue import JobQueue


def main() -> int:
    """0 if the database is of this version then; otherwise 1: who opens it next says why not."""
    try:
        settings = load_settings()
        set_up_logging(settings)
        asyncio.run(_migrated(settings))
    except (SettingsError, QueueError):
        return 1
    return 0


async def _migrated(settings: Settings) -> None:
    async with await JobQueue.open(settings, store=PictureStore("unused")):
        pass


if __name__ == "__main__":
    sys.exit(main())
