"""A headless Chromium that uses the sandbox's page and takes pictures of it for the documentation.

Button icons are emoji: without a color emoji font (Debian: `fonts-noto-color-emoji`) they are empty
boxes.
"""

import io
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import Image

from sandbox.bot_process import bot_environment, online, run_bot
from sandbox.console import say
from sandbox.loopback import LoopbackDiscord
from sandbox.page.routes import add_page

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

PATIENCE_MS = 15 * 60 * 1000.0
"""Four pictures may take minutes on a CPU."""
QUALITY = 82
LARGEST_BYTES = 200_000
SETTLE_MS = 1200.0
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


class PageUser:
    """Somebody who uses the page, at first Ada, who takes screenshots."""

    def __init__(self, page: "Page", out: Path) -> None:
        self.page = page
        self.out = out

    async def fill(self, name: str, photo: Path | None = None, **options: str) -> None:
        """Fill in a slash command, optionally with a photograph, without sending it."""
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

    async def send(self) -> None:
        """Send the command that was filled in."""
        await self.page.get_by_role("button", name="Send", exact=True).click()

    async def command(self, name: str, photo: Path | None = None, **options: str) -> None:
        """Use a slash command, optionally with a photograph."""
        await self.fill(name, photo, **options)
        await self.send()

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

    async def keep_page(self, name: str) -> None:
        """Save a picture of the whole window."""
        keep(await self.page.screenshot(), self.out / f"sandbox-{name}.webp")


async def press(message: "Locator", label: str) -> None:
    """Press a button of a message."""
    await message.get_by_role("button", name=label, exact=True).click()


@asynccontextmanager
async def open_page(
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


@asynccontextmanager
async def painting_page(width_px: int, height_px: int) -> "AsyncIterator[Page]":
    """The dark page of a sandbox of its own, with the real bot and engine behind it.

    Raises:
        BotStoppedError: The bot exited.
    """
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        async with LoopbackDiscord.start(extend=add_page) as discord:
            environment = bot_environment(discord.environment(), data_dir)
            environment.setdefault("ATELIER_MAX_PER_DAY", "1000")
            async with run_bot(environment, data_dir / "bot.log") as bot:
                await online(discord, bot)
                url = discord.world.base_url
                async with open_page(url, width_px, height_px, "dark") as page:
                    await page.locator(".bot-state.ok").wait_for()
                    yield page
