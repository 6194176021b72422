"""Following a painting to its end."""

from collections.abc import Iterator
from typing import Protocol

from engine.painting import Event, Painted, PaintingFailedError


class Listener(Protocol):
    """Is told of each event of a painting; what it raises ends the painting."""

    def hear(self, event: Event) -> None:
        """Show, record or keep what the event tells."""


def follow(events: Iterator[Event], *listeners: Listener) -> Painted:
    """Go through the events of a painting, each told to the listeners in their order.

    Raises:
        PaintingFailedError: there was no picture at the end; or what painting or a listener raises.
    """
    for event in events:
        for listener in listeners:
            listener.hear(event)
        if isinstance(event, Painted):
            return event
    raise PaintingFailedError("The painting ended without a picture.")
