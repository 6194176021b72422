"""Unfinished input, focus and scroll position on the page survive updates."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from sandbox import LoopbackDiscord
from sandbox.page.routes import add_page
from tests.sandbox.browser import BROWSER_TESTS, SHARED, open_page
from tests.sandbox.raw_bot import COMMANDS, RawBot, registered_bot

pytestmark = BROWSER_TESTS

HELP = {"name": "help", "description": "Help", "name_localizations": {"fr": "aide"}}
HALT = {"name": "halt", "description": "Halt", "name_localizations": {"fr": "arrêt"}}
MENU = {
    "type": 3,
    "custom_id": "menu",
    "max_values": 3,
    "options": [{"label": each, "value": each} for each in ("sea", "sky", "sun")],
}


@pytest_asyncio.fixture(loop_scope=SHARED)
async def discord() -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord.start(extend=add_page) as discord:
        yield discord


@pytest_asyncio.fixture(loop_scope=SHARED)
async def raw(discord: LoopbackDiscord) -> AsyncIterator[RawBot]:
    async with registered_bot(discord) as bot:
        yield bot


@pytest_asyncio.fixture(loop_scope=SHARED)
async def page(browser: Browser, discord: LoopbackDiscord, raw: RawBot) -> AsyncIterator[Page]:
    await raw.call("PUT", raw.application, [*COMMANDS, HELP, HALT])
    async with open_page(browser, discord.world.base_url, ready=".bot-state") as page:
        yield page


async def resend_state(discord: LoopbackDiscord, page: Page, *, locale: str = "fr") -> None:
    """Let the page get its whole state again, here by a changed language of a user."""
    discord.user("ada").locale = locale
    discord.world.emit("users", {})
    await expect(page.get_by_label("Language of Discord")).to_have_value(locale)


async def test_language_change_updates_the_palette_for_typed_text(
    discord: LoopbackDiscord, page: Page
) -> None:
    box = page.locator("#composer-text")
    await box.press_sequentially("/aide")
    await expect(page.locator(".palette-empty")).to_be_visible()
    await resend_state(discord, page)
    await expect(page.locator(".palette-name").first).to_have_text("/aide")
    await expect(box).to_have_value("/aide")
    await expect(box).to_be_focused()


async def test_selected_command_stays_selected(discord: LoopbackDiscord, page: Page) -> None:
    box = page.locator("#composer-text")
    await box.press_sequentially("/h")
    await expect(page.locator(".palette-name")).to_have_text(["/halt", "/help"])
    await box.press("ArrowDown")
    await resend_state(discord, page)
    await expect(page.locator(".palette-item[aria-selected=true]")).to_contain_text("/aide")


async def test_draft_message_keeps_its_files_and_caret(
    discord: LoopbackDiscord, page: Page, picture: bytes
) -> None:
    box = page.locator("#composer-text")
    await page.locator("#composer input[type=file]").set_input_files(
        {"name": "boat.png", "mimeType": "image/png", "buffer": picture}
    )
    await box.press_sequentially("a bot")
    await box.press("ArrowLeft")
    await resend_state(discord, page)
    await box.press_sequentially("a")
    await expect(box).to_have_value("a boat")
    await expect(page.locator(".file-chip")).to_contain_text("boat.png")


async def test_text_typed_while_sending_stays(discord: LoopbackDiscord, page: Page) -> None:
    async def type_while_sending(route: object) -> None:
        await box.press_sequentially("next")
        await route.continue_()  # type: ignore[attr-defined]

    box = page.locator("#composer-text")
    await page.route("**/sandbox/act/post", type_while_sending)
    await box.press_sequentially("first")
    await box.press("Enter")
    await expect(page.locator("article.message")).to_contain_text("first")
    await expect(box).to_have_value("next")


async def test_partly_filled_command_stays(discord: LoopbackDiscord, page: Page) -> None:
    await page.locator("#composer-text").press_sequentially("/paint")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="+ size").click()
    await page.keyboard.type("12")
    await resend_state(discord, page)
    await page.keyboard.type("8")
    await expect(page.locator('.pill[data-option="size"] input')).to_have_value("128")


async def test_ticked_options_survive_updates_until_they_are_sent(
    discord: LoopbackDiscord, page: Page, raw: RawBot
) -> None:
    row = {"type": 1, "components": [MENU]}
    _, sent = await raw.send({"content": "choose", "components": [row]})
    message = page.locator("article.message")
    await message.locator("summary").click()
    await message.get_by_label("sea").check()
    await message.get_by_label("sun").check()
    await resend_state(discord, page)
    await expect(message.locator("summary")).to_have_text("sea, sun")
    await expect(message.get_by_label("sun")).to_be_focused()
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    await raw.call("PATCH", path, {"content": "choose now"})
    await expect(message).to_contain_text("choose now")
    await expect(message.get_by_label("sea")).to_be_checked()
    await expect(message.get_by_label("sun")).to_be_focused()
    await message.get_by_role("button", name="Apply").click()
    assert await discord.until(lambda: discord.world.interactions)
    (pressed,) = discord.world.interactions.values()
    assert pressed.data["values"] == ["sea", "sun"]
    chosen = {"content": "chosen", "components": [row]}
    await raw.respond(pressed, {"type": 7, "data": chosen})
    await expect(message).to_contain_text("chosen")
    await expect(message.locator("input:checked")).to_have_count(0)


async def test_scroll_position_stays_after_an_update(discord: LoopbackDiscord, page: Page) -> None:
    for number in range(40):
        discord.post(discord.user("grace"), f"message {number}")
    await expect(page.locator("article.message")).to_have_count(40)
    log = page.locator("#log")
    await log.evaluate("box => { box.scrollTop = 120; }")
    await resend_state(discord, page)
    assert await log.evaluate("box => box.scrollTop") == 120


async def test_focus_stays_on_rerendered_elements(discord: LoopbackDiscord, page: Page) -> None:
    traffic = page.get_by_role("button", name="Traffic")
    await traffic.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#panel")).to_be_visible()
    await expect(traffic).to_be_focused()
    await page.get_by_text("Let something go wrong").click()
    await page.get_by_role("button", name="+16 min").click()
    await expect(page.locator(".shift")).to_have_text("+16 min")
    await expect(page.get_by_role("button", name="+16 min")).to_be_focused()
    language = page.get_by_label("Language of Discord")
    await language.focus()
    await resend_state(discord, page, locale="de")
    await expect(language).to_be_focused()
    grace = page.locator('.person[data-user="grace"]')
    await grace.focus()
    await page.keyboard.press("Enter")
    await expect(grace).to_have_attribute("aria-checked", "true")
    await expect(grace).to_be_focused()


async def test_keyboard_focus_enters_and_leaves_the_narrow_drawer(page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    box = page.locator("#composer-text")
    assert await box.evaluate("box => box.scrollWidth <= box.clientWidth")
    button = page.get_by_role("button", name="Channels")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".channel.current")).to_be_focused()
    await expect(button).to_have_attribute("aria-expanded", "true")
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()
    await expect(page.locator("#sidebar")).to_be_hidden()
    await button.click()
    await page.locator("#composer-text").click(position={"x": 300, "y": 10}, force=True)
    await expect(page.locator("#sidebar")).to_be_hidden()


async def test_each_tab_keeps_its_user_and_channel_after_a_reload(page: Page) -> None:
    await page.locator(".channel", has_text="talk").click()
    other = await page.context.new_page()
    await other.goto(page.url)
    await other.locator('.person[data-user="grace"]').click()
    for tab, user, channel in ((page, "ada", "talk"), (other, "grace", "paintings")):
        await tab.reload()
        person = tab.locator(f'.person[data-user="{user}"]')
        await expect(person).to_have_attribute("aria-checked", "true")
        await expect(tab.locator(".channel.current")).to_have_text(channel)
