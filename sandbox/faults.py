"""Faults on demand: what goes wrong between a bot and Discord, when a test wants it to."""

import asyncio
import fnmatch
import json
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Fault:
    """An answer that replaces (or delays) those to the next matching requests."""

    method: str
    """GET, POST, PATCH, PUT, DELETE, or `*`."""
    path_pattern: str
    """Glob over the path after `/api/v10`, for example `/webhooks/*/messages/@original`."""
    status: int | None = None
    """The status to answer; None only delays."""
    retry_after: float | None = None
    """Seconds for a 429, in body and header; None leaves both out."""
    times: int = 1
    """How many requests to spoil."""
    with_via: bool = True
    """Whether a 429 carries `Via`; without it clients take it for a ban."""
    delay: float = 0.0
    """Seconds to wait first. A request that is given up meanwhile is carried out all the same, as
    it may be by Discord."""
    drop: bool = False
    """Close the connection instead of answering."""
    global_limit: bool = False
    """Whether a 429 is the global one."""
    code: int = 0
    """Discord's JSON error code, for example 30046."""
    carried_out: bool = False
    """Carry the request out first and spoil its answer only."""
    page: bool = False
    """Answer with a page of HTML, as a server in between does."""
    hits: list[float] = field(default_factory=list)
    """When requests were spoiled."""

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        return (
            self.times > len(self.hits)
            and self.method in {"*", method}
            and fnmatch.fnmatchcase(path, self.path_pattern)
        )


class Faults:
    """The faults in waiting."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.outage_until = 0.0

    def add(self, method: str, path_pattern: str, **how: Any) -> Fault:
        """Answer the next requests with a fault; `how` are the fields of `Fault`."""
        fault = Fault(method, path_pattern, **how)
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults and end an outage."""
        self.waiting.clear()
        self.outage_until = 0.0

    def start_outage(self, seconds: float) -> None:
        """Drop every request for a while."""
        self.outage_until = time.monotonic() + seconds

    @property
    def in_outage(self) -> bool:
        """Whether everything is being dropped now."""
        return time.monotonic() < self.outage_until

    def _next(self, method: str, path: str, *, carried_out: bool = False) -> Fault | None:
        found = (each for each in self.waiting if each.matches(method, path))
        return next((each for each in found if each.carried_out is carried_out), None)

    def delays(self, method: str, path: str) -> bool:
        """Whether the next such request is to wait."""
        fault = self._next(method, path)
        return fault is not None and fault.delay > 0

    async def strike(
        self, method: str, path: str, *, carried_out: bool = False
    ) -> web.Response | None:
        """The faulty answer to a request, if one is waiting for it.

        Args:
            method: Of the request.
            path: Of the request, after `/api/v10`.
            carried_out: Whether it is to take the place of an answer that there is.

        Raises:
            ConnectionResetError: The connection is to be dropped without an answer.
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
