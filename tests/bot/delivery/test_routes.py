"""The routes of a job's message, and their order."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.delivery import routes
from bot.delivery.routes import Routes
from jobs.model import JobState, Reply

NOW = datetime(2026, 11, 30, tzinfo=UTC)
MIB = 2**20


def job_of(state: JobState, **other: Any) -> Any:
    """A job whose message is known and whose token has expired, unless given otherwise."""
    reply: dict[str, Any] = {
        "application_id": 1,
        "interaction_id": 12,
        "interaction_token": "token",
        "token_expires_at": NOW,
        "message_id": 11,
        "bot_in_channel": True,
        "ephemeral": False,
        "upload_limit_bytes": 25 * MIB,
        "locale": "en-US",
    }
    job = {
        "id": 4,
        "revision": 6,
        "guild_id": 5,
        "versions": (),
        "cancelled_by": None,
        "pictures_deleted_at": None,
        "failure": None,
    }
    reply |= {name: other.pop(name) for name in list(other) if name in reply}
    return SimpleNamespace(state=state, reply=Reply(**reply), **(job | other))


def routes_to(job: Any, filesize_limit: int | None = 50 * MIB) -> list[str]:
    guild = None if filesize_limit is None else SimpleNamespace(filesize_limit=filesize_limit)
    client: Any = SimpleNamespace(get_guild=lambda _id: guild, clock=NOW.timestamp)
    found = []
    for route in Routes(client).of(job, search=False):
        send: Any = route.send
        how = send.func.__name__.removeprefix("_by_")
        assert (how == "dm", how in {"dm", "post"}) == (route.is_dm, route.is_new)
        found.append(f"{how} {route.limit_bytes // MIB}")
    return found


TOKEN = {"token_expires_at": NOW + timedelta(seconds=60)}
ROUTES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "expired token": ({}, ["bot 50", "dm 10"]),
    "valid token": (TOKEN, ["token 25", "bot 50", "dm 10"]),
    "token about to expire": (
        {"token_expires_at": NOW + timedelta(seconds=9)},
        ["bot 50", "dm 10"],
    ),
    "ephemeral": (TOKEN | {"ephemeral": True}, ["token 25", "dm 10"]),
    "bot not in the channel": ({"bot_in_channel": False}, ["dm 10"]),
    "unknown message": ({"message_id": None}, ["dm 10", "post 50"]),
    "unknown message in a private chat": ({"message_id": None, "guild_id": None}, ["dm 10"]),
    "deleted pictures": ({"pictures_deleted_at": NOW}, ["bot 50"]),
}


@pytest.mark.parametrize(("details", "expected"), ROUTES.values(), ids=ROUTES)
def test_routes_depend_on_token_visibility_and_membership(
    details: dict[str, Any], expected: list[str]
) -> None:
    assert routes_to(job_of(JobState.DONE, **details)) == expected


def test_dm_route_is_offered_only_for_news_to_the_member() -> None:
    for state in (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLED):
        assert routes_to(job_of(state)) == ["bot 50"]
    by_an_admin = job_of(JobState.CANCELLED, cancelled_by=9)
    some_finished = job_of(JobState.CANCELLED, versions=("a.png",))
    for job in (by_an_admin, some_finished, job_of(JobState.FAILED)):
        assert routes_to(job) == ["bot 50", "dm 10"]


def test_upload_limit_of_an_unloaded_server_comes_from_the_reply() -> None:
    assert routes_to(job_of(JobState.DONE), None)[0] == "bot 25"
    small = job_of(JobState.DONE, upload_limit_bytes=1 * MIB)
    assert routes_to(small, None)[0] == "bot 10"


def test_message_is_matched_to_one_job_and_its_final_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "end_words", lambda *_: ["### This did not work"])
    monkeypatch.setattr(routes, "texts_in", lambda _message: [])
    failed: Any = job_of(JobState.FAILED, failure=SimpleNamespace(error_id="ab12"))

    def shows_it(text: str) -> bool:
        message: Any = SimpleNamespace(content=text)
        return routes._shows_final_state(message, failed)

    text = "### This did not work\nA reason (error ab12)\n-# 64 px · #4"
    assert shows_it(text)
    for other in (text.replace("#4", "#41"), text.replace("ab12", "cd34"), text[4:]):
        assert not shows_it(other)
    assert routes._nonce(failed) != routes._nonce(job_of(JobState.FAILED, revision=7))
