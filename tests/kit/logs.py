"""Captures what the programs log, and restores the root logger afterwards."""

import contextlib
import io
import logging
from collections.abc import Iterator

from common.logs import set_up_logging
from common.settings import Settings


@contextlib.contextmanager
def captured_log(settings: Settings) -> Iterator[io.StringIO]:
    """Log as these settings say, into the stream that is yielded."""
    root, stream = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    set_up_logging(settings, stream=stream)
    try:
        yield stream
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
        logging.captureWarnings(capture=False)
