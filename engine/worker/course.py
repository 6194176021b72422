"""The course of a job's loss, as the files that go with its film."""

import logging
from pathlib import Path

from common.store import PictureStore, StorageUnavailable
from engine.following import loss_records
from engine.output import loss_lines, loss_plot
from engine.painting.events import Report

log = logging.getLogger(__name__)


def store_losses(report: Report, store: PictureStore) -> dict[str, str]:
    """Store a plot, and the figures as JSON lines; the key of each by its name.

    Nothing is stored where the disk has no room left: no painting is given up for that.
    """
    records = loss_records(report)
    files = {"losses.png": loss_plot(records), "losses.jsonl": loss_lines(records)}
    try:
        return {name: store.put_sync(data, Path(name).suffix) for name, data in files.items()}
    except StorageUnavailable as problem:
        log.warning("no loss curve: %s", problem)
        return {}
