"""Whether the scans of paintings can be downloaded, so that nobody chooses one that cannot."""

from dataclasses import dataclass
from typing import Self

from jobs.core import DAY_SECONDS
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Transaction
from jobs.db.facts import read_fact, write_fact

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 600.0, 3600.0
"""How long paintings that need a download are not offered after one has failed. The pause doubles
while they keep failing, since each try fails a member's job."""
FORGOTTEN_SECONDS = DAY_SECONDS
"""After so long without a failure, the next one counts as the first."""
_FACT = "scans_unreachable"


@dataclass(frozen=True, slots=True)
class _Failure:
    """The last download that failed."""

    at: float
    pause_seconds: float

    @classmethod
    def of(cls, text: str | None) -> "Self | None":
        """Parse a fact; None if there is none that this version can read."""
        try:
            return cls(*map(float, (text or "").split()))
        except (TypeError, ValueError):
            return None

    def is_within(self, seconds: float, now: float) -> bool:
        """Whether it was that recently; one in the future is from before a clock was set back."""
        return 0 <= now - self.at < seconds


async def are_scans_unreachable(connection: AsyncConnection, now: float) -> bool:
    """Whether downloading a scan failed recently."""
    failure = _Failure.of(await read_fact(connection, _FACT))
    return failure is not None and failure.is_within(failure.pause_seconds, now)


async def note_unreachable_scan(transaction: Transaction) -> None:
    """Record that downloading a scan has failed."""
    now, pause = transaction.now, FIRST_PAUSE_SECONDS
    before = _Failure.of(await read_fact(transaction.connection, _FACT))
    if before is not None and before.is_within(before.pause_seconds, now):
        pause = before.pause_seconds  # a job that was queued before the pause began
    elif before is not None and before.is_within(before.pause_seconds + FORGOTTEN_SECONDS, now):
        pause = min(2 * before.pause_seconds, LONGEST_PAUSE_SECONDS)
    await write_fact(transaction, _FACT, f"{now} {pause}")
