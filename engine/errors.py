"""What can go wrong with a painting."""

from common.sentences import ExplainedError


class PaintSettingsError(ExplainedError):
    """The settings or pictures cannot be painted with; found before any work."""


class CheckpointError(PaintSettingsError):
    """A checkpoint is none that this painting could go on from."""


class PaintingFailedError(ExplainedError):
    """The optimisation came to no finite picture, for the reason given."""


class PaintingStoppedError(Exception):
    """The caller's control asked to stop."""


class BetweenScalesError(Exception):
    """There is no state to be kept just now, as one scale goes over into the next."""
