"""TCP keepalive, so that the system ends connections whose peer is gone."""

import contextlib
import socket


def enable_keepalive(connection: socket.socket | None, probes: tuple[int, int, int]) -> None:
    """Enable TCP keepalive on a connection.

    A router that restarts forgets connections without telling either side.

    Args:
        connection: a socket; others than TCP are left unchanged.
        probes: seconds of silence before the first probe, seconds between probes, and number of
            unanswered probes that end the connection.
    """
    if connection is None or connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    idle_seconds, between_seconds, tries = probes
    wanted = {
        "TCP_KEEPIDLE": idle_seconds,  # Linux, Windows
        "TCP_KEEPALIVE": idle_seconds,  # its name on macOS
        "TCP_KEEPINTVL": between_seconds,
        "TCP_KEEPCNT": tries,
        "TCP_USER_TIMEOUT": 1000 * (idle_seconds + between_seconds * tries),  # unacknowledged data
    }
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in wanted.items():
            if (option := getattr(socket, name, None)) is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
