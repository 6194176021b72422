"""The picture of the owner's page in docs/owners.md: the real bot and engine, in a real browser.

python -m sandbox.monitor_picture [docs/images/monitor.webp]
"""

import asyncio
import io
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from PIL import Image

from sandbox import LoopbackDiscord
from sandbox.bot_process import bot_environment, run_bot
from sandbox.console import say
from sandbox.demo_pictures import bundled

OUT = Path("docs/images/monitor.webp")
WIDTH_PX, HEIGHT_PX = 1000, 640
LARGEST_BYTES = 200_000
PATIENCE_SECONDS = 600.0
SHARE = 0.3
"""Of the first picture, until it is worth a look."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
OPTIONS = {"size": 384, "preset": "starry-night"}


async def photographed(folder: Path) -> bytes:
    """Let three pictures be painted, and take the page's while the first forms: a PNG."""
    from playwright.async_api import (  # noqa: PLC0415 - a requirement of makers
        ViewportSize,
        async_playwright,
    )

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    content = bundled("coffee.png")
    async with LoopbackDiscord.start() as discord:
        home = bot_environment(discord.environment(), folder / "data")
        environment = {**home, "ATELIER_MONITOR_PORT": str(port), "ATELIER_DEVICE": "cpu"}
        async with run_bot(environment, folder / "bot.log") as bot:
            await discord.until(lambda: discord.gateway.connected and discord.commands, 90)
            bot.check()
            for name in ("ada", "grace", "ada"):
                await discord.slash(
                    discord.user(name),
                    "paint",
                    OPTIONS,
                    attachments={"content": (content.name, content.read_bytes())},
                )
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=FLAGS
                )
                size = ViewportSize(width=WIDTH_PX, height=HEIGHT_PX)
                page = await browser.new_page(viewport=size, color_scheme="light")
                await page.goto(f"http://127.0.0.1:{port}")
                milliseconds = PATIENCE_SECONDS * 1000
                await page.locator("#engines img").wait_for(timeout=milliseconds)
                bar = page.locator("progress")  # the page forbids scripts that are handed in
                while float(await bar.first.get_attribute("value") or 0) < SHARE:
                    await page.wait_for_timeout(500)
                png = await page.screenshot(full_page=True)
                await browser.close()
    return png


def keep(png: bytes, out: Path) -> None:
    """Write the picture, small enough for a page."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in range(85, 30, -8):
        picture.save(out, "WEBP", quality=quality, method=6)
        if out.stat().st_size <= LARGEST_BYTES:
            break
    say(f"wrote {out} ({out.stat().st_size // 1024} KiB)")


def main() -> int:
    """Make the picture. Returns the exit status."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    with tempfile.TemporaryDirectory() as folder:
        keep(asyncio.run(photographed(Path(folder))), out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
