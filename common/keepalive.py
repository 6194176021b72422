"""TCP connections whose other side is gone: the system finds out, and ends them."""

import contextlib
import socket


def notice_loss(connection: socket.socket | None, probes: tuple[int, int, int]) -> None:
    """Let the system end a connection whose way is lost.

    A router that starts anew forgets the connection, and neither side hears of it.

    Args:
        connection: of any kind; what is not TCP is left as it is.
        probes: seconds without anything until the first probe, seconds between two of them, and
            how many may stay unanswered.
    """
    if connection is None or connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    idle_seconds, between_seconds, tries = probes
    wanted = {
        "TCP_KEEPIDLE": idle_seconds,  # Linux, Windows
        "TCP_KEEPALIVE": idle_seconds,  # its name on macOS
        "TCP_KEEPINTVL": between_seconds,
        "TCP_KEEPCNT": tries,
        "TCP_USER_TIMEOUT": 1000 * (idle_seconds + between_seconds * tries),  # of what was sent
    }
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in wanted.items():
            if (option := getattr(socket, name, None)) is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
