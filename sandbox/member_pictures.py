"""`python -m sandbox pictures`: what a member sees in a day, as pictures for the documentation.

The real bot and its engine run behind the page, and a headless Chromium does what a member does.
"""

import asyncio
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from sandbox.bot_process import BotStoppedError
from sandbox.browser import SETTLE_MS, PageUser, painting_page, press
from sandbox.console import end_on_sigterm, say
from sandbox.demo_pictures import NoPictureError, bundled
from sandbox.page_pictures import tour

WIDTH_PX, HEIGHT_PX = 1180, 1300
QUICK = {"size": "320", "quality": "draft: quick, to try things out"}
"""Options that let a CPU paint the pictures in a few minutes."""


async def ask_which(member: PageUser, photos: Sequence[Path]) -> None:
    """Post several pictures in one message, and choose one of them to be painted."""
    page = member.page
    await page.locator("input[type=file]").first.set_input_files(photos)
    await page.locator("#composer-text").press("Enter")
    posted = page.locator("article.message").last
    await posted.locator("img.media").nth(len(photos) - 1).wait_for()
    await posted.click(button="right", position={"x": 200, "y": 10})
    await page.get_by_role("menuitem", name="Paint this").click()
    which = await member.sees("Which of these pictures")
    await member.keep("which", which)
    await press(which, "All 3 in one message")
    dialog = page.locator("dialog[open]")
    await dialog.locator("select").first.select_option(value="the-scream")
    await dialog.get_by_role("button", name="Submit", exact=True).click()
    await member.keep("several", await member.sees("3 photos", "Choose 3"))


async def try_styles(member: PageUser) -> None:
    """Try styles on a photograph that waits for one."""
    asked = await member.sees("Which style")
    await asked.get_by_role("button", name=re.compile(r"Try \d styles")).click()
    await member.keep("tried", await member.sees("Choose 5"))


async def live_a_day(member: PageUser, photo: Path) -> None:
    """Do what a member does, and save what they see."""
    await member.command("paint", photo, **QUICK, notify="yes")
    asked = await member.sees("Which style")
    await member.keep("choose", asked)
    await press(asked, "The Starry Night")
    result = await member.sees("Stronger")
    told = await member.sees("is ready")
    await member.keep("result", result)
    await member.keep("told", told)
    await press(result, "Change…")
    dialog = member.page.locator("dialog[open]")
    await dialog.wait_for()
    await member.page.wait_for_timeout(SETTLE_MS)
    await member.keep("change", dialog)
    await member.page.keyboard.press("Escape")
    await member.command("paint", photo, **QUICK, preset="starry-night", variants="4", notify="no")
    await member.command("queue")
    await member.keep("queue", await member.sees("Places taken"))
    four = await member.sees("Choose 4")
    await member.keep("four", four)
    await press(four, "Choose 2")
    await member.page.locator("article.message", has_text="Stronger").nth(1).wait_for()
    taken = await member.sees("Stronger")
    await press(taken, "Delete")
    await member.keep("undo", await member.sees("You can undo this"))
    await try_styles(member)
    await ask_which(member, [photo, bundled("coffee.png"), bundled("astronaut.png")])
    await member.page.locator(".language").select_option("fr")
    await member.page.wait_for_timeout(SETTLE_MS)
    await member.page.locator("#composer-text").press_sequentially("/")
    await member.page.wait_for_timeout(SETTLE_MS)
    await member.keep("french", member.page.locator(".palette"))


async def take(out: Path) -> None:
    """Take all pictures.

    Raises:
        NoPictureError: There is no photograph.
        BotStoppedError: The bot exited.
    """
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "cat.jpg"
        Image.open(bundled("chelsea.png")).convert("RGB").save(photo, quality=95)
        await tour(out, photo)
        async with painting_page(WIDTH_PX, HEIGHT_PX) as page:
            await live_a_day(PageUser(page, out), photo)


def run_pictures(out: Path) -> int:
    """Run it; returns the exit status, with a sentence on the console if it failed."""
    end_on_sigterm()
    out.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(take(out))
    except (NoPictureError, BotStoppedError) as error:
        say(f"The pictures could not be taken. {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
