"""Logs what goes wrong with an autocomplete in one line, where it is nobody's fault.

discord.py logs each error with a traceback. Most are ordinary: the member had typed on, or Discord
or the database did not answer. Discord then offers no choices, and the next key asks again.
"""

import logging

from bot.wire.errors import is_lost_interaction, is_outage


class _OneLine(logging.Filter):
    """Strips the traceback from discord.py's log line about an ordinary failure."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every line that is to be logged at its level."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not str(record.msg).startswith("Ignoring exception in autocomplete"):
            return True
        is_late = is_lost_interaction(error)
        if is_late or is_outage(error):
            level = logging.INFO if is_late else logging.WARNING
            record.levelno, record.levelname = level, logging.getLevelName(level)
            reason = f"{type(error).__name__}: {error}".replace("%", "%%")
            record.msg = f"No choices for %r (server %s, member %s): {reason}"
            record.exc_info, record.exc_text = None, None
            return logging.getLogger(record.name).isEnabledFor(level)
        return True


def quiet_autocompletes() -> None:
    """Log the ordinary failures of autocompletes in one line each."""
    log = logging.getLogger("discord.app_commands.tree")
    if not any(isinstance(known, _OneLine) for known in log.filters):
        log.addFilter(_OneLine())
