"""Messages of an earlier process: the new one knows nothing of them but their custom_ids."""

from jobs.model import JobState
from tests.bot_commands.house import House, answer


async def restart(house: House) -> None:
    await house.close()
    await house.open()


async def test_buttons_and_pages_outlive_the_process(house: House) -> None:
    ada = house.user("ada")
    painted = [await house.painted(ada) for _ in range(5)]
    waiting = await house.job(ada)
    queue = await house.slash(ada, "queue")
    history = await house.slash(ada, "history")
    styles = await house.slash(ada, "styles", {"search": "monet"})
    await restart(house)
    await house.press(ada, queue, "Cancel")
    assert await house.state(waiting) is JobState.CANCELLED
    opened = await answer(await house.discord.select(ada, history, [str(painted[4].id)]))
    assert f"#{painted[4].id}" in opened.text
    await house.press(ada, history, "Next")
    assert f"#{painted[0].id} ·" in history.text
    for button in styles.buttons:
        if not button.get("disabled"):
            await house.press(ada, styles, button["label"])
            assert "Monet" in styles.text


async def test_questions_outlive_the_process(house: House) -> None:
    admin, ada = house.user("admin"), house.user("ada")
    job = await house.job(ada)
    set_limits = await house.slash(admin, "limits set", {"size": 512})
    clear = await house.slash(admin, "queue-admin clear")
    privacy = await house.slash(ada, "privacy")
    await restart(house)
    await house.press(admin, set_limits, "Undo")
    assert (await house.queue.limits.in_force(house.guild_id)).max_size_px == 2048
    await house.press(admin, clear, "Cancel them all")
    assert await house.state(job) is JobState.CANCELLED
    await house.press(ada, privacy, "Erase my data…")
    await restart(house)
    await house.press(ada, privacy, "Erase everything")
    assert not await house.queue.jobs.of_user(ada.id)
