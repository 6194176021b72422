"""Limits on what one member may have in progress before a job exists."""

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.intake import fair_use
from bot.intake.fair_use import REFUSALS_SECONDS, REQUESTS_EACH, ByteBudget, FairSemaphore, FairUse
from bot.intake.quota import StorageQuota
from bot.kit import UserError
from bot.pictures.upload_encoder import UploadEncoder
from common.settings import MIB
from tests.kit.pictures import plain_picture
from tests.kit.world import World, text_of


async def run_pending_tasks() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class TurnTakers:
    """Tasks that wait for a turn and hold it, and the order in which they got it."""

    def __init__(self, turns: FairSemaphore) -> None:
        self.turns = turns
        self.admitted: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, name: str) -> None:
        self.tasks[name] = asyncio.create_task(self._hold_turn(name))
        await run_pending_tasks()

    async def _hold_turn(self, name: str) -> None:
        async with self.turns.turn(ord(name[0])):
            self.admitted.append(name)
            await asyncio.Event().wait()

    async def cancel(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.gather(self.tasks[name], return_exceptions=True)
        await run_pending_tasks()


async def test_one_member_cannot_hold_every_turn() -> None:
    takers = TurnTakers(FairSemaphore(at_once=3, each=2, waiting_each=5))
    for name in ("a1", "a2", "a3", "b1"):
        await takers.start(name)
    assert takers.admitted == ["a1", "a2", "b1"]
    await takers.cancel("b1")
    assert takers.admitted == ["a1", "a2", "b1"], "a3 would be a third turn of one member"
    await takers.cancel("a1")
    assert takers.admitted[-1] == "a3"
    for task in takers.tasks.values():
        task.cancel()


async def test_members_take_turns() -> None:
    takers = TurnTakers(FairSemaphore(at_once=1, each=1, waiting_each=5))
    for name in ("a1", "a2", "a3", "b1", "c1"):
        await takers.start(name)
    for cancelled, name in enumerate(("a1", "a2", "b1", "c1"), start=1):
        await takers.cancel(name)
        assert len(takers.admitted) == cancelled + 1, "one at a time"
    assert takers.admitted == ["a1", "a2", "b1", "c1", "a3"]
    await takers.cancel("a3")


async def test_pictures_of_one_command_get_consecutive_turns() -> None:
    takers = TurnTakers(FairSemaphore(at_once=2, each=2, waiting_each=5))
    for name in ("a1", "a2", "b1", "b2", "c1", "c2", "b3"):
        await takers.start(name)
    for name in ("a1", "a2", "b1", "b2", "c1"):
        await takers.cancel(name)
    assert takers.admitted == ["a1", "a2", "b1", "b2", "c1", "c2", "b3"]
    for name in ("c2", "b3"):
        await takers.cancel(name)


async def test_cancelled_waiter_takes_no_turn() -> None:
    takers = TurnTakers(FairSemaphore(at_once=1, each=1, waiting_each=5))
    for name in ("a1", "b1", "c1"):
        await takers.start(name)
    await takers.cancel("b1")
    await takers.cancel("a1")
    assert takers.admitted == ["a1", "c1"]
    await takers.cancel("c1")
    await takers.start("d1")
    assert takers.admitted[-1] == "d1"
    await takers.cancel("d1")


async def test_turn_granted_to_a_cancelled_waiter_is_passed_on() -> None:
    turns = FairSemaphore(at_once=1, each=1, waiting_each=5)
    takers = TurnTakers(turns)
    async with turns.turn(0):
        await takers.start("b1")
    await takers.cancel("b1")  # the turn is granted, but the task has not run yet
    assert takers.admitted == []
    await takers.start("c1")
    assert takers.admitted == ["c1"]
    await takers.cancel("c1")


async def test_byte_budget_blocks_until_bytes_are_released() -> None:
    budget, held = ByteBudget(total_bytes=10, pieces=8), list[int]()
    done = {size: asyncio.Event() for size in (7, 6)}

    async def hold(size: int) -> None:
        async with budget.hold(size):
            held.append(size)
            await done[size].wait()

    tasks = [asyncio.create_task(hold(size)) for size in done]
    await run_pending_tasks()
    assert held == [7]
    done[7].set()
    await run_pending_tasks()
    assert held == [7, 6]
    done[6].set()
    await asyncio.gather(*tasks)
    for _ in range(2):
        async with asyncio.timeout(1), budget.hold(99):
            pass  # a size above the total takes the whole budget


async def test_member_with_too_many_waiting_turns_is_refused() -> None:
    takers = TurnTakers(FairSemaphore(at_once=1, each=1, waiting_each=2))
    for name in ("a1", "a2", "a3", "a4"):
        await takers.start(name)
    with pytest.raises(UserError, match="as one member may have"):
        takers.tasks["a4"].result()
    for name in ("a1", "a2", "a3"):
        takers.tasks[name].cancel()


def test_request_counts_only_during_its_intake() -> None:
    bot: Any = SimpleNamespace(clock=lambda: 0.0)
    member_shares = FairUse(bot)
    for _ in range(2 * REQUESTS_EACH):
        with member_shares.request(1):
            member_shares.check(1)
    with contextlib.ExitStack() as requests:
        for _ in range(REQUESTS_EACH):
            requests.enter_context(member_shares.request(1))
        with pytest.raises(UserError, match="as one member may have"):
            member_shares.check(1)
        member_shares.check(2)
    member_shares.check(1)


async def test_results_are_encoded_before_pictures_shown_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []
    continue_all = asyncio.Event()

    async def slow_child(module: str, header: object, files: list[bytes], **_: object) -> object:
        started.append(files[0].decode())
        await continue_all.wait()
        fields = {"suffix": ".jpg", "quality": 90, "width_px": 1, "height_px": 1}
        return fields, [b"\xff\xd8\xff"]

    monkeypatch.setattr("bot.pictures.upload_encoder.ask_child", slow_child)
    encoder = UploadEncoder()
    tasks = []
    for name, is_result in (("first", False), ("again", False), ("result", True)):
        tasks.append(
            asyncio.create_task(encoder.make("fit", 1, name.encode(), is_result=is_result))
        )
        await run_pending_tasks()
    continue_all.set()
    await asyncio.gather(*tasks)
    assert started == ["first", "result", "again"]


async def test_cancelled_waiter_does_not_block_the_upload_encoder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def child(*_: object, **__: object) -> object:
        fields = {"suffix": ".jpg", "quality": 90, "width_px": 1, "height_px": 1}
        return fields, [b"\xff\xd8\xff"]

    monkeypatch.setattr("bot.pictures.upload_encoder.ask_child", child)
    encoder = UploadEncoder()
    async with encoder._turn(is_result=True):
        waiting = asyncio.create_task(encoder.make("fit", 1, b""))
        await run_pending_tasks()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1):
        await encoder.make("fit", 1, b"")


async def test_twenty_comparisons_load_one_picture_at_a_time(world: World) -> None:
    """Most are refused; those that wait have no picture in memory yet."""
    await world.start_engine()
    message = await world.paint_and_wait()
    reads: list[int] = []
    reading, all_pressed = 0, asyncio.Event()
    real = world.queue.store.get

    async def count_reads(key: str) -> bytes:
        nonlocal reading
        reading += 1
        reads.append(reading)
        try:
            await all_pressed.wait()
            return await real(key)
        finally:
            reading -= 1

    world.queue.store.get = count_reads  # type: ignore[method-assign]
    pressed = [await world.discord.press(world.user(), message, label="Compare") for _ in range(20)]
    refusal = "as one member may have"
    await world.eventually(lambda: sum(refusal in text_of(each) for each in pressed) == 16)
    all_pressed.set()
    text = [await world.answer_text(each) for each in pressed]
    assert sum("Before and after" in words for words in text) == 4
    assert sum(refusal in words for words in text) == 16
    assert max(reads) == 1


async def test_repeated_unusable_files_pause_uploads_of_the_member(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_use, "REFUSALS_EACH", 2)
    broken = {"picture": ("a.png", b"no picture")}
    sound = {"picture": ("a.png", plain_picture())}
    for _ in range(2):
        await world.slash(world.user(), "style save", {"name": "x"}, attachments=broken)
    refused = await world.slash(world.user(), "style save", {"name": "x"}, attachments=sound)
    assert "in a row could not be used" in refused.text
    other = await world.slash(world.user("grace"), "style save", {"name": "x"}, attachments=sound)
    assert "was saved" in other.text
    world.shift_clock(REFUSALS_SECONDS + 1)
    saved = await world.slash(world.user(), "style save", {"name": "x"}, attachments=sound)
    assert "was saved" in saved.text


async def test_requests_beyond_the_share_of_one_member_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fair_use, "REQUESTS_EACH", 1)
    world.discord.faults.add("GET", "*style.png*", delay=3.0)
    # The first counts as soon as it arrives: Discord may confirm its acknowledgement late.
    world.discord.faults.add("POST", "/interactions/*/callback", carried_out=True, delay=1.0)
    await world.paint()
    refused = await world.paint()
    assert "as one member may have" in await world.answer_text(refused)
    others = await world.paint(user="grace")
    await world.wait_for_text(others, "Place")


@pytest.fixture
def free_space(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_free_bytes(free_bytes: int) -> None:
        usage = shutil._ntuple_diskusage(2**40, 2**40 - free_bytes, free_bytes)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    return set_free_bytes


async def test_nearly_full_disk_refuses_commands_before_downloading(
    world: World, free_space: Callable[[int], None]
) -> None:
    free_space(world.settings.disk_reserve_bytes)
    downloads = len(world.discord.traffic)
    interaction = await world.paint()
    assert "hardly any room left on my disk" in await world.answer_text(interaction)
    titles = [line.title for line in world.discord.traffic[downloads:]]
    assert not [title for title in titles if "photo.png" in title and "GET" in title]


async def test_disk_reserve_also_applies_to_the_storage_disk(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = tmp_path / "other disk"
    pictures.mkdir()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda at: usage._replace(free=MIB if at == pictures else 2**40)
    )
    settings = world.settings.model_copy(update={"atelier_storage_url": str(pictures)})
    with pytest.raises(UserError, match="hardly any room left on my disk"):
        await StorageQuota(settings, world.queue).check(world.user().id, 1)
    await StorageQuota(world.settings, world.queue).check(world.user().id, 1)


async def test_disk_share_of_a_member_is_enforced(world: World) -> None:
    ada = world.user()
    await world.make_painted_job(ada)
    used = await world.queue.retention.bytes_of(ada.id)
    assert used > 0
    assert await world.queue.retention.bytes_of(world.user("grace").id) == 0
    settings = world.settings.model_copy(update={"atelier_max_member_mib": 1})
    quota = StorageQuota(settings, world.queue)
    await quota.check(ada.id, MIB - used)
    with pytest.raises(UserError, match="Your pictures take up"):
        await quota.check(ada.id, MIB - used + 1)
    await quota.check(world.user("grace").id, MIB)
