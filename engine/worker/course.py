"""The course of a job's loss, as the files that go with its film."""

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.following import loss_records
from engine.output import OutputProblem, plot_losses, write_loss_lines
from engine.painting.events import Report
from jobs.store import PictureStore, StorageUnavailable

log = logging.getLogger(__name__)


def store_losses(report: Report, store: PictureStore) -> dict[str, str]:
    """Store a plot, and the figures as JSON lines; the key of each by its name.

    Nothing is stored where the disk has no room left: no painting is given up for that.
    """
    try:
        return {
            name: store.put_sync(data, Path(name).suffix)
            for name, data in _loss_files(report).items()
        }
    except (OSError, OutputProblem, StorageUnavailable) as problem:
        log.warning("no loss curve: %s", problem)
        return {}


def _loss_files(report: Report) -> dict[str, bytes]:
    records = loss_records(report)
    with TemporaryDirectory(prefix="atelier-", ignore_cleanup_errors=True) as folder:
        plot, lines = Path(folder) / "losses.png", Path(folder) / "losses.jsonl"
        plot_losses(records, plot)
        write_loss_lines(records, lines)
        return {path.name: path.read_bytes() for path in (plot, lines)}
