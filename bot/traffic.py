"""What goes between the bot and Discord, counted."""

from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp

TOO_MANY_REQUESTS = 429


@dataclass(slots=True)
class Traffic:
    """Since the process began."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By method and by the answer's status; `lost` where there was no answer."""
    sessions: int = 0
    """How often the gateway began a new session."""
    resumes: int = 0

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

    async def _failed(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        failure: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self.requests[failure.method, "lost"] += 1
