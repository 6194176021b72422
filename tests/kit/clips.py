"""Requests paintings of animations and videos, and waits for them."""

from typing import Any

from sandbox.model import Interaction, Message
from tests.common.clips.files import GifFrame, gif, make_video, solid_frame
from tests.kit.pictures import gradient_picture
from tests.kit.world import World

ANIMATION = gif([GifFrame(n % 3, 20, box=(0, 0, 96, 72)) for n in range(5)], canvas=(96, 72))
FILM_FRAMES = [solid_frame((60 * number, 90, 90), (96, 72)) for number in range(4)]
STYLE = ("style.png", gradient_picture((64, 64)))
GIF = {"content": ("cat.gif", ANIMATION), "style": STYLE}
FILM = {"content": ("cat.mp4", make_video(FILM_FRAMES)), "style": STYLE}
QUESTION = "Should I paint all of it, or only its first frame?"


async def request_clip(
    world: World, options: dict[str, Any] | None = None, **details: Any
) -> Message:
    """Use /paint with a GIF; returns the message that asks whether to paint all of it."""
    interaction = await world.discord.slash(
        world.user(), "paint", options or {}, details.pop("attachments", GIF), **details
    )
    return await world.wait_for_text(interaction, QUESTION)


def button_label(message: Message, start: str) -> str:
    """The full label of the button whose label starts like this."""
    return next(
        str(button["label"])
        for button in message.buttons
        if str(button.get("label")).startswith(start)
    )


async def answer_question(
    world: World, message: Message, start: str = "All of it", user: str = "ada"
) -> Interaction:
    """Press the button whose label starts like this."""
    return await world.discord.press(world.user(user), message, label=button_label(message, start))


async def paint_clip(world: World, **details: Any) -> Message:
    """Use /paint with a GIF and `moving`; returns the message of the finished painting."""
    attachments = details.pop("attachments", GIF)
    interaction = await world.discord.slash(
        world.user(), "paint", {"moving": True}, attachments, **details
    )
    return await world.wait_finished(interaction)
