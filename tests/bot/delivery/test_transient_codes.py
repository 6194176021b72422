"""Error codes of Discord that are transient despite a 4xx status."""

import pytest

from bot.delivery import tracked_message
from bot.wire.faults import TRANSIENT_CODES as PASSING_CODES
from common.backoff import Backoff
from tests.bot.delivery.test_proxy_answers import answer_all
from tests.kit.world import World

TRANSIENT_CODES = {
    "internal network error": (403, 40333),
    "sending temporarily disabled": (403, 40004),
    "service overloaded": (503, 130000),
}


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracked_message, "BACKOFF", Backoff(0.1, 0.3))
    for code in (40004, 130000):
        monkeypatch.setitem(PASSING_CODES, code, 0.2)


@pytest.mark.parametrize(("status", "code"), TRANSIENT_CODES.values(), ids=TRANSIENT_CODES)
async def test_picture_waits_out_transient_codes_on_the_same_route(
    world: World, status: int, code: int
) -> None:
    painter, interaction = await world.paint_halfway()
    token_fault, *others = answer_all(world, 2, status=status, code=code)
    painter.may_finish.set()
    await world.wait_finished(interaction)
    assert len(token_fault.hits) == 2
    assert not any(fault.hits for fault in others), "no other route is tried: nothing is forbidden"


@pytest.mark.usefixtures("immediate_retries")
async def test_transient_code_is_not_blamed_on_permissions(world: World) -> None:
    user = world.user()
    world.discord.faults.add("POST", "/users/@me/channels", status=403, code=40333, times=9)
    await world.start_engine()
    message = await world.paint_and_wait()
    pressed = await world.press(user, message, "Save to DMs")
    text = await world.answer_text(pressed)
    assert "try again in a minute" in text
    assert "permissions" not in text
