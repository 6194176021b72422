"""Runs a painting to its end, with listeners."""

from collections.abc import Iterator
from typing import Protocol

from engine.painting import Event, Painted, PaintingFailedError


class Listener(Protocol):
    """Gets each event of a painting; an exception of it ends the painting."""

    def on_event(self, event: Event) -> None:
        """Handle an event."""


def run_with_listeners(events: Iterator[Event], *listeners: Listener) -> Painted:
    """Run a painting to its end, passing each event to the listeners in order.

    Raises:
        PaintingFailedError: it ended without a picture.
        And what the painting or a listener raises.
    """
    for event in events:
        for listener in listeners:
            listener.on_event(event)
        if isinstance(event, Painted):
            return event
    raise PaintingFailedError("The painting ended without a picture.")
