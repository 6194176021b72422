"""Blocking, pausing and clearing by the operator."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from jobs.management.administration import Block
from jobs.management.audit import COMMAND_LINE
from jobs.queue import JobQueue
from tests.jobs.conftest import run
from tests.kit.samples import Storage


def test_the_operator_blocks_pauses_and_clears_everywhere(storage: Storage) -> None:
    assert run("block", "7") == (0, "7 is blocked everywhere.\n")
    assert run("block", "7")[1] == "7 was already blocked everywhere.\n"
    assert run("block", "7", "--server", "5")[1] == "7 is blocked in server 5.\n"
    assert run("unblock", "7")[1] == "7 may paint again everywhere.\n"
    assert run("unblock", "7")[1] == "7 was not blocked everywhere.\n"
    assert "is paused" in run("pause")[1]
    assert ", paused" in run("list")[1]
    assert run("resume")[1] == "The queue is running again everywhere.\n"
    assert run("resume", "--server", "5")[1] == "The queue was not paused in server 5.\n"
    assert run("clear", "--server", "77")[1] == "0 waiting jobs cancelled in server 77.\n"
    assert run("clear")[1] == "1 waiting job cancelled everywhere.\n"
    assert "operator" in run("show", "3")[1]


def test_a_block_has_a_reason_and_an_end(storage: Storage) -> None:
    code, output = run("block", "7", "--reason", " too  many  cats ", "--lasts", "3 days")
    assert code == 0
    assert re.fullmatch(
        r"7 is blocked everywhere until \d{4}-\d\d-\d\d \d\d:\d\d UTC\. "
        r"They see: too many cats\n",
        output,
    )
    (block,) = asyncio.run(all_blocks(storage))
    assert block.reason == "too many cats"
    assert block.until is not None
    assert timedelta(days=2.9) < block.until - datetime.now(UTC) <= timedelta(days=3)
    # The new block replaces the first.
    assert "is blocked" in run("block", "7", "--reason", "dogs, too")[1]
    (block,) = asyncio.run(all_blocks(storage))
    assert (block.reason, block.until) == ("dogs, too", None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--lasts", "soon"), "'soon' is not a length of time"),
        (("--lasts", "0h"), "'0h' is not a length of time"),
        (("--lasts", "9999w"), "'9999w' is not a length of time"),
        (("--reason", " "), "a reason must have 1 to 200 characters"),
        (("--reason", "x" * 201), "a reason must have 1 to 200 characters"),
    ],
)
def test_block_with_an_invalid_length_or_reason_is_refused(
    storage: Storage, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], expected: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("block", "7", *arguments)
    assert ended.value.code == 2
    assert expected in capsys.readouterr().err


def test_bot_owner_cannot_be_blocked(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_OWNER_IDS", "7,8")
    assert run("block", "7")[0] == 1
    assert asyncio.run(all_blocks(storage)) == []


async def all_blocks(storage: Storage) -> list[Block]:
    async with await JobQueue.open(storage.settings()) as queue:
        return await queue.blocks.all(None)


def test_operator_actions_are_audited(storage: Storage) -> None:
    run("block", "7")
    run("cancel", "3")
    run("retry", "3")
    assert asyncio.run(audited_actions(storage)) == ["retry", "remove", "block"]


async def audited_actions(storage: Storage) -> list[str]:
    async with await JobQueue.open(storage.settings()) as queue:
        places = [await queue.audit.read(where) for where in (None, 5)]
    entries = sorted((entry for found in places for entry in found), key=lambda entry: -entry.id)
    assert {entry.user_id for entry in entries} == {COMMAND_LINE}
    return [entry.action for entry in entries]
