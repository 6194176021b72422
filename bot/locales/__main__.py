"""`python -m bot.locales`: bring the translations up to date with what the bot says now.

`python -m bot.locales it` begins a new language, in `bot/locales/it/atelier.po`.
"""

import argparse
import asyncio
import sys

from babel import UnknownLocaleError

from bot.app.features import build_client
from bot.locales.extract import template
from bot.locales.update import known_languages, update
from common.command_line import run_command
from common.settings import Settings


def main() -> int:
    """Update the files; returns 1 if something is still to be translated."""
    parser = argparse.ArgumentParser(prog="python -m bot.locales", description=__doc__)
    parser.add_argument("language", nargs="*", help="such as de or pt-BR; default: all there are")
    languages = parser.parse_args().language or known_languages()
    return asyncio.run(_update(languages))


async def _update(languages: list[str]) -> int:
    client = build_client(Settings(_env_file=None))
    found = template(client.tree)
    left = 0
    for language in languages:
        try:
            missing = update(found, language)
        except (UnknownLocaleError, ValueError):
            print(f"{language}: there is no such language; please give a code such as fr or pt-BR.")
            return 2
        left += len(missing)
        print(f"{language}: {len(found) - len(missing)} of {len(found)} translated")
        for message in missing:
            print(f"  {message.context or ''} {message.id!r}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(run_command(main))
