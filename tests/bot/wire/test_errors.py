"""What the user is told and what is logged for outages and bugs."""

import logging

import aiohttp
import pytest
from discord import app_commands

from bot.commands.paint import paint
from bot.texts import texts_for
from bot.wire.errors import sentence_for
from common.store import StorageUnavailableError
from jobs.outcomes import QueueUnavailableError
from tests.bot.wire.test_faults import http_error

OUTAGES = {
    "Discord": (aiohttp.ServerDisconnectedError(), "Discord did not answer as it should"),
    "a truncated response": (aiohttp.ClientPayloadError(), "Discord did not answer as it should"),
    "a proxy's rate limit": (http_error(429), "Discord did not answer as it should"),
    "the store": (
        StorageUnavailableError("connection refused"),
        "Pictures cannot be read or",
    ),
    "the database": (QueueUnavailableError("connection reset"), "The queue cannot be reached"),
}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("service", OUTAGES)
def test_outage_is_logged_as_one_line_without_a_traceback(
    service: str, wrapped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    error, words = OUTAGES[service]
    text = sentence_for(raised(error, wrapped=wrapped), texts_for("en-US"), "a command")
    assert words in text
    (line,) = caplog.records
    assert (line.levelno, line.exc_info) == (logging.WARNING, None)
    assert type(error).__name__ in line.message
    assert line.message[1:9] in text, "the error ID is in the log and in the message"


@pytest.mark.parametrize("wrapped", [False, True])
def test_bug_is_logged_with_its_traceback(wrapped: bool, caplog: pytest.LogCaptureFixture) -> None:
    error = raised(KeyError("nothing"), wrapped=wrapped)
    text = sentence_for(error, texts_for("en-US"), "a command")
    assert "Something went wrong on my side" in text
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert line.exc_info is not None


def raised(error: Exception, *, wrapped: bool) -> Exception:
    """The error itself, or wrapped as discord.py does if a command raised it."""
    if not wrapped:
        return error
    outer = app_commands.CommandInvokeError(paint, error)
    outer.__cause__ = error
    return outer
