"""TCP connections to Discord with keepalive, so that a dead network path is noticed."""

import socket
from typing import Any

import aiohttp

from common.keepalive import enable_keepalive

TCP_KEEPALIVE = (5, 3, 3)
"""Idle seconds, seconds between probes, number of unanswered probes until the connection is dead.
Without keepalive the gateway's heartbeat would notice after up to 101 s (its interval of 41 s and
discord.py's timeout of 60 s), and a REST request after discord.py's five minutes."""


def keepalive_connector() -> aiohttp.TCPConnector:
    """A connector whose connections are closed when keepalive probes stay unanswered."""
    return aiohttp.TCPConnector(limit=0, socket_factory=_socket_for)


def _socket_for(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    enable_keepalive(made, TCP_KEEPALIVE)
    return made
