"""`python -m bot.help_command`: write the commands to `docs/commands.md`."""

import asyncio
from pathlib import Path

from bot.commands import build_client
from bot.help_command.document import document
from common.settings import Settings

PATH = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


async def _write() -> None:
    tree = build_client(Settings(_env_file=None)).tree
    await asyncio.to_thread(PATH.write_text, document(tree), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(_write())
    print(f"Wrote {PATH}")
