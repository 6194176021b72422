"""The result of a check before the bot logs in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check."""

    name: str
    text: str
    is_fault: bool = False
    """The bot cannot run."""
    is_doubtful: bool = False
    """It can run, but somebody should know."""
    is_transient: bool = False
    """The fault is transient: another start with the same settings may succeed."""
