"""Messages to a child process and back."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE

import psutil
import pytest

from common.child import ChildError, ask_child, end, packed, read_message

ENCODER_MODULE = "bot.pictures.child"


async def test_packed_message_is_read_back_unchanged() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(packed({"what": "ä\n"}, [b"", b"\n\x00", b"xyz"]) + packed({"next": 1}))
    assert await read_message(stream) == ({"what": "ä\n"}, [b"", b"\n\x00", b"xyz"])
    assert await read_message(stream) == ({"next": 1}, [])


async def test_truncated_message_raises_incomplete_read() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(packed({}, [b"four"])[:-1])
    stream.feed_eof()
    with pytest.raises(asyncio.IncompleteReadError):
        await read_message(stream)


async def test_failing_child_reports_its_error() -> None:
    with pytest.raises(ChildError, match="cannot identify image"):
        await ask_child(
            ENCODER_MODULE,
            {"what": "fit", "limit_bytes": 1000},
            [b"no picture"],
            timeout_seconds=60.0,
        )


@pytest.mark.parametrize("sizes", [[-1], [4, -1], [5], [3, 2], ["x"], None, 3])
async def test_message_with_impossible_sizes_is_rejected(sizes: object) -> None:
    """A hostile file may control the child that answers."""
    stream = asyncio.StreamReader()
    stream.feed_data(json.dumps({"sizes": sizes}).encode() + b"\n" + bytes(100))
    with pytest.raises(ValueError, match=r"message|invalid literal"):
        await read_message(stream, most_bytes=4)


async def test_timed_out_child_is_killed() -> None:
    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(ChildError, match="took longer than 0 s"):
        await ask_child(ENCODER_MODULE, {}, timeout_seconds=0.05)  # Python takes longer to start
    assert {child.pid for child in psutil.Process().children()} <= before


@pytest.mark.parametrize("unread", ["stdout", "stderr"])
async def test_child_with_unread_output_can_be_killed(unread: str) -> None:
    """The bot kills such a child when it stops before reading the answer."""
    code = f"import sys, time; sys.{unread}.write('x' * 9_000_000); time.sleep(600)"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    await asyncio.sleep(1.0)  # until the pipe is full
    await asyncio.wait_for(end(child), 10)
    assert child.returncode == -signal.SIGKILL


async def test_child_whose_answer_is_being_read_can_be_killed() -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import time; time.sleep(600)", stdin=PIPE, stdout=PIPE
    )
    assert child.stdout is not None
    reading = asyncio.create_task(read_message(child.stdout))
    await asyncio.sleep(0)
    await asyncio.wait_for(end(child), 10)
    with pytest.raises(asyncio.IncompleteReadError):
        await reading
