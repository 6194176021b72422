"""What can go wrong with a painting; each text is one sentence for the user."""


class SettingsProblem(Exception):
    """The settings or pictures cannot be painted with; found before any work."""


class PaintingFailed(Exception):
    """The optimisation came to no finite picture, for the reason given."""


class PaintingStopped(Exception):
    """The caller's control asked to stop."""
