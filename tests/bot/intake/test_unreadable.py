"""Pending commands stored by another version that this one cannot read."""

from tests.kit.world import World


async def test_sender_of_an_unreadable_command_gets_an_answer(world: World) -> None:
    world.discord.faults.add("GET", "*attachments/*", delay=20.0, times=4)
    interaction = await world.paint()
    (intake,) = await world.queue.intakes.pending()
    newer = intake.payload | {"brush": "wide"}
    assert await world.queue.intakes.replace(intake.interaction_id, newer)
    await world.stop_bot()
    world.discord.faults.clear()
    await world.start_bot()
    assert "another version of the bot" in await world.answer_text(interaction)
    await world.wait_no_intakes()


async def test_unreadable_command_of_another_application_is_left_alone(world: World) -> None:
    world.discord.faults.add("GET", "*attachments/*", delay=20.0, times=4)
    await world.paint()
    (intake,) = await world.queue.intakes.pending()
    reply = intake.payload["reply"] | {"application_id": 1}
    payload_of_other = intake.payload | {"brush": "wide", "reply": reply}
    await world.queue.intakes.replace(intake.interaction_id, payload_of_other)
    await world.stop_bot()
    world.discord.faults.clear()
    await world.start_bot(ready_seconds=0.1)
    await world.bot.wait_until_ready()
    (left,) = await world.queue.intakes.pending()
    assert left.payload == payload_of_other
