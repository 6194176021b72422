"""Errors of a painting."""

from common.sentences import ExplainedError


class PaintSettingsError(ExplainedError):
    """Invalid settings or pictures; raised before any work."""


class CheckpointError(PaintSettingsError):
    """A checkpoint that this painting cannot continue from."""


class OtherWeightsError(CheckpointError):
    """A checkpoint that was painted with other weights of the same network."""


class PaintingFailedError(ExplainedError):
    """The painting failed, for the reason given."""


class PaintingStoppedError(Exception):
    """The caller asked to stop."""


class BetweenScalesError(Exception):
    """There is no state to save during the transition to the next scale."""
