"""Pressing the buttons under a picture, and showing a copy of it."""

from sandbox.model import Interaction, Message
from tests.kit.world import World, has_result


async def press(world: World, message: Message, label: str, user: str = "ada") -> Interaction:
    return await world.discord.press(world.user(user), message, label=label)


async def show_copy(world: World, message: Message) -> Interaction:
    """Show a delivered picture again with `/show`."""
    job = await world.wait_delivered()
    copy = await world.discord.slash(world.user(), "show", {"picture": job.id})
    await copy.wait(lambda i: i.message and has_result(i.message))
    assert copy.message is not message
    return copy
