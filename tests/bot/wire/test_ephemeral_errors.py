"""Errors after a public acknowledgement are shown only to the member who asked."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sandbox.model import Interaction, Message
from tests.kit.world import World

Action = Callable[[World, Message], Awaitable[Interaction]]


async def post_missing_picture(world: World, message: Message) -> Interaction:
    ada = world.user()
    compared = await world.discord.press(ada, message, label="Compare")
    await compared.wait(lambda i: i.message and i.message.attachments)
    assert compared.message is not None
    (job,) = await world.jobs()
    assert job.result_key is not None
    await world.queue.store.delete(job.result_key)
    return await world.discord.press(ada, compared.message, label="Post here")


async def show_refused_by_discord(world: World, _message: Message) -> Interaction:
    (job,) = await world.jobs()
    world.discord.faults.add("PATCH", "/webhooks/*/messages/@original", status=400, code=50035)
    return await world.discord.slash(world.user(), "show", {"picture": job.id, "everybody": True})


async def show_refused_after_lost_acknowledgement(world: World, message: Message) -> Interaction:
    world.discord.faults.add("POST", "/interactions/*/callback", drop=True, carried_out=True)
    return await show_refused_by_discord(world, message)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (post_missing_picture, "are no longer kept"),
        (show_refused_by_discord, "Something went wrong"),
        (show_refused_after_lost_acknowledgement, "Something went wrong"),
    ],
)
async def test_failed_public_answer_is_replaced_by_an_ephemeral_error(
    world: World, act: Action, words: str
) -> None:
    await world.start_engine()
    message = await world.paint_and_wait()
    public_ids = [each.id for each in world.discord.messages() if not each.ephemeral]
    interaction = await act(world, message)
    await interaction.wait(lambda i: i.followups and i.message is not None and i.message.deleted)
    (answer,) = interaction.followups
    assert words in answer.text
    assert answer.ephemeral
    assert [each.id for each in world.discord.messages() if not each.ephemeral] == public_ids


async def test_double_undo_confirms_the_restored_picture_once(world: World) -> None:
    await world.start_engine()
    ada, message = world.user(), await world.paint_and_wait()
    deleted = await world.discord.press(ada, message, label="Delete")
    await deleted.wait(lambda i: i.followups)
    (page,) = deleted.followups
    pressed = await asyncio.gather(
        *(world.discord.press(ada, page, label="Undo") for _ in range(2))
    )

    def confirmations() -> list[Message]:
        return [each for one in pressed for each in one.followups]

    await world.eventually(confirmations)
    (answer,) = confirmations()
    assert answer.text == "It is back."
    assert answer.ephemeral

    def public_messages() -> list[Message]:
        return [each for each in world.discord.messages() if not each.ephemeral]

    # The unneeded second response is deleted.
    await world.eventually(lambda: len(public_messages()) == 1)
