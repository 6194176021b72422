"""A headless Chromium for the sandbox's page, and the actions of a user in it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

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
TIMEOUT_MS = 30_000
SHARED: Final = "session"
"""The event loop of a process's shared browser and of the tests that use it."""
BROWSER_TESTS = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope=SHARED),
    pytest.mark.skipif(CHROMIUM is None, reason="needs an installed Chromium"),
]


@asynccontextmanager
async def launch_browser() -> AsyncIterator[Browser]:
    """Start a browser without a page."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def open_page(
    browser: Browser,
    url: str,
    *,
    width: int = 1280,
    dark: bool = True,
    ready: str = ".bot-state.ok",
) -> AsyncIterator[Page]:
    """Open the page; a script error on it fails the test.

    The browser's tab is used again, as its process takes longer to start than a test lasts. Each
    sandbox has a port of its own, so what its page stores is not shared.
    """
    context = browser.contexts[0] if browser.contexts else await browser.new_context()
    context.set_default_timeout(TIMEOUT_MS)
    page = context.pages[0] if context.pages else await context.new_page()
    await page.set_viewport_size({"width": width, "height": 860})
    await page.emulate_media(color_scheme="dark" if dark else "light")
    errors: list[str] = []

    def record(error: object) -> None:
        errors.append(str(error))

    page.on("pageerror", record)
    try:
        await page.goto(url)
        await expect(page.locator(ready)).to_be_visible(timeout=TIMEOUT_MS)
        yield page
        for other in context.pages[1:]:
            await other.close()
        await page.unroute_all()
        await page.goto("about:blank")
        page.remove_listener("pageerror", record)
    except BaseException:
        await context.close()
        raise
    assert not errors


class PageUser:
    """A user of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def switch_user(self, name: str) -> None:
        await self.page.locator(f'.person[data-user="{name}"]').click()
        await expect(self.page.locator(f'.person[data-user="{name}"]')).to_have_attribute(
            "aria-checked", "true"
        )

    async def start_command(self, command: str) -> Locator:
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
        """Add an option, unless it is added already, and return its pill."""
        pill = self.page.locator(f'.pill[data-option="{name}"]')
        if not await pill.count():
            await self.page.get_by_role("button", name=f"+ {name}", exact=True).click()
        return pill

    async def attach_file(self, name: str, file: Path) -> None:
        await (await self.option(name)).locator("input[type=file]").set_input_files(file)

    async def fill_option(self, name: str, text: str) -> None:
        await (await self.option(name)).locator("input").fill(text)

    async def send(self) -> None:
        await self.page.get_by_role("button", name="Send", exact=True).click()
        await expect(self.page.locator("#composer-text")).to_be_visible(timeout=TIMEOUT_MS)

    def last_message(self) -> Locator:
        return self.page.locator("article.message").last

    async def expect_text(self, text: str) -> None:
        await expect(self.last_message()).to_contain_text(text, timeout=TIMEOUT_MS)
