"""A loopback Discord, for trying the bot without an account and for tests."""

from sandbox.command_visibility import NotOfferedError
from sandbox.control import LoopbackDiscord
from sandbox.model import Interaction, Message, User

__all__ = ["Interaction", "LoopbackDiscord", "Message", "NotOfferedError", "User"]
