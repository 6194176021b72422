"""Fault injection: what goes wrong between a bot and Discord, on demand."""

import asyncio
import fnmatch
import json
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Fault:
    """Replaces (or delays) the responses to the next matching requests."""

    method: str
    """GET, POST, PATCH, PUT, DELETE, or `*`."""
    path_pattern: str
    """Glob for the path after `/api/v10`, for example `/webhooks/*/messages/@original`."""
    status: int | None = None
    """The HTTP status of the response; None: only delay it."""
    retry_after: float | None = None
    """Seconds for a 429, in body and header; None: in neither."""
    times: int = 1
    """How many requests to affect."""
    with_via: bool = True
    """Whether a 429 has a `Via` header; without it clients assume a ban."""
    delay: float = 0.0
    """Seconds to wait first. A request that is cancelled meanwhile is carried out nevertheless, as
    Discord may do."""
    drop: bool = False
    """Close the connection without a response."""
    global_limit: bool = False
    """Whether a 429 is of the global rate limit."""
    code: int = 0
    """Discord's JSON error code, for example 30046."""
    carried_out: bool = False
    """Carry the request out first, and only replace its response."""
    page: bool = False
    """Respond with an HTML page, as a proxy does."""
    hits: list[float] = field(default_factory=list)
    """When requests were affected."""

    def matches(self, method: str, path: str) -> bool:
        """Whether a request matches."""
        return (
            self.times > len(self.hits)
            and self.method in {"*", method}
            and fnmatch.fnmatchcase(path, self.path_pattern)
        )


class Faults:
    """The faults that are active."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.outage_until = 0.0

    def add(self, method: str, path_pattern: str, **how: Any) -> Fault:
        """Inject a fault into the next matching responses; `how` are the fields of `Fault`."""
        fault = Fault(method, path_pattern, **how)
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults and end an outage."""
        self.waiting.clear()
        self.outage_until = 0.0

    def start_outage(self, seconds: float) -> None:
        """Drop every request for some seconds."""
        self.outage_until = time.monotonic() + seconds

    @property
    def in_outage(self) -> bool:
        """Whether every request is being dropped."""
        return time.monotonic() < self.outage_until

    def _next(self, method: str, path: str, *, carried_out: bool = False) -> Fault | None:
        found = (each for each in self.waiting if each.matches(method, path))
        return next((each for each in found if each.carried_out is carried_out), None)

    def delays(self, method: str, path: str) -> bool:
        """Whether the next such request will be delayed."""
        fault = self._next(method, path)
        return fault is not None and fault.delay > 0

    async def response_for(
        self, method: str, path: str, *, carried_out: bool = False
    ) -> web.Response | None:
        """The faulty response to a request; None if no fault matches.

        Args:
            method: The request's method.
            path: The request's path after `/api/v10`.
            carried_out: Whether the request was carried out, and its response is to be replaced.

        Raises:
            ConnectionResetError: The connection is to be dropped without a response.
        """
        if self.in_outage:
            raise ConnectionResetError
        fault = self._next(method, path, carried_out=carried_out)
        if fault is None:
            return None
        fault.hits.append(time.monotonic())
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop:
            raise ConnectionResetError
        return None if fault.status is None else _answer(fault)


FAULTS: web.AppKey[Faults] = web.AppKey("faults", Faults)


def _answer(fault: Fault) -> web.Response:
    assert fault.status is not None
    if fault.page:
        text = "<html><body>Please wait a moment.</body></html>"
        return web.Response(status=fault.status, text=text, content_type="text/html")
    headers = {"Content-Type": "application/json"}
    body: dict[str, object] = {"message": f"{fault.status}: injected fault", "code": fault.code}
    if fault.status == 429:
        body = {"message": "You are being rate limited.", "global": fault.global_limit}
        if fault.code:
            body["code"] = fault.code
        headers["X-RateLimit-Scope"] = "global" if fault.global_limit else "user"
        if fault.retry_after is not None:
            body["retry_after"] = fault.retry_after
            headers["Retry-After"] = str(max(1, round(fault.retry_after)))
        if fault.with_via:
            headers["Via"] = "1.1 sandbox"
    return web.Response(status=fault.status, body=json.dumps(body).encode(), headers=headers)
