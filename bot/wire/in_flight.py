"""Whether a request to Discord is on its way.

Giving up a request that was sent does not take it back: Discord may still carry it out, at any
later moment. So an edit that is on its way is waited for before the next is made, and where its
answer never comes, that is remembered.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

_current: ContextVar["InFlight | None"] = ContextVar("flight", default=None)


@dataclass
class InFlight:
    """The requests that one task makes."""

    in_air: bool = False
    """Whether one was sent whose answer is not there yet."""
    is_lost: bool = False
    """Whether one may yet be carried out although nobody waits for it any more."""
    is_done: bool = False
    """Whether one was answered as carried out; what the answer says may have got lost."""


def follow_this_task() -> InFlight:
    """Begin to watch the requests of the running task."""
    flight = InFlight()
    _current.set(flight)
    return flight


def tracing() -> aiohttp.TraceConfig:
    """What has a session tell of its requests."""
    config = aiohttp.TraceConfig()
    config.on_request_start.append(_sent)
    config.on_request_end.append(_answered)
    config.on_request_exception.append(_failed)
    return config


async def _sent(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _request: object
) -> None:
    if (flight := _current.get()) is not None:
        flight.in_air = True


async def _answered(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    answer: aiohttp.TraceRequestEndParams,
) -> None:
    if (flight := _current.get()) is not None:
        flight.in_air = False
        flight.is_done |= answer.response.status < 300
        # A server in between may have given up before the one behind it did.
        flight.is_lost |= answer.response.status >= 500


async def _failed(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    failure: aiohttp.TraceRequestExceptionParams,
) -> None:
    if (flight := _current.get()) is not None:
        flight.in_air = False
        flight.is_lost |= not isinstance(failure.exception, aiohttp.ClientConnectorError)
