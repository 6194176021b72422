"""What a painting leaves behind: picture files, time-lapses and the course of the loss."""

from engine.output.errors import OutputError, check_target
from engine.output.film import Film
from engine.output.losses import LossRecord, loss_lines, loss_plot, plot_losses, write_loss_lines
from engine.output.pictures import PICTURE_SUFFIXES, encode_picture, write_picture
from engine.output.provenance import with_provenance
from engine.output.sheet import contact_sheet
from engine.output.timelapse import TIMELAPSE_SUFFIXES, TimeLapse, time_lapse

__all__ = [
    "PICTURE_SUFFIXES",
    "TIMELAPSE_SUFFIXES",
    "Film",
    "LossRecord",
    "OutputError",
    "TimeLapse",
    "check_target",
    "contact_sheet",
    "encode_picture",
    "loss_lines",
    "loss_plot",
    "plot_losses",
    "time_lapse",
    "with_provenance",
    "write_loss_lines",
    "write_picture",
]
