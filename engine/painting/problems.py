"""What can go wrong with a painting."""

from common.sentences import Problem


class SettingsProblem(Problem):
    """The settings or pictures cannot be painted with; found before any work."""


class PaintingFailed(Problem):
    """The optimisation came to no finite picture, for the reason given."""


class PaintingStopped(Exception):
    """The caller's control asked to stop."""
