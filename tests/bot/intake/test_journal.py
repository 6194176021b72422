"""The journal keeps each command exactly once until the queue has it, despite database faults."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.intake.journal import CommandJournal
from bot.intake.request import PaintRequest, Source
from bot.kit import UserError
from common.options import PaintOptions
from common.settings_loading import load_settings
from jobs.model import Asker, Reply
from jobs.outcomes import QueueUnavailableError
from jobs.queue import JobQueue
from jobs.submission.intakes import Intakes


class SlowIntakes(Intakes):
    """Intakes of a database with slow answers, whose connection may break after a commit."""

    seconds = 0.0
    breaks_after_commits = 0

    async def open(self, interaction_id: int, user_id: int, payload: dict[str, Any]) -> bool:
        await asyncio.sleep(self.seconds)
        is_new = await super().open(interaction_id, user_id, payload)
        if self.breaks_after_commits:
            self.breaks_after_commits -= 1
            raise QueueUnavailableError("The connection broke.")
        return is_new


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[JobQueue]:
    settings = load_settings(_env_file=None, atelier_data_dir=tmp_path)
    async with await JobQueue.open(settings) as opened:
        yield opened


@pytest.fixture
def slow_intakes(queue: JobQueue) -> SlowIntakes:
    intakes = SlowIntakes(queue.intakes._core)
    queue.intakes = intakes
    return intakes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "commands"


def request(interaction_id: int = 1, *, expires: timedelta = timedelta(minutes=15)) -> PaintRequest:
    return PaintRequest(
        asker=Asker(5, "ada"),
        reply=Reply(
            application_id=9,
            interaction_id=interaction_id,
            interaction_token="token",
            token_expires_at=datetime.now(UTC) + expires,
            bot_in_channel=False,
        ),
        content=Source(key="photo.png"),
        options=PaintOptions(),
    )


def test_a_command_of_version_0_1_is_read() -> None:
    sender = {
        "application_id": 9,
        "interaction_id": 1,
        "interaction_token": "token",
        "token_expires_at": "2026-11-28T12:00:00Z",
        "user_id": 5,
        "user_name": "ada",
        "role_ids": [7],
        "is_admin": True,
        "guild_id": 2,
        "channel_id": 3,
        "parent_channel_id": 4,
        "bot_in_channel": True,
        "upload_limit_bytes": 10_000_000,
        "locale": "de",
    }
    stored = {"sender": sender, "content": {"key": "a.png"}, "styles": [], "inputs": None}
    stored |= {"mask": None, "options": {}, "ephemeral": True, "spoiler": True}
    read = PaintRequest.model_validate(stored | {"parent_job_id": 6})
    assert read.asker == Asker(5, "ada", (7,), True, 2, 3, 4)
    assert (read.reply.interaction_id, read.reply.channel_id, read.reply.locale) == (1, 3, "de")
    assert (read.reply.ephemeral, read.reply.spoiler, read.parent_job_id) == (True, True, 6)
    assert PaintRequest.model_validate(read.model_dump(mode="json")) == read


async def pending(queue: JobQueue) -> list[int]:
    return [intake.interaction_id for intake in await queue.intakes.pending()]


async def test_a_command_that_is_written_at_once_needs_no_file(
    queue: JobQueue, folder: Path
) -> None:
    entry = CommandJournal(queue, folder).open(request())
    assert await entry.written(5.0)
    assert await entry.settled()
    assert await pending(queue) == [1]
    assert not folder.exists()


async def test_command_settles_after_its_commit_lost_the_connection(
    queue: JobQueue, slow_intakes: SlowIntakes, folder: Path
) -> None:
    slow_intakes.seconds, slow_intakes.breaks_after_commits = 0.2, 1
    entry = CommandJournal(queue, folder).open(request())
    assert await entry.written(0.0)
    with pytest.raises(QueueUnavailableError):
        await entry.settled()
    assert await entry.settled(), "its own row is not taken for a duplicate"
    assert await pending(queue) == [1]
    assert not list(folder.iterdir())


async def test_duplicate_command_is_kept_once_and_leaves_no_file(
    queue: JobQueue, slow_intakes: SlowIntakes, folder: Path
) -> None:
    journal = CommandJournal(queue, folder)
    assert await journal.open(request()).settled()
    slow_intakes.seconds = 0.2
    again = journal.open(request())
    assert await again.written(0.0), "not yet known to be a duplicate"
    assert not await again.settled()
    slow_intakes.seconds = 0.0
    third = journal.open(request())
    assert not await third.written(5.0)
    await third.drop()
    assert await pending(queue) == [1]
    assert not list(folder.iterdir())


async def test_dropped_command_leaves_no_row_and_no_file(
    queue: JobQueue, slow_intakes: SlowIntakes, folder: Path
) -> None:
    slow_intakes.breaks_after_commits = 1
    entry = CommandJournal(queue, folder).open(request())
    assert await entry.written(5.0)
    assert list(folder.iterdir()), "after a database error the command is written to a file"
    await entry.drop()
    assert await pending(queue) == []
    assert not list(folder.iterdir())


async def test_command_fails_if_the_queue_is_slow_and_no_file_can_be_written(
    queue: JobQueue, slow_intakes: SlowIntakes, folder: Path
) -> None:
    slow_intakes.seconds = 0.3
    folder.write_text("a file instead of a folder")
    entry = CommandJournal(queue, folder).open(request())
    with pytest.raises(QueueUnavailableError):
        await entry.written(0.0)
    await entry.drop()
    assert await pending(queue) == [], "its user has been told that it failed"


async def test_command_file_stays_until_the_queue_accepts_the_command(
    queue: JobQueue, slow_intakes: SlowIntakes, folder: Path
) -> None:
    slow_intakes.breaks_after_commits = 3
    entry = CommandJournal(queue, folder).open(request())
    assert await entry.written(5.0)
    for _ in range(2):
        with pytest.raises(QueueUnavailableError):
            await entry.settled()
        assert list(folder.iterdir())
    assert await entry.settled()
    assert await pending(queue) == [1]
    assert not list(folder.iterdir())


async def test_erasure_reaches_commands_kept_only_as_files(
    queue: JobQueue, slow_intakes: SlowIntakes, folder: Path
) -> None:
    slow_intakes.seconds = 0.3
    journal = CommandJournal(queue, folder)
    entry = journal.open(request())
    assert await entry.written(0.0)
    await journal.forget(5)
    assert not list(folder.iterdir())
    await queue.privacy.erase_user(5)
    with pytest.raises(UserError, match="erased"):
        await entry.settled()
    assert await pending(queue) == []


async def test_recovery_stores_valid_command_files_and_removes_useless_ones(
    queue: JobQueue, folder: Path
) -> None:
    journal = CommandJournal(queue, folder)
    await journal.file(request(1))
    await journal.file(request(2, expires=-timedelta(days=2)))
    (folder / "3.json").write_text("{}")
    (folder / "half.part").write_text('{"sender"')
    (folder / "4.json").mkdir()  # cannot be removed like a file
    await journal.recover()
    assert await pending(queue) == [1]
    assert [path.name for path in folder.iterdir()] == ["4.json"]


async def test_recovery_stores_files_of_another_version_and_removes_damaged_ones(
    queue: JobQueue, folder: Path
) -> None:
    """The member gets an answer when the rows are resumed; see `bot.intake.unreadable`."""
    folder.mkdir(parents=True)
    newer = request(11).model_dump(mode="json") | {"brush": "wide"}
    (folder / "11.json").write_text(json.dumps(newer))
    (folder / "12.json").write_bytes(b"{")
    (folder / "13.json").mkdir()  # cannot be read
    await CommandJournal(queue, folder).recover()
    (row,) = await queue.intakes.pending()
    assert (row.interaction_id, row.user_id, row.payload) == (11, 5, newer)
    assert [path.name for path in folder.iterdir()] == ["13.json"]
