"""Finding, editing and replacing the response to an interaction, despite errors."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.wire import original_response as answers
from common.backoff import Backoff
from jobs.model import Reply
from tests.bot.wire.test_faults import http_error

NOW = datetime(2026, 11, 29, tzinfo=UTC)
MESSAGE = 4711
MEMBER = 7
MESSAGE_GONE, TOKEN_ENDED, FORBIDDEN = (
    http_error(404, 10008),
    http_error(401, 50027),
    http_error(403, 50001),
)


@dataclass
class FakeDiscord:
    """Webhook and client at once: records requests, and raises the given errors one by one."""

    requests: list[str] = field(default_factory=list)
    fails: dict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    private: list[str] = field(default_factory=list)

    def _ask(self, what: str) -> None:
        self.requests.append(what)
        if self.fails[what]:
            raise self.fails[what].pop(0)

    async def edit_message(self, _id: str, *, content: str) -> None:
        self._ask(f"edit: {content}")

    async def send(self, content: str, *, ephemeral: bool, wait: bool) -> None:
        assert ephemeral
        assert wait
        self._ask(f"followup: {content}")

    async def delete_message(self, _id: str) -> None:
        self._ask("delete")

    async def fetch_message(self, _id: str) -> object:
        self._ask("fetch")
        return SimpleNamespace(id=MESSAGE)

    # As the client

    application_id = 1

    def clock(self) -> float:
        return NOW.timestamp()

    async def fetch_user(self, user_id: int) -> object:
        assert user_id == MEMBER

        async def send(sentence: str, *, nonce: str) -> None:
            self.private.append(f"{nonce}: {sentence}")

        return SimpleNamespace(send=send)


@pytest.fixture
def discord(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = FakeDiscord()
    monkeypatch.setattr(answers, "webhook_of", lambda *_: made)
    monkeypatch.setattr(answers, "BACKOFF", Backoff(0.0, 0.0))
    return made


def reply(*, ephemeral: bool = False, seconds: float = 900.0) -> Reply:
    ends = NOW + timedelta(seconds=seconds)
    return Reply(1, 42, "token", ends, channel_id=3, ephemeral=ephemeral)


# Retries


@pytest.mark.parametrize("trouble", [http_error(503), http_error(404), TimeoutError()])
async def test_transient_error_is_retried(discord: Any, trouble: Exception) -> None:
    discord.fails["fetch"] = [trouble] * answers.TRIES
    assert await answers.find_response(discord) == MESSAGE
    assert len(discord.requests) == answers.TRIES + 1


@pytest.mark.parametrize("trouble", [http_error(503), http_error(404), TimeoutError()])
async def test_number_of_retries_is_limited(discord: Any, trouble: Exception) -> None:
    discord.fails["fetch"] = [trouble] * (answers.TRIES + 1)
    with pytest.raises(type(trouble)):
        await answers.with_retries(lambda: discord.fetch_message("@original"))


async def test_retry_waits_for_the_retry_after_time(discord: Any) -> None:
    discord.fails["fetch"] = [http_error(429, retry_after="0.3")]
    began = time.monotonic()
    assert await answers.find_response(discord) == MESSAGE
    assert time.monotonic() - began >= 0.3


async def test_permanent_error_is_not_retried(discord: Any) -> None:
    discord.fails["fetch"] = [FORBIDDEN]
    with pytest.raises(type(FORBIDDEN)):
        await answers.with_retries(lambda: discord.fetch_message("@original"))
    assert discord.requests == ["fetch"]


# Finding the response


async def test_unknown_message_means_no_response(discord: Any) -> None:
    discord.fails["fetch"] = [MESSAGE_GONE]
    assert await answers.find_response(discord) == 0


@pytest.mark.parametrize("trouble", [http_error(404), FORBIDDEN, http_error(503)])
async def test_unclear_error_leaves_the_response_unknown(discord: Any, trouble: Exception) -> None:
    """Taken for a missing response, the command would be acknowledged and answered twice."""
    discord.fails["fetch"] = [trouble] * (answers.TRIES + 1)
    assert await answers.find_response(discord) is None


async def test_expired_token_sends_no_requests(discord: Any) -> None:
    assert await answers.find_response_to(discord, reply(seconds=0.0)) is None
    await answers.edit_response(discord, reply(seconds=0.0), content="late")
    assert discord.requests == []


# Answering ephemerally


async def test_public_response_is_replaced_by_an_ephemeral_followup(discord: Any) -> None:
    await answers.answer_ephemerally(discord, MEMBER, reply(), "no")
    assert discord.requests == [f"edit: {answers.FILLING}", "followup: no", "delete"]


async def test_ephemeral_response_is_edited_in_place(discord: Any) -> None:
    await answers.answer_ephemerally(discord, MEMBER, reply(ephemeral=True), "no")
    assert discord.requests == ["edit: no"]


@pytest.mark.parametrize("deleted", [f"edit: {answers.FILLING}", "delete"])
async def test_followup_is_sent_even_if_the_response_was_deleted(
    discord: Any, deleted: str
) -> None:
    discord.fails[deleted] = [MESSAGE_GONE]
    await answers.replace_by_ephemeral(discord, "no")
    assert discord.requests == [f"edit: {answers.FILLING}", "followup: no", "delete"]


@pytest.mark.parametrize("trouble", [TOKEN_ENDED, MESSAGE_GONE])
@pytest.mark.parametrize("as_followup", [False, True])
async def test_ended_token_falls_back_to_a_direct_message(
    discord: Any, trouble: Exception, as_followup: bool
) -> None:
    say = answers.send_ephemeral_followup if as_followup else answers.answer_ephemerally
    discord.fails["followup: no"] = [trouble]
    await say(discord, MEMBER, reply(), "no")
    assert discord.private == ["atelier-s42: no"], "the nonce prevents a second message"


async def test_forbidden_followup_is_not_sent_by_direct_message(discord: Any) -> None:
    discord.fails["followup: no"] = [FORBIDDEN]
    await answers.send_ephemeral_followup(discord, MEMBER, reply(), "no")
    assert discord.private == []


async def test_waiting_notice_is_tried_once(discord: Any) -> None:
    """A retry could overwrite a later message."""
    discord.fails["edit: wait"] = [http_error(503)]
    assert not await answers.show_waiting_notice(discord, reply(), "wait")
    assert discord.requests == ["edit: wait"]
    assert await answers.show_waiting_notice(discord, reply(), "wait")


async def test_reply_belongs_to_the_application_that_received_the_command(discord: Any) -> None:
    """Replies stored before several applications were supported belong to any."""
    mine, others, old = (Reply(each, 42, "token", NOW) for each in (1, 2, 0))
    assert [answers.is_mine(discord, each) for each in (mine, others, old)] == [True, False, True]
