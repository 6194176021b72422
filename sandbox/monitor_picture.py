"""The picture of the owner's page in docs/owners.md: the real bot and engine, in a real browser.

python -m sandbox.monitor_picture [docs/images/monitor.webp]
"""

import asyncio
import socket
import sys
import tempfile
from pathlib import Path

from sandbox import LoopbackDiscord
from sandbox.bot_process import bot_environment, online, run_bot
from sandbox.browser import keep, open_page
from sandbox.demo_pictures import bundled

OUT = Path("docs/images/monitor.webp")
WIDTH_PX, HEIGHT_PX = 1000, 640
SHARE = 0.3
"""The progress of the first picture from which its preview is worth a screenshot."""
OPTIONS = {"size": 384, "preset": "starry-night"}


async def photographed(folder: Path) -> bytes:
    """Paint three pictures, and return a screenshot (PNG) of the page during the first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    content = bundled("coffee.png")
    async with LoopbackDiscord.start() as discord:
        home = bot_environment(discord.environment(), folder / "data")
        environment = {**home, "ATELIER_MONITOR_PORT": str(port), "ATELIER_DEVICE": "cpu"}
        async with run_bot(environment, folder / "bot.log") as bot:
            await online(discord, bot)
            for name in ("ada", "grace", "ada"):
                await discord.slash(
                    discord.user(name),
                    "paint",
                    OPTIONS,
                    attachments={"content": (content.name, content.read_bytes())},
                )
            url = f"http://127.0.0.1:{port}"
            async with open_page(url, WIDTH_PX, HEIGHT_PX, "light") as page:
                await page.locator("#engines img").wait_for()
                bar = page.locator("progress")  # the page's CSP forbids injected scripts
                while float(await bar.first.get_attribute("value") or 0) < SHARE:
                    await page.wait_for_timeout(500)
                return await page.screenshot(full_page=True)


def main() -> int:
    """Make the picture. Returns the exit status."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    with tempfile.TemporaryDirectory() as folder:
        keep(asyncio.run(photographed(Path(folder))), out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
