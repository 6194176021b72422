"""`python -m jobs.migrating`: bring the database of the settings to this version, and end."""

import asyncio
import sys

from common.settings import SettingsError, load_settings
from jobs.outcomes import QueueError
from jobs.queue import JobQueue


def main() -> int:
    """0 if the database is of this version then; otherwise a sentence on stderr and 1."""
    try:
        asyncio.run(_migrated())
    except (SettingsError, QueueError) as error:
        print(error, file=sys.stderr)  # noqa: T201 (a command says it)
        return 1
    return 0


async def _migrated() -> None:
    async with await JobQueue.open(load_settings()):
        pass


if __name__ == "__main__":
    sys.exit(main())
