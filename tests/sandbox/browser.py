"""A headless Chromium that looks at the sandbox's page, and what a user does in it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Locator, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000


@asynccontextmanager
async def open_page(
    url: str,
    *,
    width: int = 1280,
    height: int = 860,
    dark: bool = True,
    ready: str = ".bot-state.ok",
) -> AsyncIterator[Page]:
    """The page in a fresh browser; a script error on it fails the test."""
    assert CHROMIUM is not None
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            await page.goto(url)
            await expect(page.locator(ready)).to_be_visible(timeout=PATIENCE_MS)
            yield page
        finally:
            await browser.close()
        assert not errors


class Visitor:
    """Somebody at the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def become(self, name: str) -> None:
        await self.page.locator(f'.person[data-user="{name}"]').click()
        await expect(self.page.locator(f'.person[data-user="{name}"]')).to_have_attribute(
            "aria-checked", "true"
        )

    async def begin(self, command: str) -> Locator:
        """Choose a slash command with the keyboard."""
        box = self.page.locator("#composer-text")
        await box.click()
        await box.press_sequentially(f"/{command}")
        await expect(self.page.locator(".palette-item").first).to_be_visible()
        await box.press("Enter")
        form = self.page.locator(".command-form")
        await expect(form.locator(".command-name")).to_have_text(f"/{command}")
        return form

    async def option(self, name: str) -> Locator:
        """Add an option, unless it is there, and give its pill."""
        pill = self.page.locator(f'.pill[data-option="{name}"]')
        if not await pill.count():
            await self.page.get_by_role("button", name=f"+ {name}", exact=True).click()
        return pill

    async def attach(self, name: str, file: Path) -> None:
        await (await self.option(name)).locator("input[type=file]").set_input_files(file)

    async def write(self, name: str, text: str) -> None:
        await (await self.option(name)).locator("input").fill(text)

    async def send(self) -> None:
        await self.page.get_by_role("button", name="Send", exact=True).click()
        await expect(self.page.locator("#composer-text")).to_be_visible(timeout=PATIENCE_MS)

    def last_message(self) -> Locator:
        return self.page.locator("article.message").last

    async def reads(self, text: str, message: Locator | None = None) -> None:
        where = message or self.last_message()
        await expect(where).to_contain_text(text, timeout=PATIENCE_MS)
