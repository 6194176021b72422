"""A loopback Discord, for trying the bot without an account and for tests."""

import sys

from sandbox.interrupts import stop_quietly

if sys.argv[:1] == ["-m"]:  # with `python -m sandbox`, which then imports all of the following
    stop_quietly()

from sandbox.command_visibility import NotOfferedError
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Interaction, Message, User

__all__ = ["Interaction", "LoopbackDiscord", "Message", "NotOfferedError", "User"]
