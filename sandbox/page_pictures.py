"""The sandbox's page itself, as pictures for the documentation."""

from pathlib import Path

from sandbox.browser import SETTLE_MS, PageUser, painting_page

WIDTH_PX, HEIGHT_PX = 1280, 860
SLOW = {"size": "512", "quality": "standard"}
"""Options by which a picture takes long enough to be seen while it is painted."""


async def become(member: PageUser, name: str) -> None:
    """Go on as another user."""
    await member.page.locator(f'.person[data-user="{name}"]').click()
    await member.page.locator(f'.person[data-user="{name}"][aria-checked="true"]').wait_for()


async def tour(out: Path, photo: Path) -> None:
    """Paint a picture, set a limit and run into it; save the page at each step.

    Raises:
        BotStoppedError: The bot exited.
    """
    async with painting_page(WIDTH_PX, HEIGHT_PX) as page:
        member = PageUser(page, out)
        await member.fill("paint", photo, **SLOW)
        await page.get_by_role("button", name="+ preset", exact=True).click()
        preset = page.locator('.pill[data-option="preset"]').locator("input")
        await preset.press_sequentially("gogh")
        await page.locator(".suggestion", has_text="Starry Night").wait_for()
        await page.wait_for_timeout(SETTLE_MS)
        await member.keep_page("paint")
        await page.locator(".suggestion", has_text="Starry Night").click()
        await member.send()
        await page.get_by_role("button", name="Traffic").click()
        painting = await member.sees("%")
        await painting.locator("img.media").wait_for()
        await page.wait_for_timeout(SETTLE_MS)
        await member.keep_page("progress")
        await page.get_by_role("button", name="Traffic").click()
        await member.sees("Stronger")
        await member.keep_page("result")
        await become(member, "admin")
        await member.command("limits set", size="512", per_day="5")
        await member.sees("Largest size")
        await member.keep_page("admin")
        await become(member, "ada")
        await member.command("paint", photo, size="1024")
        await member.sees("512 px")
        await member.keep_page("limit")
