"""What all who paint share: opening a studio, loading pictures, following and recording.

The command line and the queue's worker add only where pictures come from and go to.
"""

from engine.pipeline.follow import Listener, follow
from engine.pipeline.pictures import Pictures, Preset, load_pictures
from engine.pipeline.recording import (
    CheckpointFile,
    FilmRecorder,
    loss_files,
    loss_records,
    report_file,
)
from engine.pipeline.studio import open_studio

__all__ = [
    "CheckpointFile",
    "FilmRecorder",
    "Listener",
    "Pictures",
    "Preset",
    "follow",
    "load_pictures",
    "loss_files",
    "loss_records",
    "open_studio",
    "report_file",
]
