"""Log lines carry the IDs of job, member, server and engine wherever they are known."""

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.delivery.job_presenter import JobPresenter
from common.store import StorageUnavailableError
from engine.worker.painter import JobPainter
from engine.worker.service import EngineWorker
from jobs.execution.ending import DEATHS_ALLOWED
from jobs.model import EngineInfo, JobState
from jobs.queue import JobQueue
from tests.kit.logs import captured_log
from tests.kit.world import World

ENGINE = EngineInfo("engine-1", "here", "cpu", "lite", "1", 1)
Line = dict[str, Any]


class LogLines:
    """The captured log, parsed from JSON."""

    def __init__(self, stream: io.StringIO) -> None:
        self.stream = stream

    def all(self) -> list[Line]:
        found = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [each for each in found if each["logger"].split(".")[0] in {"bot", "engine", "jobs"}]

    def containing(self, words: str) -> list[Line]:
        return [each for each in self.all() if words in each["message"]]


@pytest.fixture
def log(closed_world: World) -> Iterator[LogLines]:
    with captured_log(closed_world.settings) as stream:
        yield LogLines(stream)


@asynccontextmanager
async def running_engine(world: World) -> AsyncIterator[None]:
    """Run the real engine worker, with its own connection to the queue."""
    settings = world.settings.model_copy(
        update={"atelier_network": "lite", "atelier_device": "cpu"}
    )
    stop = asyncio.Event()
    async with await JobQueue.open(settings) as queue:
        task = asyncio.create_task(EngineWorker(queue, JobPainter(settings), ENGINE).run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 60)


async def test_every_log_line_of_a_job_carries_its_ids(
    closed_world: World, log: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = closed_world
    await world.start_bot()
    ada = world.user("ada")
    options = {"quality": "draft", "notify": "yes"}

    # The store fails once during intake, and recovers.
    refused = StorageUnavailableError("The picture store cannot be used: away.")
    store, put, refusals = world.queue.store, world.queue.store.put_sync, [refused]

    def fail_once(data: bytes, suffix: str) -> str:
        if refusals:
            raise refusals.pop()
        return put(data, suffix)

    monkeypatch.setattr(store, "put_sync", fail_once)
    # A delivery fails once with an unexpected error.
    show, breaks = JobPresenter.show, [RuntimeError("unforeseen")]

    async def show_failing_once(*arguments: Any, **named: Any) -> Any:
        if breaks:
            raise breaks.pop()
        return await show(*arguments, **named)

    monkeypatch.setattr(JobPresenter, "show", show_failing_once)
    interaction = await world.paint(options)
    await world.wait_for_text(interaction, "#1")
    (job,) = await world.jobs()
    # An engine died and left a checkpoint that this version cannot resume.
    claim = await world.queue.claims.claim("before", lease_seconds=30)
    assert claim is not None
    key = await store.put(b"of another version", ".ckpt")
    await world.queue.claims.save_checkpoint(claim, key)
    await world.queue.claims.release(claim)
    # The message to the channel is refused, so the interaction is used.
    world.discord.faults.add("POST", "/channels/*/messages", status=403, code=50013, times=1)
    async with running_engine(world):
        async with asyncio.timeout(150):
            while (await world.state(job)) is not JobState.DONE:
                await asyncio.sleep(0.05)
        await world.eventually(lambda: bool(log.containing("cannot be told one way")))

    for expected in (
        "tried again in",
        "A delivery went wrong",
        "job 1: begins",
        "job 1: starts over",
        "job 1: done",
        "Job 1: its member cannot be told one way",
    ):
        found = log.containing(expected)
        assert found, expected
        for line in found:
            assert line.get("member") == ada.id, line
            assert line.get("server") == world.guild_id, line
            if line["logger"].startswith("engine"):
                assert line["engine"] == ENGINE.id, line
    check_ids(log, world)


async def test_jobs_ended_outside_an_engine_are_logged_with_their_ids(
    closed_world: World, log: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.execution.reaper.AWAKE_SECONDS", 0.0)
    world = closed_world
    await world.start_bot()
    first = await world.wait_for_text(await world.paint(), "#1")
    await world.press(world.user(), first, "Cancel")
    lost = await world.paint(user="grace")
    await world.wait_for_text(lost, "#2")
    for _ in range(DEATHS_ALLOWED):
        claim = await world.queue.claims.claim(f"dying-{_}", lease_seconds=-1)
        assert claim is not None
        await world.queue.reaper.reap()
    await world.wait_for_text(await world.paint(user="grace"), "#3")
    await world.queue.clearings.clear(world.guild_id, world.user("ada").id)
    await world.wait_for_text(await world.paint(user="grace"), "#4")
    await world.queue.privacy.erase_user(world.user("grace").id)
    ends = ((1, "cancelled"), (2, "failed"), (3, "cancelled"), (4, "cancelled"))
    for number, outcome in ends:
        (end,) = log.containing(f"job {number}: {outcome};")
        assert end["outcome"] == outcome
        assert end["size_px"] == 64
        assert "network" in end
        assert "waited_seconds" in end
    assert {line["engine"] for line in log.containing("not heard of any more")} == {
        f"dying-{number}" for number in range(DEATHS_ALLOWED)
    }
    check_ids(log, world)


def check_ids(log: LogLines, world: World) -> None:
    """Each line that names a job has its IDs, and each done for a member has theirs."""
    assert log.all()
    for line in log.all():
        named = re.search(r"\b[Jj]ob (\d+)", line["message"])
        if named is not None:
            assert line.get("job") == int(named[1]), line
        if "job" in line:
            assert "member" in line, line
            assert line.get("server") == world.guild_id, line
        if line["logger"].startswith(("bot.delivery", "bot.intake", "bot.commands", "bot.wire")):
            assert "member" in line, line
        if line["logger"].startswith("engine.worker"):
            assert line.get("engine") == ENGINE.id, line
