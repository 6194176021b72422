"""Tracks whether a request to Discord is in flight.

Cancelling a request that was sent does not undo it: Discord may still carry it out at any later
moment. So the next edit waits for the one in flight, and a request whose response never came is
remembered as lost.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp

_current: ContextVar["InFlight | None"] = ContextVar("flight", default=None)


@dataclass
class InFlight:
    """The state of one task's requests."""

    in_air: bool = False
    """Whether a request was sent whose response has not come yet."""
    times_sent: int = field(default=0, compare=False)
    """How often the latest request was sent."""
    is_lost: bool = False
    """Whether a request without a response may still be carried out."""
    is_done: bool = False
    """Whether a request was carried out; its response may not have reached the caller."""


def track_requests() -> InFlight:
    """Start tracking the requests of the running task."""
    flight = InFlight()
    _current.set(flight)
    return flight


def trace_config() -> aiohttp.TraceConfig:
    """The trace configuration by which an aiohttp session reports its requests."""
    config = aiohttp.TraceConfig()
    config.on_request_start.append(_sent)
    config.on_request_headers_sent.append(_headers_sent)
    config.on_request_end.append(_answered)
    config.on_request_exception.append(_failed)
    return config


async def _sent(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _request: object
) -> None:
    if (flight := _current.get()) is not None:
        flight.in_air, flight.times_sent = True, 0


async def _headers_sent(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _request: object
) -> None:
    # aiohttp by itself repeats a GET, PUT or DELETE whose kept connection was closed.
    if (flight := _current.get()) is not None:
        flight.times_sent += 1
        flight.is_lost |= flight.times_sent > 1


async def _answered(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    answer: aiohttp.TraceRequestEndParams,
) -> None:
    if (flight := _current.get()) is not None:
        flight.in_air = False
        flight.is_done |= answer.response.status < 300
        # A gateway error: the proxy gave up, while the server behind it may still be working on it.
        flight.is_lost |= answer.response.status >= 500


async def _failed(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    failure: aiohttp.TraceRequestExceptionParams,
) -> None:
    if (flight := _current.get()) is not None:
        flight.in_air = False
        flight.is_lost |= not isinstance(failure.exception, aiohttp.ClientConnectorError)
