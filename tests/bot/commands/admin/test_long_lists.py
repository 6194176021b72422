"""Lists with long texts of admins fit into a message."""

import re
from datetime import UTC, datetime

import pytest

from jobs.management.administration import REASON_LIMIT
from tests.bot.commands.admin.test_operator import set_owners
from tests.kit.world import World

BLOCKED_COUNT = 30
FIRST_USER_ID = 900_000_000_000_000_000


@pytest.fixture(params=["Spam in the gallery. ", "*_~|`>[](){}#@<@1>"])
def reason(request: pytest.FixtureRequest) -> str:
    """A reason of the greatest length, in plain text or in markup."""
    text: str = request.param
    return (text * REASON_LIMIT)[:REASON_LIMIT]


async def block_many(world: World, guild_id: int | None, reason: str) -> None:
    admin, until = world.user("admin").id, datetime(2099, 1, 1, tzinfo=UTC)
    for user_id in range(FIRST_USER_ID, FIRST_USER_ID + BLOCKED_COUNT):
        await world.queue.blocks.add(guild_id, user_id, admin, reason=reason, until=until)


async def test_operator_log_is_shortened_to_fit_a_message(world: World, reason: str) -> None:
    set_owners(world, "admin")
    await block_many(world, None, reason)
    text = (await world.slash(world.user("admin"), "operator log")).text
    assert "blocked a member" in text
    assert f"Blocked everywhere: <@{FIRST_USER_ID + BLOCKED_COUNT - 1}>" in text
    assert len(re.findall(r"… and \d+ more\.", text)) == 2


async def test_every_page_of_a_blocklist_with_long_reasons_can_be_shown(
    world: World, reason: str
) -> None:
    admin = world.user("admin")
    await block_many(world, world.guild_id, reason)
    message = await world.slash(admin, "blocklist show")
    seen, page = set(re.findall(r"<@(\d{18})>", message.text)), 1
    while any(b["label"] == "Next" and not b.get("disabled") for b in message.buttons):
        await world.press(admin, message, "Next")
        page += 1
        assert f"Page {page} of 3" in message.text
        seen |= set(re.findall(r"<@(\d{18})>", message.text))
    assert len(seen) == BLOCKED_COUNT
