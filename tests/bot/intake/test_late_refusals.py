"""Commands refused by a limit only after the download, because another was queued first."""

import asyncio

import pytest

from bot.intake import processing
from bot.intake.early_limits import EarlyLimitCheck
from sandbox.model import Interaction
from tests.kit.clips import answer_question, request_clip
from tests.kit.world import World

EDITS = "/webhooks/*/messages/*"


async def refuse_second_command(world: World) -> Interaction:
    """Send two commands at once where the limit allows one; return the refused one."""
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 1}, 9)
    slow = world.discord.faults.add("GET", "*attachments/*", delay=1.5, times=4)
    first, second = [await world.paint(), await world.paint()]
    await world.eventually(lambda: len(slow.hits) == 4)
    world.discord.faults.add("PATCH", EDITS, status=503, times=1000)

    async def one_is_queued() -> bool:
        return len(await world.jobs()) == 1

    await world.eventually(one_is_queued)
    (job,) = await world.jobs()
    return second if job.interaction_id == first.id else first


async def test_late_refusal_is_explained_after_a_restart(
    world: World,
) -> None:
    refused = await refuse_second_command(world)
    await world.stop_bot()
    assert refused.message is not None
    assert refused.message.loading
    world.discord.faults.clear()
    await world.start_bot()
    assert "as many pictures" in await world.answer_text(refused)
    await world.wait_no_intakes()
    assert len(await world.jobs()) == 1


async def test_refused_command_is_not_painted_by_the_next_start(world: World) -> None:
    """The member may have been told just before, and have asked once more."""
    refused = await refuse_second_command(world)
    world.discord.faults.clear()
    world.discord.faults.add("DELETE", EDITS, status=503, times=1000)
    assert "as many pictures" in (await refused.wait(lambda i: i.followups)).followups[0].text
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 5}, 9)
    await world.stop_bot()
    world.discord.faults.clear()
    await world.start_bot()
    await world.wait_no_intakes()
    assert len(await world.jobs()) == 1
    assert all("as many pictures" in message.text for message in refused.followups)


async def test_refusal_is_told_though_the_database_does_not_note_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.queue.intakes, "replace", hang)
    monkeypatch.setattr(processing, "NOTING_SECONDS", 0.1)
    refused = await world.paint(attachments={"content": ("a.png", b"no picture")})
    assert "not a picture" in await world.answer_text(refused)
    await world.wait_no_intakes()


async def test_a_question_whose_answer_is_refused_can_be_answered_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def passes(*_: object) -> None:
        """The limit is reached only after the early check."""

    monkeypatch.setattr(EarlyLimitCheck, "check", passes)
    question = await request_clip(world)
    await world.make_job(world.user("ada"))
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 1}, 9)
    refused = await answer_question(world, question)
    await refused.wait(lambda i: any("as many pictures" in message.text for message in i.followups))

    async def is_open_again() -> bool:
        (intake,) = await world.queue.intakes.pending()
        return not intake.payload["asked"]

    await world.eventually(is_open_again)
    await world.queue.limits.set(world.guild_id, {"max_waiting_per_user": 5}, 9)
    await world.stop_bot()
    await world.start_bot()
    await world.start_engine()
    done = await world.wait_finished(await answer_question(world, question))
    assert done is question
    assert len(await world.jobs()) == 2
