"""The faults that the page can inject, a button for each."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.loopback import LoopbackDiscord

PAST_TOKEN_LIFE_SECONDS = 16 * 60.0
OUTAGE_SECONDS = 15.0


@dataclass(frozen=True)
class FaultButton:
    """A button: its label, its description, its action."""

    label: str
    title: str
    cause: Callable[[LoopbackDiscord], object]
    """Awaited if it returns an awaitable."""


FAULT_BUTTONS: dict[str, FaultButton] = {
    "rate-limit": FaultButton(
        "429 × 3",
        "The next three webhook calls are limited for two seconds",
        lambda d: d.faults.add("*", "/webhooks/*", status=429, retry_after=2.0, times=3),
    ),
    "rate-limit-ban": FaultButton(
        "429, no Via",
        "The next webhook call is refused like a ban",
        lambda d: d.faults.add("*", "/webhooks/*", status=429, with_via=False),
    ),
    "server-error": FaultButton(
        "503 × 3",
        "The next three calls fail",
        lambda d: d.faults.add("*", "/*", status=503, times=3),
    ),
    "slow": FaultButton(
        "Slow × 5",
        "The next five answers take two seconds longer",
        lambda d: d.faults.add("*", "/*", delay=2.0, times=5),
    ),
    "drop": FaultButton(
        "Drop sockets", "Cut the gateway without a word", LoopbackDiscord.drop_sockets
    ),
    "op7": FaultButton(
        "Reconnect", "Ask for a reconnect and a resume (op 7)", LoopbackDiscord.send_op7
    ),
    "op9": FaultButton("Invalid session", "Forget the session (op 9)", lambda d: d.send_op9()),
    "duplicate": FaultButton(
        "Send twice", "The next dispatch comes twice", lambda d: d.duplicate_next_dispatch()
    ),
    "clock": FaultButton(
        "+16 min",
        "Move the clock past the life of interaction tokens",
        lambda d: d.shift_clock(PAST_TOKEN_LIFE_SECONDS),
    ),
    "outage": FaultButton(
        "Outage 15 s",
        "Nothing answers for fifteen seconds",
        lambda d: d.outage(OUTAGE_SECONDS),
    ),
    "clear": FaultButton("Clear", "Forget waiting faults", lambda d: d.faults.clear()),
}
