"""*Paint this* on a message."""

from tests.kit.pictures import gradient_picture
from tests.kit.world import World


async def test_paint_this_on_a_message_with_a_picture(world: World) -> None:
    await world.start_engine()
    post = world.discord.post(world.user("grace"), "look", [("cat.png", gradient_picture())])
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(
        opened, {"name": "the great wave", "strength": ["strong"]}
    )
    await world.finished(submitted)
    (job,) = await world.jobs()
    assert job.inputs.styles[0].preset == "great-wave"
    assert job.options.strength == 0.7


async def test_paint_this_works_on_our_own_pictures(world: World) -> None:
    await world.start_engine()
    message = await world.painted()
    opened = await world.discord.message_command(world.user(), "Paint this", message)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.finished(submitted)


async def test_paint_this_says_when_there_is_no_picture(world: World) -> None:
    post = world.discord.post(world.user(), "words", [("notes.txt", b"notes")])
    interaction = await world.discord.message_command(world.user(), "Paint this", post)
    assert "has no picture" in await world.said(interaction)
