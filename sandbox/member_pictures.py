"""`python -m sandbox pictures`: what a member sees in a day, as pictures for the documentation.

The real bot and its engine run behind the page, and a headless Chromium does what a member does.
"""

import asyncio
import io
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import Image

from sandbox.bot_process import BotStoppedError, bot_environment, online, run_bot
from sandbox.console import end_on_sigterm, say
from sandbox.control import LoopbackDiscord
from sandbox.demo_pictures import NoPictureError, bundled
from sandbox.page.routes import add_page

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

WIDTH_PX, HEIGHT_PX = 1180, 1300
PATIENCE_MS = 15 * 60 * 1000.0
"""Four pictures may take minutes on a CPU."""
QUALITY = 82
LARGEST_BYTES = 200_000
SETTLE_MS = 1200.0
QUICK = {"size": "320", "quality": "draft: quick, to try things out"}
"""Options that let a CPU paint the pictures in a few minutes."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


class Member:
    """Ada, who uses the page, with a camera."""

    def __init__(self, page: "Page", out: Path) -> None:
        self.page = page
        self.out = out

    async def command(self, name: str, photo: Path | None = None, **options: str) -> None:
        """Use a slash command, optionally with a photograph."""
        box = self.page.locator("#composer-text")
        await box.click()
        await box.press_sequentially(f"/{name}")
        await self.page.locator(".palette-item").first.wait_for()
        await box.press("Enter")
        if photo is not None:
            pill = self.page.locator('.pill[data-option="content"]')
            await pill.locator("input[type=file]").set_input_files(photo)
        for option, value in options.items():
            pill = self.page.locator(f'.pill[data-option="{option}"]')
            if not await pill.count():
                await self.page.get_by_role("button", name=f"+ {option}", exact=True).click()
            if await pill.locator("select").count():
                await pill.locator("select").select_option(label=value)
            else:
                await pill.locator("input").fill(value)
        await self.page.get_by_role("button", name="Send", exact=True).click()

    async def sees(self, *words: str) -> "Locator":
        """The newest message that contains all of these texts, once there is one."""
        messages = self.page.locator("article.message")
        for each in words:
            messages = messages.filter(has_text=each)
        message = messages.last
        await message.wait_for()
        await self.page.wait_for_timeout(SETTLE_MS)
        return message

    async def keep(self, name: str, what: "Locator") -> None:
        """Save a picture of a part of the page."""
        await what.scroll_into_view_if_needed()
        keep(await what.screenshot(), self.out / f"member-{name}.webp")


async def ask_which(member: Member, photos: Sequence[Path]) -> None:
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


async def try_styles(member: Member) -> None:
    """Try styles on a photograph that waits for one."""
    asked = await member.sees("Which style")
    await asked.get_by_role("button", name=re.compile(r"Try \d styles")).click()
    await member.keep("tried", await member.sees("Choose 5"))


async def live_a_day(member: Member, photo: Path) -> None:
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


async def press(message: "Locator", label: str) -> None:
    """Press a button of a message."""
    await message.get_by_role("button", name=label, exact=True).click()


@asynccontextmanager
async def opened(
    url: str, width_px: int, height_px: int, color_scheme: Literal["dark", "light"]
) -> "AsyncIterator[Page]":
    """A page in a headless Chromium."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - a requirement of makers

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = await browser.new_page(
            viewport={"width": width_px, "height": height_px}, color_scheme=color_scheme
        )
        page.set_default_timeout(PATIENCE_MS)
        try:
            await page.goto(url)
            yield page
        finally:
            await browser.close()


def keep(png: bytes, path: Path) -> None:
    """Save a picture, small enough for a documentation page."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in range(QUALITY, 30, -8):
        picture.save(path, "WEBP", quality=quality, method=6)
        if path.stat().st_size <= LARGEST_BYTES:
            break
    say(f"wrote {path} ({path.stat().st_size // 1024} KiB)")


async def take(out: Path) -> None:
    """Take all pictures.

    Raises:
        NoPictureError: There is no photograph.
        BotStoppedError: The bot exited.
    """
    with tempfile.TemporaryDirectory() as folder:
        data_dir, photo = Path(folder), Path(folder) / "cat.jpg"
        Image.open(bundled("chelsea.png")).convert("RGB").save(photo, quality=95)
        async with LoopbackDiscord.start(extend=add_page) as discord:
            small = {"ATELIER_MAX_PER_DAY": "1000"} | dict(os.environ)
            environment = small | bot_environment(discord.environment(), data_dir)
            async with run_bot(environment, data_dir / "bot.log") as bot:
                await online(discord, bot)
                url = discord.world.base_url
                async with opened(url, WIDTH_PX, HEIGHT_PX, "dark") as page:
                    await page.locator(".bot-state.ok").wait_for()
                    await live_a_day(Member(page, out), photo)


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
