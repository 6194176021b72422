"""Buttons on messages of an earlier process, of which only the `custom_id` remains."""

from jobs.model import JobState
from tests.kit.world import World, wait_for_answer


async def restart(world: World) -> None:
    await world.stop_bot()
    await world.start_bot()


async def test_buttons_and_pages_work_after_a_restart(world: World) -> None:
    ada = world.user("ada")
    painted = [await world.make_painted_job(ada) for _ in range(5)]
    waiting = await world.make_job(ada)
    queue = await world.slash(ada, "queue")
    history = await world.slash(ada, "history")
    styles = await world.slash(ada, "styles", {"search": "monet"})
    await restart(world)
    await world.press(ada, queue, f"Cancel #{waiting.id}")
    assert await world.state(waiting) is JobState.CANCELLED
    opened = await wait_for_answer(await world.discord.select(ada, history, [str(painted[4].id)]))
    assert f"#{painted[4].id}" in opened.text
    await world.press(ada, history, "Next")
    assert f"#{painted[0].id} ·" in history.text
    for button in styles.buttons:
        if not button.get("disabled"):
            await world.press(ada, styles, button["label"])
            assert "Monet" in styles.text


async def test_confirmation_questions_work_after_a_restart(world: World) -> None:
    admin, ada = world.user("admin"), world.user("ada")
    job = await world.make_job(ada)
    set_limits = await world.slash(admin, "limits set", {"size": 512})
    clear = await world.slash(admin, "queue-admin clear")
    privacy = await world.slash(ada, "privacy")
    await restart(world)
    await world.press(admin, set_limits, "Undo")
    assert (await world.queue.limits.in_force(world.guild_id)).max_size_px == 2048
    await world.press(admin, clear, "Cancel them all")
    assert await world.state(job) is JobState.CANCELLED
    await world.press(ada, privacy, "Erase my data…")
    await restart(world)
    await world.press(ada, privacy, "Erase everything")
    assert not await world.queue.jobs.of_user(ada.id)
