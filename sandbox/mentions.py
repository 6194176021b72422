"""Who is mentioned by a message, given its `allowed_mentions`.

https://docs.discord.com/developers/resources/message#allowed-mentions-object
"""

import re

from sandbox.model import Json, Message, walk_components
from sandbox.world import World

USER = re.compile(r"<@!?(\d+)>")
EVERYTHING = ("users", "roles", "everyone")


def mentioned_users(world: World, message: Message, payload: Json) -> list[int]:
    """The IDs of users that the message mentions, and is allowed to mention."""
    allowed = payload.get("allowed_mentions")
    if allowed is None:
        allowed = {"parse": EVERYTHING if message.interaction is None else ("users",)}
    texts = [message.content]
    texts += [c["content"] for c in walk_components(message.components) if c["type"] == 10]
    found = [int(each) for text in texts for each in USER.findall(text)]
    if "users" not in (allowed.get("parse") or ()):
        listed = {str(each) for each in allowed.get("users") or ()}
        found = [each for each in found if str(each) in listed]
    return [each for each in dict.fromkeys(found) if each in world.users]
