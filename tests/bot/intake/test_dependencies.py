"""Commands wait out an outage of store, database or Discord's CDN, and resume by themselves."""

import asyncio
import contextlib
import errno
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from bot.intake import dependencies, fair_use, service
from bot.intake.pictures import PictureIntake
from bot.intake.request import PaintRequest
from common.backoff import Backoff
from common.store import PictureStore, StorageUnavailableError
from jobs.model import JobState
from jobs.queue import JobQueue
from sandbox.model import Interaction
from tests.kit.world import PHOTO, World

WAITING_NOTICE = "I will go on by myself"
STORE_REFUSAL = "Pictures cannot be read or stored at the moment"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "BACKOFF", Backoff(0.1, 0.3))
    monkeypatch.setattr(dependencies, "NOTICE_AFTER_SECONDS", 0.2)


class FailingStore:
    """Makes writes to every picture store fail while `is_away` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_away = False
        self.asked = 0
        put = PictureStore.put_sync

        def put_sync(store: PictureStore, data: bytes, suffix: str) -> str:
            self.asked += 1
            if self.is_away:
                raise StorageUnavailableError("The picture store cannot be used: refused.")
            return put(store, data, suffix)

        monkeypatch.setattr(PictureStore, "put_sync", put_sync)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FailingStore:
    return FailingStore(monkeypatch)


@contextlib.contextmanager
def database_outage(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse every database connection of this process until the end of the block."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ECONNREFUSED, "Connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(type(queue.database.engine), "connect", refuse)
        yield


async def assert_one_picture(world: World, interaction: Interaction) -> None:
    """Check that the command became one job with one picture in one message, and nothing else."""
    await world.wait_finished(interaction)
    (job,) = await world.jobs()
    assert job.state is JobState.DONE
    assert interaction.message is not None
    assert WAITING_NOTICE not in interaction.message.text
    assert len(world.discord.messages()) == 1
    assert world.discord.dms(world.user()) == []
    await world.wait_no_intakes()


async def test_command_resumes_by_itself_after_a_store_outage(
    world: World, store: FailingStore
) -> None:
    await world.start_engine()
    store.is_away = True
    interaction = await world.paint()
    await world.wait_for_text(interaction, WAITING_NOTICE)
    assert await world.jobs() == []
    store.is_away = False
    await assert_one_picture(world, interaction)


async def test_hanging_store_shows_the_waiting_notice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "SLOW_SECONDS", 0.3)
    await world.start_engine()
    answers, put = threading.Event(), PictureStore.put_sync

    def put_sync(store: PictureStore, data: bytes, suffix: str) -> str:
        answers.wait(60)
        return put(store, data, suffix)

    monkeypatch.setattr(PictureStore, "put_sync", put_sync)
    try:
        interaction = await world.paint()
        await world.wait_for_text(interaction, WAITING_NOTICE)
    finally:
        answers.set()
    await assert_one_picture(world, interaction)


async def test_ephemeral_command_gets_an_ephemeral_waiting_notice(
    world: World, store: FailingStore
) -> None:
    await world.start_engine()
    store.is_away = True
    interaction = await world.paint({"ephemeral": True})
    message = await world.wait_for_text(interaction, WAITING_NOTICE)
    assert message.ephemeral
    store.is_away = False
    await world.wait_finished(interaction)


async def test_command_sent_during_a_database_outage_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database_outage(world.queue, monkeypatch):
        interaction = await world.paint()
        assert interaction.acknowledged_after_seconds is not None
        await world.wait_for_text(interaction, WAITING_NOTICE)
    await world.start_engine()
    await assert_one_picture(world, interaction)


@pytest.mark.parametrize("restarts", [False, True])
async def test_waiting_commands_resume_a_few_at_a_time(
    world: World, store: FailingStore, monkeypatch: pytest.MonkeyPatch, restarts: bool
) -> None:
    """Hundreds of commands may wait for the end of an outage."""
    monkeypatch.setattr(service, "STOP_SECONDS", 0.1)
    running, most_running = Counter[int](), Counter[int]()
    gather_inputs = PictureIntake.gather_inputs

    async def counting(intake: PictureIntake, request: PaintRequest) -> object:
        member = request.asker.user_id
        running.update({member: 1, 0: 1})
        try:
            if not store.is_away:
                most_running.update(
                    {
                        each: running[each] - most_running[each]
                        for each in (member, 0)
                        if running[each] > most_running[each]
                    }
                )
            return await gather_inputs(intake, request)
        finally:
            running.subtract({member: 1, 0: 1})

    monkeypatch.setattr(PictureIntake, "gather_inputs", counting)
    store.is_away = True
    members = [world.discord.world.add_user(f"member{number}") for number in range(5)]
    interactions = [await world.paint(user=member.name) for member in members for _ in range(6)]
    for each in interactions:
        await world.wait_for_text(each, WAITING_NOTICE)
    if restarts:
        await world.stop_bot()
    store.is_away = False
    most_running.clear()
    if restarts:
        await world.start_bot()
    for each in interactions:
        await world.wait_for_text(each, "Place")
    assert 0 < most_running[0] <= 16
    assert all(most_running[member.id] <= 4 for member in members)
    await world.wait_no_intakes()


async def test_waiting_command_survives_a_restart(
    world: World, store: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STOP_SECONDS", 0.1)
    store.is_away = True
    interaction = await world.paint()
    await world.wait_for_text(interaction, WAITING_NOTICE)
    await world.stop_bot()
    await world.start_bot()
    await world.start_engine()
    asked = store.asked
    await world.eventually(lambda: store.asked > asked)
    store.is_away = False
    await assert_one_picture(world, interaction)


async def test_command_kept_only_as_a_file_survives_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STOP_SECONDS", 0.1)
    with database_outage(world.queue, monkeypatch):
        interaction = await world.paint()
        await world.wait_for_text(interaction, WAITING_NOTICE)
        await world.stop_bot()
    await world.start_bot()
    await world.start_engine()
    await assert_one_picture(world, interaction)


async def test_expired_waiting_command_is_refused_and_dropped(
    world: World, store: FailingStore
) -> None:
    store.is_away = True
    interaction = await world.paint()
    await world.wait_for_text(interaction, WAITING_NOTICE)
    world.shift_clock(14 * 60 + 30)
    await world.eventually(lambda: STORE_REFUSAL in all_texts(interaction))
    store.is_away = False
    await world.wait_no_intakes()
    assert await world.jobs() == []


async def test_database_outage_until_expiry_leaves_one_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database_outage(world.queue, monkeypatch):
        interaction = await world.paint()
        await world.wait_for_text(interaction, WAITING_NOTICE)
        world.shift_clock(14 * 60 + 30)
        await world.eventually(lambda: "The queue cannot be reached" in all_texts(interaction))
    await world.wait_no_intakes()
    await world.eventually(lambda: len(world.discord.messages()) == 1)
    (message,) = world.discord.messages()
    assert message.ephemeral
    assert not message.loading
    assert await world.jobs() == []


def all_texts(interaction: Interaction) -> str:
    messages = [interaction.message, *interaction.followups]
    return "\n".join(one.text for one in messages if one is not None)


async def test_attachment_outage_is_waited_out_and_not_counted_as_a_refusal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_use, "REFUSALS_EACH", 1)
    await world.start_engine()
    world.discord.faults.add("GET", "*photo.png*", status=503, times=10_000)
    interaction = await world.paint()
    await world.wait_for_text(interaction, WAITING_NOTICE)
    world.discord.faults.waiting.clear()
    await assert_one_picture(world, interaction)
    await world.wait_finished(await world.paint())


async def test_photo_without_a_style_waits_before_asking_for_one(
    world: World, store: FailingStore
) -> None:
    store.is_away = True
    interaction = await world.paint(attachments=PHOTO)
    await world.wait_for_text(interaction, WAITING_NOTICE)
    store.is_away = False
    await world.eventually(lambda: interaction.message is not None and interaction.message.buttons)
    assert WAITING_NOTICE not in all_texts(interaction)


async def test_command_erased_while_waiting_is_not_painted(
    world: World, store: FailingStore
) -> None:
    store.is_away = True
    interaction = await world.paint()
    await world.wait_for_text(interaction, WAITING_NOTICE)
    await world.queue.privacy.erase_user(world.user().id)
    store.is_away = False
    await world.eventually(lambda: "erased" in all_texts(interaction))
    assert await world.jobs() == []


async def test_waiting_commands_share_their_retries(world: World, store: FailingStore) -> None:
    await world.start_engine()
    store.is_away = True
    names = [world.discord.add_user(f"member{number}").name for number in range(6)]
    interactions = [await world.paint(user=name) for name in names]
    for interaction in interactions:
        await world.wait_for_text(interaction, WAITING_NOTICE)
    await asyncio.sleep(3.0)
    asked = store.asked
    await asyncio.sleep(2.0)
    assert store.asked - asked < 40, "separate retries of six commands would be more"
    store.is_away = False
    for interaction in interactions:
        await world.wait_finished(interaction)


async def test_silent_database_does_not_prevent_acknowledgements(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling a query waits seconds for its connection to close."""
    ended = asyncio.Event()

    async def never_answer(*_: object) -> None:
        try:
            await ended.wait()
        except asyncio.CancelledError:
            await ended.wait()
            raise

    job = await world.make_painted_job(world.user())
    monkeypatch.setattr(world.queue.defaults, "in_force", never_answer)
    monkeypatch.setattr(world.queue.submissions, "refusal_to_post", never_answer)
    try:
        interaction = await world.paint()
        await world.eventually(lambda: interaction.acknowledged_after_seconds)
        options = {"picture": job.id, "everybody": True}
        shown = await world.discord.slash(world.user(), "show", options)
        assert "The queue cannot be reached" in await world.answer_text(shown)
    finally:
        ended.set()


async def test_locked_database_shows_the_waiting_notice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a backup tool locks it: reads still work."""
    monkeypatch.setattr(dependencies, "SLOW_SECONDS", 0.3)
    await world.start_engine()
    async with world.locked_database():
        interaction = await world.paint()
        await world.wait_for_text(interaction, WAITING_NOTICE)
    await assert_one_picture(world, interaction)
