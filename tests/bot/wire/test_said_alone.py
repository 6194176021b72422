"""What goes wrong after all see that an answer is awaited is told to the one who asked, alone."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sandbox.model import Interaction, Message
from tests.kit.world import World

Go = Callable[[World, Message], Awaitable[Interaction]]


async def _post_what_is_lost(world: World, message: Message) -> Interaction:
    ada = world.user()
    compared = await world.discord.press(ada, message, label="Compare")
    await compared.wait(lambda i: i.message and i.message.attachments)
    assert compared.message is not None
    (job,) = await world.jobs()
    assert job.result_key is not None
    await world.queue.store.delete(job.result_key)
    return await world.discord.press(ada, compared.message, label="Post here")


async def _show_what_discord_refuses(world: World, _message: Message) -> Interaction:
    (job,) = await world.jobs()
    world.discord.faults.add("PATCH", "/webhooks/*/messages/@original", status=400, code=50035)
    return await world.discord.slash(world.user(), "show", {"picture": job.id, "everybody": True})


async def _show_so_with_the_acknowledgement_lost(world: World, message: Message) -> Interaction:
    world.discord.faults.add("POST", "/interactions/*/callback", drop=True, carried_out=True)
    return await _show_what_discord_refuses(world, message)


@pytest.mark.parametrize(
    ("go", "words"),
    [
        (_post_what_is_lost, "are no longer kept"),
        (_show_what_discord_refuses, "Something went wrong"),
        (_show_so_with_the_acknowledgement_lost, "Something went wrong"),
    ],
)
async def test_failed_public_answer_is_replaced_by_an_ephemeral_error(
    world: World, go: Go, words: str
) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    seen = [each.id for each in world.discord.messages() if not each.ephemeral]
    interaction = await go(world, message)
    await interaction.wait(lambda i: i.followups and i.message is not None and i.message.deleted)
    (told,) = interaction.followups
    assert words in told.text
    assert told.ephemeral
    assert [each.id for each in world.discord.messages() if not each.ephemeral] == seen


async def test_double_undo_confirms_the_restored_picture_once(world: World) -> None:
    await world.start_engine()
    ada, message = world.user(), await world.paint_and_wait()
    deleted = await world.discord.press(ada, message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    (page,) = deleted.followups
    pressed = await asyncio.gather(
        *(world.discord.press(ada, page, label="Undo") for _ in range(2))
    )

    def told_of() -> list[Message]:
        return [each for one in pressed for each in one.followups]

    await world.eventually(told_of)
    (told,) = told_of()
    assert told.text == "The picture is back."
    assert told.ephemeral

    def shown() -> list[Message]:
        return [each for each in world.discord.messages() if not each.ephemeral]

    await world.eventually(lambda: len(shown()) == 1)  # the answer that is not needed goes
