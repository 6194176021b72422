"""Syncs the commands to Discord, only if they changed: creating commands is limited per day."""

import asyncio
import hashlib
import json
import logging
from itertools import count
from pathlib import Path
from typing import Any

import discord

from bot.kit import DISCORD_FAILED, Tree
from bot.ui.fields import FILE_TYPES, PICTURE_FILES
from common.backoff import Backoff
from common.files import read_texts, write_texts

log = logging.getLogger(__name__)

OF_OPTIONS = {"content": (*PICTURE_FILES, "video")}
"""Options that take other files than pictures, too."""
ANSWER_SECONDS = 10.0
HASH_FILE = "commands.json"
BACKOFF = Backoff(first_seconds=5.0, longest_seconds=3600.0)


async def keep_syncing(tree: Tree, data_dir: Path, tried: asyncio.Event) -> None:
    """Sync the commands, with retries until Discord accepts them; the old ones keep working.

    Args:
        tree: The commands.
        data_dir: Where the hash of the last sync is stored.
        tried: Set after the first try, even if it failed.
    """
    for failures in count():
        try:
            await sync_if_changed(tree, data_dir)
        except Exception as error:  # noqa: BLE001 - a bot with outdated commands still serves
            asked = error.retry_after if isinstance(error, discord.RateLimited) else None
            pause = BACKOFF.seconds(failures, asked)
            log.warning(
                "Discord does not take the commands (%s); the next try is in %.0f s", error, pause
            )
        else:
            return
        finally:
            tried.set()
        await asyncio.sleep(pause)


async def sync_if_changed(tree: Tree, data_dir: Path) -> bool:
    """Sync the global commands if they differ from the last sync, or if Discord lost them.

    Returns:
        Whether they were synced.
    """
    client = tree.client
    path = data_dir / HASH_FILE
    payload = await _payload(tree)
    digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
    known = read_texts(path)
    key = str(client.application_id)
    if known.get(key) == digest and await _discord_has(tree, payload):
        return False
    told = await _tell(tree, payload)
    try:
        write_texts(path, {**known, key: digest})
    except OSError as error:
        log.warning("The next start tells Discord the commands again: %s", error)
    log.info("Told Discord the %d commands", told)
    return True


async def knows_commands(tree: Tree) -> bool:
    """Whether Discord has commands of this application, so that it has run before.

    False if Discord does not respond.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return bool(await tree.fetch_commands())
    except DISCORD_FAILED as error:
        log.info("Discord does not say whether this bot has run before: %s", error)
        return False


async def _payload(tree: Tree) -> list[Any]:
    commands: list[Any] = [
        command for kind in discord.AppCommandType for command in tree.get_commands(type=kind)
    ]
    assert tree.translator is not None
    payload = [await command.get_translated_payload(tree, tree.translator) for command in commands]
    _name_file_types(payload)
    return payload


def _name_file_types(options: list[Any]) -> None:
    """Add the accepted file types to each attachment option; discord.py cannot do that yet."""
    for option in options:
        if option.get("type") == discord.AppCommandOptionType.attachment.value:
            option[FILE_TYPES] = list(OF_OPTIONS.get(option["name"], PICTURE_FILES))
        _name_file_types(option.get("options") or [])


async def _tell(tree: Tree, payload: list[Any]) -> int:
    """Send the commands; if Discord refuses fields unknown to discord.py, without these."""
    client = tree.client
    assert client.application_id is not None
    try:
        there = await client.http.bulk_upsert_global_commands(client.application_id, payload)
    except discord.HTTPException as error:
        if error.status != 400:
            raise
        return len(await tree.sync())
    return len(there)


async def _discord_has(tree: Tree, payload: list[Any]) -> bool:
    """Whether Discord has commands of these names. Reading is not limited per day; creating is."""
    try:
        there = await tree.fetch_commands()
    except discord.HTTPException:
        return False
    ours = {(command["name"], command.get("type", 1)) for command in payload}
    return {(command.name, command.type.value) for command in there} == ours
