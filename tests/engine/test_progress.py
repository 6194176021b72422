"""The progress bar in a terminal."""

import io

from rich.console import Console

from engine.progress import ProgressBar

SHOW, HIDE = "\x1b[?25h", "\x1b[?25l"


def test_progress_bar_leaves_the_cursor_visible() -> None:
    screen = io.StringIO()
    with ProgressBar(Console(file=screen, force_terminal=True, width=120), quiet=False):
        written = screen.getvalue()
        assert written.rfind(SHOW) > written.rfind(HIDE)
