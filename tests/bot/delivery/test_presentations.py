"""If Discord refuses the card of a finished picture, it is sent in plainer forms."""

from typing import Protocol

import pytest

from bot.delivery import loop
from bot.delivery.presentations import Layout, PictureSize, presentations_for
from sandbox.compose import delete_message
from sandbox.faults import Fault
from sandbox.model import Interaction, Message
from tests.kit.world import World, has_result

EDITS = "/webhooks/*/messages/*"
RESULT = "Painted for Ada"


class RefusingPaint(Protocol):
    async def __call__(
        self, status: int, times: int, *, noise: bool = False, code: int = 0
    ) -> tuple[Interaction, Fault]: ...


@pytest.fixture
def refused_paint(world: World, monkeypatch: pytest.MonkeyPatch) -> RefusingPaint:
    """Paints a picture whose final edit Discord refuses a number of times."""

    async def paint(
        status: int, times: int, *, noise: bool = False, code: int = 0
    ) -> tuple[Interaction, Fault]:
        painter = await world.start_engine()
        painter.noise = noise
        painter.may_finish.clear()
        size = 512 if noise else 64
        interaction = await world.paint({"size": size})
        await world.wait_for_text(interaction, "Painting")
        monkeypatch.setattr(loop, "EDIT_SECONDS", 600.0)  # only the final edit is left
        fault = world.discord.faults.add("PATCH", EDITS, status=status, code=code, times=times)
        painter.may_finish.set()
        return interaction, fault

    return paint


def gallery_count(message: Message) -> int:
    return sum(part["type"] == 12 for part in message.walk())


@pytest.mark.parametrize("times", [1, 2])
async def test_refused_card_is_replaced_by_a_plainer_one(
    world: World,
    refused_paint: RefusingPaint,
    caplog: pytest.LogCaptureFixture,
    times: int,
) -> None:
    interaction, fault = await refused_paint(400, times)
    message = await world.wait_for_text(interaction, RESULT)
    job = await world.wait_delivered()
    assert len(fault.hits) == times
    assert gallery_count(message) == 1
    assert has_result(message) is (times == 1)
    lines = [line for line in caplog.messages if f"Job {job.id} was refused as card" in line]
    assert len(lines) == times


async def test_third_refusal_leads_to_a_smaller_picture(
    world: World, refused_paint: RefusingPaint
) -> None:
    interaction, _fault = await refused_paint(400, 3, noise=True)
    message = await world.wait_for_text(interaction, "Shown as")
    await world.wait_delivered()
    assert not message.attachments[0].filename.endswith(".png")
    assert gallery_count(message) == 1


async def test_fourth_refusal_leads_to_text_with_the_show_command(
    world: World, refused_paint: RefusingPaint
) -> None:
    interaction, fault = await refused_paint(400, 4, noise=True)
    job_id = (await world.jobs())[0].id
    message = await world.wait_for_text(interaction, f"/show {job_id}")
    await world.wait_delivered()
    assert len(fault.hits) == 4
    assert not message.attachments
    shown = await world.discord.slash(world.user(), "show", {"picture": job_id})
    await shown.wait(lambda i: i.message is not None and has_result(i.message), 20)


async def test_persistent_refusals_fall_back_to_the_bot_token(
    world: World, refused_paint: RefusingPaint
) -> None:
    interaction, fault = await refused_paint(400, 100)
    message = await world.wait_finished(interaction)
    await world.wait_delivered()
    assert has_result(message)
    assert 0 < len(fault.hits) < 10


async def test_refusals_on_every_route_end_after_a_few_tries(
    world: World, refused_paint: RefusingPaint
) -> None:
    interaction, fault = await refused_paint(400, 1000)
    bot = world.discord.faults.add("PATCH", "/channels/*", status=400, times=1000)
    dm = world.discord.faults.add("POST", "/channels/*/messages", status=400, times=1000)
    job = await world.wait_delivered()
    requests = [len(each.hits) for each in (fault, bot, dm)]
    assert all(0 < count < 10 for count in requests)
    assert await world.bot.queue.deliveries.undelivered(job.user_id) == [job.id]
    world.discord.faults.clear()
    queue = await world.discord.slash(world.user(), "queue")
    await queue.wait(lambda i: any("could not be delivered" in m.text for m in i.followups))
    assert [len(each.hits) for each in (fault, bot, dm)] == requests
    assert interaction.message is not None


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (404, 10008), (400, 50083)])
async def test_unreachable_message_falls_back_to_a_dm(
    world: World, refused_paint: RefusingPaint, status: int, code: int
) -> None:
    _interaction, fault = await refused_paint(status, 1000, code=code)
    world.discord.faults.add("PATCH", "/channels/*", status=status, code=code, times=1000)
    await world.discord.until(lambda: world.discord.dms(world.user()), 20)
    await world.wait_delivered()
    (message,) = world.discord.dms(world.user())
    assert has_result(message)
    assert len(fault.hits) == 1


async def test_file_refused_as_too_large_is_sent_smaller(
    world: World, refused_paint: RefusingPaint
) -> None:
    interaction, fault = await refused_paint(413, 1, noise=True)
    message = await world.wait_finished(interaction)
    await world.wait_delivered()
    assert len(fault.hits) == 1
    assert "Shown as" in message.text
    assert has_result(message)


async def test_text_is_sent_if_no_file_is_small_enough(
    world: World, refused_paint: RefusingPaint
) -> None:
    # The result of about 800 kB, a copy of half the size, and one of 256 KiB are refused.
    interaction, fault = await refused_paint(413, 3, noise=True)
    job_id = (await world.jobs())[0].id
    message = await world.wait_for_text(interaction, f"/show {job_id}")
    await world.wait_delivered()
    assert len(fault.hits) == 3
    assert not message.attachments


async def test_spoiler_picture_stays_hidden_in_a_text_message(world: World) -> None:
    interaction = await world.paint({"spoiler": True})
    delete_message(world.discord.world, await world.wait_for_text(interaction, "Place 1"))
    world.discord.faults.add("POST", "/channels/*/messages", status=400, times=2)
    await world.start_engine()
    await world.eventually(lambda: world.discord.dms(world.user()))
    (message,) = world.discord.dms(world.user())
    assert RESULT in message.content
    (file,) = message.attachments
    assert (file.filename[:8], file.description) == ("SPOILER_", "A painted photo")


async def test_message_without_a_card_falls_back_to_text_with_the_picture(world: World) -> None:
    rate_limit = {"status": 429, "retry_after": 0.2, "with_via": False}
    world.discord.faults.add("PATCH", EDITS, times=1000, **rate_limit)
    interaction = await world.paint()
    await world.eventually(world.jobs)
    (job,) = await world.jobs()
    await world.stop_bot()  # before it could show anything of the job
    painter = await world.start_engine()

    async def is_painted() -> bool:
        done = await painter.queue.jobs.get(job.id)
        return done is not None and done.state.ended

    await world.eventually(is_painted)
    world.discord.faults.clear()
    cards = world.discord.faults.add("PATCH", EDITS, status=400, times=3)
    await world.start_bot()
    message = await world.wait_for_text(interaction, RESULT)
    assert len(cards.hits) == 3
    assert RESULT in message.content
    assert not message.components
    assert message.attachments


async def test_message_that_had_a_card_never_falls_back_to_text(world: World) -> None:
    await world.start_engine()
    await world.paint_and_wait()
    job = await world.wait_delivered()
    forms = presentations_for(job, is_new=False)
    assert all(form.layout is not Layout.WORDS for form in forms)
    assert forms[-1].picture is PictureSize.NONE
    assert any(form.layout is Layout.WORDS for form in presentations_for(job, is_new=True))
