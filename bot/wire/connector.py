"""Connections to Discord whose way may get lost."""

import socket
from typing import Any

import aiohttp

from common.keepalive import notice_loss

LOSS_PROBES = (5, 3, 3)
"""A way is lost when nothing came for 5 s and 3 probes, each after 3 s, were not answered:
heartbeats notice after 101 s at the most, and a request waits for its answer for five minutes."""


def watchful_connector() -> aiohttp.TCPConnector:
    """Makes connections that the system ends where their way is lost."""
    return aiohttp.TCPConnector(limit=0, socket_factory=_socket_for)


def _socket_for(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    notice_loss(made, LOSS_PROBES)
    return made
