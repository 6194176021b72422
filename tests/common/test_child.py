"""Messages to a child process and back."""

import asyncio

import pytest

from common.child import ChildError, ask_child, packed, read_message

ENCODER = "bot.pictures.child"


async def test_a_message_comes_back_as_it_was_packed() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(packed({"what": "ä\n"}, [b"", b"\n\x00", b"xyz"]) + packed({"next": 1}))
    assert await read_message(stream) == ({"what": "ä\n"}, [b"", b"\n\x00", b"xyz"])
    assert await read_message(stream) == ({"next": 1}, [])


async def test_a_message_that_breaks_off_is_none() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(packed({}, [b"four"])[:-1])
    stream.feed_eof()
    with pytest.raises(asyncio.IncompleteReadError):
        await read_message(stream)


async def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(ChildError, match="cannot identify image"):
        await ask_child(
            ENCODER, {"what": "fit", "limit_bytes": 1000}, [b"no picture"], timeout_seconds=60.0
        )


async def test_a_child_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ChildError, match="took longer than 0 s"):
        await ask_child(ENCODER, {}, timeout_seconds=0.0)
