"""`/operator`: commands of the bot's owners for all servers."""

import pytest

from jobs.model import JobState
from tests.kit.samples import delete_for_good
from tests.kit.world import World

COMMANDS = [
    ("block", ["user"]),
    ("unblock", ["user"]),
    ("pause", []),
    ("resume", []),
    ("clear", []),
    ("log", []),
]


@pytest.fixture
async def world(world: World) -> World:
    """A bot whose owner is the server's admin."""
    set_owners(world, "admin")
    return world


def set_owners(world: World, *names: str) -> None:
    ids = tuple(world.user(name).id for name in names)
    object.__setattr__(world.bot.settings, "atelier_owner_ids", ids)


async def test_admin_is_refused_operator_commands(world: World) -> None:
    set_owners(world, "ada")
    for name, names in COMMANDS:
        options = {each: world.user("grace").id for each in names}
        answer = await world.slash(world.user("admin"), f"operator {name}", options)
        assert answer.text == "Only the operator of this bot may do that."
    assert not await world.queue.audit.read(None)


async def test_operator_blocks_and_unblocks_a_user_everywhere(world: World) -> None:
    admin, grace = world.user("admin"), world.user("grace")
    await world.slash(admin, "operator block", {"user": grace.id})
    await world.queue.blocks.add(world.guild_id + 1, grace.id, 1)
    refused = await world.slash(
        grace, "style save", {"name": "x"}, attachments={"picture": ("a", b"")}
    )
    assert "The operator of this bot has blocked you" in refused.text
    log = (await world.slash(admin, "operator log")).text
    assert f"Blocked everywhere: <@{grace.id}>" in log
    assert f"<@{admin.id}>: blocked a member (<@{grace.id}>)" in log
    await world.slash(admin, "operator unblock", {"user": grace.id})
    assert "Blocked everywhere: nobody" in (await world.slash(admin, "operator log")).text


async def test_operator_block_states_its_end_and_reason(world: World) -> None:
    admin, grace = world.user("admin"), world.user("grace")
    options = {"user": grace.id, "reason": "Too many cats", "lasts": "3 days"}
    answer = await world.slash(admin, "operator block", options)
    assert f"<@{grace.id}> is blocked from painting everywhere until <t:" in answer.text
    assert answer.text.endswith("Reason: Too many cats")


async def test_unfinished_pictures_of_a_blocked_user_are_cancelled_everywhere(world: World) -> None:
    admin, grace = world.user("admin"), world.user("grace")
    jobs = [await world.make_job(grace), await world.make_job(grace, in_guild=False)]
    message = await world.slash(admin, "operator block", {"user": grace.id})
    assert "2 pictures of theirs" in message.text
    set_owners(world, "ada")
    await world.discord.press(admin, message, label="Cancel these too")
    assert {await world.state(job) for job in jobs} == {JobState.QUEUED}
    set_owners(world, "admin")
    await world.press(admin, message, "Cancel these too")
    assert {await world.state(job) for job in jobs} == {JobState.CANCELLED}


async def test_operator_cannot_be_blocked(world: World) -> None:
    admin = world.user("admin")
    answer = await world.slash(admin, "operator block", {"user": admin.id})
    assert answer.text == "The operator of this bot cannot be blocked."


async def test_operator_pauses_and_resumes_all_servers(world: World) -> None:
    admin = world.user("admin")
    await world.slash(admin, "operator pause")
    assert (await world.queue.positions.overview(None)).paused
    await world.slash(admin, "operator resume")
    assert not (await world.queue.positions.overview(None)).paused


async def test_server_messages_name_the_operator_as_pausing_the_queue(world: World) -> None:
    """Neither `/queue` nor `/queue-admin resume` takes it for a pause by the server's admins."""
    admin = world.user("admin")
    await world.slash(admin, "operator pause")
    shown = await world.slash(world.user("ada"), "queue")
    assert "The operator of this bot has paused the queue of all servers" in shown.text
    assert "An admin has paused" not in shown.text
    paused_by_operator = "the operator of this bot has paused all servers"
    assert paused_by_operator in (await world.slash(admin, "queue-admin resume")).text
    await world.slash(admin, "queue-admin pause")
    assert paused_by_operator in (await world.slash(admin, "queue-admin resume")).text
    await world.slash(admin, "operator resume")
    assert "not paused." in (await world.slash(admin, "queue-admin resume")).text


async def test_operator_clears_all_queues_and_undoes_the_clearing(world: World) -> None:
    admin, ada = world.user("admin"), world.user("ada")
    jobs = [await world.make_job(ada), await world.make_job(ada, in_guild=False)]
    message = await world.slash(admin, "operator clear")
    assert "In all servers and DMs" in message.text
    await world.press(admin, message, "Cancel them all")
    assert [await world.state(job) for job in jobs] == [JobState.CANCELLED] * 2
    await world.press(admin, message, "Undo")
    assert [await world.state(job) for job in jobs] == [JobState.QUEUED] * 2


async def test_undo_of_an_operator_clearing_reports_jobs_that_stay_cancelled(world: World) -> None:
    admin, ada = world.user("admin"), world.user("ada")
    job = await world.make_job(ada)
    message = await world.slash(admin, "operator clear")
    await world.press(admin, message, "Cancel them all")
    await delete_for_good(world.queue, job.id, ada.id)
    await world.press(admin, message, "Undo")
    nothing, lost = message.text.splitlines()
    assert nothing == "There is nothing left to put back."
    assert lost.startswith("1 stays cancelled")


async def test_operator_clear_offers_no_undo_if_nothing_was_cancelled(world: World) -> None:
    admin, ada = world.user("admin"), world.user("ada")
    job = await world.make_job(ada)
    message = await world.slash(admin, "operator clear")
    await world.queue.jobs.cancel(job.id, ada.id)
    await world.press(admin, message, "Cancel them all")
    assert message.text == "Nothing is waiting anywhere."
    assert not message.buttons


async def test_clear_button_is_refused_to_a_former_operator(world: World) -> None:
    admin = world.user("admin")
    job = await world.make_job(world.user("ada"))
    message = await world.slash(admin, "operator clear")
    set_owners(world, "grace")
    pressed = await world.discord.press(admin, message, label="Cancel them all")
    await pressed.wait(lambda i: i.followups or (i.message is not message and i.message))
    assert "Only the operator of this bot" in await world.answer_text(pressed)
    assert await world.state(job) is JobState.QUEUED
