"""The progress bar in a terminal."""

import io

from rich.console import Console

from engine.progress import ProgressBar

SHOW, HIDE = "\x1b[?25h", "\x1b[?25l"


def test_the_cursor_is_there_while_it_paints_as_somebody_may_suspend_it() -> None:
    screen = io.StringIO()
    with ProgressBar(Console(file=screen, force_terminal=True, width=120), quiet=False):
        written = screen.getvalue()
        assert written.rfind(SHOW) > written.rfind(HIDE)
