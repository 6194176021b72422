"""The progress bar of the command line; without a terminal, a line for each scale."""

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Column

from engine.moving.events import FramePainted, FrameStepped
from engine.painting import Event, Prepared, Preparing, Recovered, Retiled, ScaleStarted, Stepped

_LOSSES_EVERY_SECONDS = 0.5
_WIDE = 100


class ProgressBar:
    """Scale, progress, time left, iterations per second and losses, on standard error.

    A narrow terminal does not show the last two.
    """

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._says_lines = not quiet and not console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24 if console.width >= _WIDE else 12),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[details]}", table_column=Column(no_wrap=True, ratio=1)),
            console=console,
            expand=True,
            disable=quiet or not console.is_terminal,
        )
        self._console = console
        self._quiet = quiet
        self._task = self._bar.add_task("preparing", total=1.0, left="", details="")
        self._losses = ""
        self._read_at = self._counted_at = time.monotonic()
        self._counted = 0
        self._pace = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        self._console.show_cursor(True)  # otherwise a shell would have none after Ctrl-Z
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, what: str) -> None:
        """Print a line above the bar."""
        if not self._quiet:
            self._console.print(what, markup=False, highlight=False, soft_wrap=True)

    def on_event(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Preparing():
                self._bar.update(self._task, description=event.note, completed=0, details="")
            case Prepared():
                sizes = ", ".join(f"{size[1]}×{size[0]}" for size, _ in event.scales)
                self._bar.update(self._task, details=f"{event.network}: {sizes}")
            case ScaleStarted():
                height, width = event.size
                tiles = f" in {event.tiles} parts" if event.tiles > 1 else ""
                self._bar.update(self._task, description=f"{width}×{height}{tiles}")
                if self._says_lines:
                    self.say(f"painting at {width}×{height}{tiles}")
            case Recovered():
                self.say(str(event.reason))
            case Retiled():
                self.say(f"Out of memory: going on in tiles of {event.tile_px} px.")
            case Stepped():
                self._step(event)

    def on_frame(self, event: FrameStepped | FramePainted) -> None:
        """Show the progress of a clip."""
        left = "" if event.seconds_left is None else f"{_clock(event.seconds_left)} left"
        frame = f"frame {event.frame} of {event.frames}"
        self._bar.update(self._task, completed=event.fraction, description=frame, left=left)
        if isinstance(event, FramePainted) and self._says_lines:
            self.say(f"{frame} {'started over and ' if event.anew else ''}painted")

    def _step(self, event: Stepped) -> None:
        now = time.monotonic()
        self._counted += 1
        # Reading the losses waits for the device, so not at each iteration.
        if now - self._read_at >= _LOSSES_EVERY_SECONDS or not self._losses:
            losses = event.losses()
            terms = ", ".join(f"{name} {value:.4g}" for name, value in losses.terms.items())
            self._losses = f"loss {losses.total:.4g} ({terms})"
            self._pace = self._counted / max(1e-9, now - self._counted_at)
            self._counted, self._counted_at, self._read_at = 0, now, now
        left = "" if event.seconds_left is None else f"{_clock(event.seconds_left)} left"
        self._bar.update(
            self._task,
            completed=event.fraction,
            left=left,
            details=f"{self._pace:.2f} it/s · {self._losses}",
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
