"""Counts requests to Discord and gateway sessions, and notices a second program with our token."""

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp

from common.steady_clock import steady_clock
from jobs.health.troubles import AGES_WRONG_SECONDS

TOO_MANY_REQUESTS = 429
ANSWERS = 3
"""How many interactions another program must acknowledge within `ANSWERED_SECONDS` to be
reported."""
ANSWERED_SECONDS = 600.0
_REMEMBERED = 500


@dataclass(slots=True)
class Traffic:
    """Counters since the process began."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By HTTP method and by status; `lost` where there was no response."""
    sessions: int = 0
    """New gateway sessions."""
    resumes: int = 0
    discord_ahead_seconds: float | None = None
    """Discord's clock minus the steady one, by the latest response with a date; None: not known."""
    _begun: deque[int] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """The newest interactions that this process began to acknowledge."""
    _by_others: deque[float] = field(default_factory=lambda: deque(maxlen=ANSWERS))
    """When others were first with an interaction, on the monotonic clock."""
    _steady_clock: Callable[[], float] = field(default_factory=steady_clock)
    """So that a clock that is set is noticed before Discord's next response."""

    @property
    def rate_limited(self) -> int:
        """Requests that were answered with a 429."""
        answers = self.requests.items()
        return sum(count for (_, status), count in answers if status == str(TOO_MANY_REQUESTS))

    @property
    def edits(self) -> int:
        """Messages that were edited."""
        return sum(
            count
            for (method, status), count in self.requests.items()
            if method == "PATCH" and status.startswith("2")
        )

    @property
    def unheard(self) -> int:
        """Requests with an unknown outcome (lost, or a 5xx): Discord may have carried them out."""
        lost = ("lost", "5")
        return sum(count for (_, status), count in self.requests.items() if status.startswith(lost))

    def begins(self, interaction_id: int) -> bool:
        """Note that an interaction is being acknowledged; False if that was begun before."""
        is_new = interaction_id not in self._begun
        self._begun.append(interaction_id)
        return is_new

    def note_answered_by_others(self) -> None:
        """Count an interaction that was acknowledged before this process had sent anything."""
        self._by_others.append(time.monotonic())

    @property
    def is_answered_by_others(self) -> bool:
        """Whether another program keeps acknowledging interactions with this bot's token."""
        lately = time.monotonic() - ANSWERED_SECONDS
        return len(self._by_others) == ANSWERS and self._by_others[0] > lately

    def ahead_of_discord(self, at: float) -> float:
        """By how many seconds a time is ahead of Discord's clock; 0 until that clock is known."""
        known = self.discord_ahead_seconds
        return 0.0 if known is None else at - (self._steady_clock() + known)

    def ages_are_wrong(self, now: datetime) -> bool:
        """Whether the clock with this time is so wrong that nothing may end or go by its age."""
        return abs(self.ahead_of_discord(now.timestamp())) > AGES_WRONG_SECONDS

    def watch(self, config: aiohttp.TraceConfig) -> None:
        """Count the requests of sessions with this trace configuration."""
        config.on_request_end.append(self._answered)
        config.on_request_exception.append(self._failed)

    async def _answered(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        answer: aiohttp.TraceRequestEndParams,
    ) -> None:
        self.requests[answer.method, str(answer.response.status)] += 1
        headers = answer.response.headers
        if "Date" in headers and "Age" not in headers:  # a cached response has an old date
            with contextlib.suppress(ValueError):
                told = parsedate_to_datetime(headers["Date"]).timestamp()
                self.discord_ahead_seconds = told - self._steady_clock()

    async def _failed(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        failure: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self.requests[failure.method, "lost"] += 1
