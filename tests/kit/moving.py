"""Requests clip paintings, and waits for them."""

from typing import Any

from sandbox.model import Interaction, Message
from tests.common.clips.files import GifFrame, film, gif, solid
from tests.kit.pictures import gradient_picture
from tests.kit.world import World

ANIMATION = gif([GifFrame(n % 3, 20, box=(0, 0, 96, 72)) for n in range(5)], canvas=(96, 72))
LOOKS = [solid((60 * number, 90, 90), (96, 72)) for number in range(4)]
STYLE = ("style.png", gradient_picture((64, 64)))
GIF = {"content": ("cat.gif", ANIMATION), "style": STYLE}
VIDEO = {"content": ("cat.mp4", film(LOOKS)), "style": STYLE}
QUESTION = "Should I paint all of it, or only its first frame?"


async def asked(world: World, options: dict[str, Any] | None = None, **details: Any) -> Message:
    interaction = await world.discord.slash(
        world.user(), "paint", options or {}, details.pop("attachments", GIF), **details
    )
    return await world.says(interaction, QUESTION)


def label(message: Message, start: str) -> str:
    return next(
        str(button["label"])
        for button in message.buttons
        if str(button.get("label")).startswith(start)
    )


async def decided(
    world: World, message: Message, start: str = "All of it", user: str = "ada"
) -> Interaction:
    return await world.discord.press(world.user(user), message, label=label(message, start))


async def moving(world: World, options: dict[str, Any] | None = None, **details: Any) -> Message:
    """A finished clip painting."""
    attachments = details.pop("attachments", GIF)
    interaction = await world.discord.slash(
        world.user(), "paint", {"moving": True, **(options or {})}, attachments, **details
    )
    return await world.finished(interaction)
