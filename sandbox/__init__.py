"""A loopback Discord, for trying the bot without an account and for tests."""

from sandbox.control import LoopbackDiscord
from sandbox.model import Interaction, Message, User
from sandbox.offering import NotOfferedError

__all__ = ["Interaction", "LoopbackDiscord", "Message", "NotOfferedError", "User"]
