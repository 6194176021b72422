"""What goes between the bot and Discord, counted."""

import contextlib
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp

TOO_MANY_REQUESTS = 429
ANSWERS = 3
"""As many within `ANSWERED_SECONDS` another program has given before that is told."""
ANSWERED_SECONDS = 600.0
_REMEMBERED = 500


@dataclass(slots=True)
class Traffic:
    """Since the process began."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By method and by the answer's status; `lost` where there was no answer."""
    sessions: int = 0
    """How often the gateway began a new session."""
    resumes: int = 0
    discord_ahead_seconds: float | None = None
    """How far Discord's clock was before this machine's at its last answer, if that told it."""
    _begun: deque[int] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """The newest interactions that this process began to answer."""
    _by_others: deque[float] = field(default_factory=lambda: deque(maxlen=ANSWERS))
    """When others had answered one before, by the clock of the machine's own."""

    @property
    def rate_limited(self) -> int:
        """Requests that were answered with "too many requests"."""
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
        """Requests of which it is not sure what came of them: Discord may have carried them out."""
        lost = ("lost", "5")
        return sum(count for (_, status), count in self.requests.items() if status.startswith(lost))

    def begins(self, interaction_id: int) -> bool:
        """Note that an interaction is being answered; whether it was never begun before."""
        is_new = interaction_id not in self._begun
        self._begun.append(interaction_id)
        return is_new

    def note_answered_by_others(self) -> None:
        """Count an interaction that was answered before this process had said anything."""
        self._by_others.append(time.monotonic())

    @property
    def is_answered_by_others(self) -> bool:
        """Whether another program lately answers with this bot's token, again and again."""
        lately = time.monotonic() - ANSWERED_SECONDS
        return len(self._by_others) == ANSWERS and self._by_others[0] > lately

    def ahead_of_discord(self, at: float) -> float:
        """Seconds that a clock which says so now is before Discord's; 0 before that is known."""
        known = self.discord_ahead_seconds
        return 0.0 if known is None else at - (time.time() + known)

    def watch(self, config: aiohttp.TraceConfig) -> None:
        """Count the requests of sessions that are made with this configuration."""
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
        if "Date" in headers and "Age" not in headers:  # of what a cache kept it is the cache's
            with contextlib.suppress(ValueError):
                told = parsedate_to_datetime(headers["Date"]).timestamp()
                self.discord_ahead_seconds = told - time.time()

    async def _failed(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        failure: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self.requests[failure.method, "lost"] += 1
