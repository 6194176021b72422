"""The page in a real browser, with the real bot and a pretend engine."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from pydantic import SecretStr

from common.settings import Settings
from sandbox import LoopbackDiscord
from sandbox.page.routes import add_page
from tests.kit.fake_engine import FakeEngine
from tests.kit.pictures import color_of, gradient_picture, plain_picture
from tests.kit.world import World
from tests.sandbox.browser import BROWSER_TESTS, SHARED, PageUser, open_page

pytestmark = BROWSER_TESTS


@pytest_asyncio.fixture(loop_scope=SHARED)
async def world(
    tmp_path: Path, sqlite_template: Path, shared_bot_parts: None
) -> AsyncIterator[World]:
    shutil.copy(sqlite_template, tmp_path)
    async with LoopbackDiscord.start(extend=add_page) as discord:
        settings = Settings(
            _env_file=None,
            discord_token=SecretStr(discord.token),
            discord_api_url=discord.api_url,
            discord_gateway_url=discord.gateway_url,
            atelier_data_dir=tmp_path,
            atelier_engine="external",
        )
        world = World(discord, settings)
        try:
            await world.start_bot()
            painter = await world.start_engine()
            painter.step_seconds = 0.2
            yield world
        finally:
            await world.stop_bot()
            await world.stop_engine()
        assert not discord.violations


@pytest.fixture
def painter(world: World) -> FakeEngine:
    assert world.engine is not None
    return world.engine


@pytest_asyncio.fixture(loop_scope=SHARED)
async def page(browser: Browser, world: World) -> AsyncIterator[Page]:
    async with open_page(browser, world.discord.world.base_url) as page:
        yield page


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    content, style = tmp_path / "photo.png", tmp_path / "style.png"
    content.write_bytes(gradient_picture((96, 64)))
    style.write_bytes(gradient_picture((64, 64)))
    return content, style


async def paint(user: PageUser, files: tuple[Path, Path]) -> None:
    await user.start_command("paint")
    await user.attach_file("content", files[0])
    await user.attach_file("style", files[1])
    await user.fill_option("size", "64")
    await user.send()


async def test_paint_with_two_files_shows_progress_and_result(
    page: Page, painter: FakeEngine, files: tuple[Path, Path]
) -> None:
    user = PageUser(page)
    painter.may_finish.clear()
    await paint(user, files)
    await user.expect_text("Painting")
    await user.expect_text("50%")
    preview = user.last_message().locator("img.media")
    await expect(preview).to_be_visible()
    await user.last_message().locator(".media-button").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog.lightbox")).to_be_visible()
    painter.may_finish.set()
    await user.expect_text("strength")
    await page.keyboard.press("Escape")
    await expect(user.last_message()).to_be_focused()
    again = user.last_message().get_by_role("button", name="Again")
    await expect(again).to_be_visible(timeout=30_000)
    assert await preview.evaluate("image => image.complete && image.naturalWidth") == 64
    await expect(user.last_message().locator(".above")).to_contain_text("Ada used /paint")
    await user.last_message().locator(".media-button").click()
    await expect(page.locator("dialog.lightbox")).to_be_visible()


async def test_cancel_button_cancels_a_running_painting(
    page: Page, painter: FakeEngine, files: tuple[Path, Path]
) -> None:
    user = PageUser(page)
    painter.may_finish.clear()
    await paint(user, files)
    await user.expect_text("50%")
    await user.last_message().get_by_role("button", name="Cancel").click()
    await user.expect_text("Cancelled")


async def test_stronger_button_paints_a_remix(page: Page, files: tuple[Path, Path]) -> None:
    user = PageUser(page)
    await paint(user, files)
    first = page.locator("article.message").first
    await first.get_by_role("button", name="Stronger").click()
    await expect(page.locator("article.message.by-bot")).to_have_count(2, timeout=30_000)
    await user.expect_text("strength 65%")


async def test_admin_sets_a_limit_and_paint_is_refused(
    page: Page, files: tuple[Path, Path]
) -> None:
    user = PageUser(page)
    box = page.locator("#composer-text")
    await box.press_sequentially("/limits")
    await expect(page.locator(".palette-empty")).to_be_visible()
    await box.fill("")
    await user.switch_user("admin")
    await user.start_command("limits set")
    await user.fill_option("per_day", "1")
    await user.send()
    await user.expect_text("Only you can see this")
    await user.switch_user("ada")
    await paint(user, files)
    await expect(page.get_by_role("button", name="Again")).to_be_visible(timeout=30_000)
    await paint(user, files)
    await user.expect_text("24 hours")
    await expect(user.last_message().get_by_role("button", name="Cancel")).to_have_count(0)


async def test_paint_command_works_with_the_keyboard_alone(
    page: Page, files: tuple[Path, Path]
) -> None:
    """From the message box through a command and back."""
    user = PageUser(page)
    await page.keyboard.type("/paint")
    await expect(page.locator("#composer-text")).to_be_focused()
    await expect(page.locator(".palette-item").first).to_contain_text("/paint")
    await page.keyboard.press("Enter")
    await expect(page.locator(".pill button.file-drop")).to_be_focused()
    await user.attach_file("content", files[0])
    await expect(page.get_by_role("button", name="Send", exact=True)).to_be_focused()
    await user.option("preset")
    await page.keyboard.type("starry")
    await expect(page.locator(".suggestion").first).to_contain_text("Starry Night")
    await page.keyboard.press("Enter")
    assert await page.locator('.pill[data-option="preset"] input').input_value()
    await page.keyboard.press("Escape")
    await expect(page.locator("#composer-text")).to_be_focused()


async def test_closed_modal_returns_focus_to_the_message_box(page: Page) -> None:
    user = PageUser(page)
    await user.start_command("settings")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog.modal")).to_be_visible()
    await expect(page.locator(".command-form")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("#composer-text")).to_be_focused()


async def test_ephemeral_message_is_hidden_from_other_users(page: Page) -> None:
    user = PageUser(page)
    await user.start_command("help")
    await user.send()
    await user.expect_text("Only you can see this")
    await user.switch_user("grace")
    await expect(page.locator("article.message")).to_have_count(0)
    await user.switch_user("ada")
    await page.get_by_role("button", name="Dismiss message").click()
    await expect(page.locator("article.message")).to_have_count(0)


DROP = """async ([selector, name, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
    const target = document.querySelector(selector);
    for (const kind of ["dragenter", "dragover", "drop"]) {
        target.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true }));
    }
}"""


async def test_dropped_picture_can_be_painted_from_the_message_menu(
    page: Page, files: tuple[Path, Path]
) -> None:
    """The Apps menu opens by right click; its modal takes an upload."""
    user = PageUser(page)
    await page.evaluate(DROP, [".chat", "dropped.png", list(files[0].read_bytes())])
    await expect(page.locator(".file-chip")).to_contain_text("dropped.png")
    await page.locator("#composer-text").press("Enter")
    posted = page.locator("article.message").first
    await expect(posted.locator("img.media")).to_be_visible()
    await posted.click(button="right", position={"x": 200, "y": 10})
    await page.get_by_role("menuitem", name="Paint this").click()
    modal = page.locator("dialog.modal")
    await expect(modal).to_be_visible()
    await modal.locator("input[type=file]").set_input_files(files[1])
    await modal.get_by_role("button", name="Submit").click()
    await expect(modal).to_have_count(0)
    await user.expect_text("strength")
    again = page.get_by_role("button", name="Again")
    await expect(again).to_be_visible(timeout=30_000)


async def test_dropped_files_fill_the_options_in_order(
    page: Page, files: tuple[Path, Path]
) -> None:
    user = PageUser(page)
    form = await user.start_command("paint")
    for name in ("one.png", "two.png"):
        await page.evaluate(DROP, [".chat", name, list(files[0].read_bytes())])
    await expect(form.locator('.pill[data-option="content"]')).to_contain_text("one.png")
    await expect(form.locator('.pill[data-option="style"]')).to_contain_text("two.png")


async def test_paint_works_in_direct_messages_and_a_group_without_the_bot(
    page: Page, world: World, files: tuple[Path, Path]
) -> None:
    user = PageUser(page)
    for place in ("Atelier", "Ada & Grace"):
        await page.locator(".channel", has_text=place).click()
        await paint(user, files)
        again = page.get_by_role("button", name="Again")
        await expect(again).to_be_visible(timeout=30_000)
    assert not world.discord.messages()


async def test_traffic_panel_shows_broken_rules_and_causes_faults(page: Page, world: World) -> None:
    discord = world.discord
    await page.get_by_role("button", name="Traffic").click()
    await expect(page.locator(".line").first).to_be_visible()
    await page.get_by_text("Let something go wrong").click()
    await page.get_by_role("button", name="Drop sockets").click()
    assert await discord.until(lambda: discord.gateway.resumed == 1, 20)
    await page.get_by_role("button", name="+16 min").click()
    await expect(page.locator(".shift")).to_have_text("+16 min")
    async with aiohttp.ClientSession() as session:
        await session.get(f"{discord.api_url}/users/@me", headers={"Authorization": "Bot no"})
    violation = page.locator(".line.violation")
    await expect(violation).to_contain_text("GET /users/@me")
    await violation.locator("summary").click()
    await expect(violation.locator(".broken")).to_contain_text("bot-token-is-right")
    await expect(page.locator("#violation-count")).to_have_text("1 broken rule")
    discord.violations.clear()


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
async def test_page_fits_narrow_dark_and_wide_light_windows(
    browser: Browser, world: World, files: tuple[Path, Path], width: int, dark: bool
) -> None:
    async with open_page(browser, world.discord.world.base_url, width=width, dark=dark) as page:
        user = PageUser(page)
        if width < 760:
            await page.get_by_role("button", name="Channels").click()
        await user.switch_user("grace")
        if width < 760:
            await page.locator(".channel", has_text="paintings").click()
        await paint(user, files)
        await expect(page.get_by_role("button", name="Again")).to_be_visible(timeout=30_000)
        overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0


async def test_own_answer_scrolls_into_view(page: Page, files: tuple[Path, Path]) -> None:
    user = PageUser(page)
    for _ in range(3):
        await paint(user, files)
        await user.expect_text("Again")
    log = page.locator("#log")
    await log.evaluate("box => { box.scrollTop = 0; }")
    await user.start_command("help")
    await user.send()
    await user.expect_text("Try it now")
    await expect(user.last_message()).to_be_in_viewport()


async def test_four_versions_form_a_grid_and_deletion_can_be_undone(
    page: Page, files: tuple[Path, Path]
) -> None:
    user = PageUser(page)
    await user.start_command("paint")
    await user.attach_file("content", files[0])
    await user.attach_file("style", files[1])
    await user.fill_option("variants", "4")
    await user.send()
    await user.expect_text("Choose 4")
    boxes = [await image.bounding_box() for image in await page.locator(".gallery-4 img").all()]
    assert len({box["x"] for box in boxes if box}) == 2
    assert len({box["y"] for box in boxes if box}) == 2
    await user.last_message().get_by_role("button", name="Delete", exact=True).click()
    await user.expect_text("You can undo this")
    await user.last_message().get_by_role("button", name="Undo", exact=True).click()
    await user.expect_text("Choose 4")


async def test_commands_work_in_french(page: Page, world: World) -> None:
    user = PageUser(page)
    await page.get_by_label("Language of Discord").select_option("fr")
    await page.locator("#composer-text").press_sequentially("/aide")
    await expect(page.locator(".palette-item").first).to_contain_text("/aide")
    await page.keyboard.press("Enter")
    await user.send()
    await user.expect_text("Essayer maintenant")
    await expect(user.last_message().locator(".command")).to_have_text("/aide")
    assert world.user("ada").locale == "fr"


async def test_message_menu_offers_to_paint_the_authors_avatar(page: Page, world: World) -> None:
    user = PageUser(page)
    world.discord.post(world.user("grace"), "hello")
    await user.expect_text("hello")
    await user.last_message().click(button="right")
    await page.get_by_role("menuitem", name="Paint the avatar").click()
    dialog = page.locator("dialog[open]")
    await expect(dialog).to_contain_text("A painting")
    (interaction,) = world.discord.world.interactions.values()
    assert interaction.data["target_id"] == str(world.user("grace").id)


@pytest.mark.parametrize(
    ("menu", "question", "about"),
    [
        ("Paint this", "Which of these pictures should I paint?", "A painting"),
        ("Use as style", "Which of these pictures is the style?", "Photos"),
    ],
)
async def test_message_menu_asks_to_choose_among_several_pictures(
    page: Page, world: World, files: tuple[Path, Path], menu: str, question: str, about: str
) -> None:
    user = PageUser(page)
    named = [(f"{name}.png", plain_picture(color=name)) for name in ("teal", "navy", "olive")]
    world.discord.post(world.user("grace"), "three of them", named)
    await user.expect_text("three of them")
    await user.last_message().click(button="right", position={"x": 200, "y": 10})
    await page.get_by_role("menuitem", name=menu).click()
    await user.expect_text(question)
    await expect(user.last_message().locator(".gallery-3 img")).to_have_count(3)
    await user.last_message().get_by_role("button", name="2 · navy.png", exact=True).click()
    modal = page.locator("dialog.modal")
    await expect(modal).to_contain_text(about)
    await modal.locator("input[type=file]").set_input_files(files[0])
    await modal.get_by_role("button", name="Submit").click()
    await expect(modal).to_have_count(0)
    await expect(page.get_by_role("button", name="Again")).to_be_visible(timeout=30_000)
    (job,) = await world.jobs()
    chosen_key = job.inputs.content if menu == "Paint this" else job.inputs.styles[0].picture
    assert color_of(await world.queue.store.get(chosen_key or "")) == (0, 0, 128)
