"""Log lines: their fields and formats, and redacted secrets."""

import asyncio
import io
import json
import logging
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from common.logs import (
    HUMAN,
    JSON,
    RedactingFormatter,
    log_ids,
    redacted,
    secrets_of,
)
from common.settings import Settings
from tests.kit.logs import captured_log

TOKEN = "MTE5ODYyMjQ4MzQ3MTkyNTI0OA.Gh0sT1.q3ZkEr9XnJx2yB0lWvTfU7mA5pCdOiHs4LgKeY"
INTERACTION_TOKEN = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDpzZWNyZXQ"
SIGNED = (
    "https://cdn.discordapp.com/attachments/1/2/photo.png"
    "?ex=66aabbcc&is=66aa0011&hm=0123456789abcdef0123456789abcdef"
)
S3_SIGNED = (
    "https://s3.example/atelier/pictures/ab.png?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAEXAMPLE%2F20261128&X-Amz-Signature=fedcba9876543210"
)


@pytest.fixture
def settings() -> Settings:
    return Settings(
        _env_file=None,
        discord_token=TOKEN,
        atelier_database_url="postgresql+asyncpg://atelier:pass%2Fword9@db/atelier",
        atelier_log_level="DEBUG",
    )


@pytest.fixture
def log_output(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY")
    with captured_log(settings) as stream:
        yield stream


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"POST /webhooks/123/{INTERACTION_TOKEN}/messages/@original", INTERACTION_TOKEN),
        (f"POST /interactions/123/{INTERACTION_TOKEN}/callback", INTERACTION_TOKEN),
        (f"{{'token': '{INTERACTION_TOKEN}', 'id': 5}}", INTERACTION_TOKEN),
        (f'{{"interaction_token": "{INTERACTION_TOKEN}"}}', INTERACTION_TOKEN),
        (f"Authorization: Bot {TOKEN}", TOKEN),
        (f"logged in with {TOKEN}.", TOKEN),
        (f"GET {SIGNED} answered 404", "0123456789abcdef"),
        (f"GET {S3_SIGNED}", "fedcba9876543210"),
        (f"GET {S3_SIGNED}", "AKIAEXAMPLE"),
        ("Credential=AKIAEXAMPLE/2026, Signature=0f0f0f0f", "0f0f0f0f"),
        ("no answer of postgresql+asyncpg://atelier:hunter22@db:5432/atelier", "hunter22"),
        ("redis://:hunter22@cache", "hunter22"),
        ("407, url='http://atelier:hunter22@proxy:3128'", "hunter22"),
        ("'Proxy-Authorization': 'Basic YXRlbGllcjpodW50ZXIyMg=='", "YXRlbGllcjpodW50ZXIyMg"),
        ("{'X-Amz-Security-Token': 'FwoGZXIvYXdzEJr//wEaDKVHPq3='}", "FwoGZXIvYXdzEJr"),
        ("x-amz-security-token:FwoGZXIvYXdzEJr//wEaDKVHPq3=", "FwoGZXIvYXdzEJr"),
        ('{\\"token\\": \\"abcdEFGH1234567890\\"}', "abcdEFGH1234567890"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENG", "wJalrXUtnFEMIK7MDENG"),
        ("create_client(aws_secret_access_key='wJalrXUtnFEMIK7MDENG')", "wJalrXUtnFEMIK7MDENG"),
        ("{'key': 'AKIAEXAMPLE12', 'secret': 'wJalrXUtnFEMI'}", "AKIAEXAMPLE12"),
        ("{'key': 'AKIAEXAMPLE12', 'secret': 'wJalrXUtnFEMI'}", "wJalrXUtnFEMI"),
        ("host=db user=atelier password=hunter22 dbname=a", "hunter22"),
        ("host=db password='hunter 22' dbname=a", "hunter 22"),
        ("postgresql://db/atelier?user=a&password=hunter22", "hunter22"),
        (f"to {quote(SIGNED, safe='')} and back", "0123456789abcdef"),
        (SIGNED.replace("&", "&amp;"), "0123456789abcdef"),
    ],
)
def test_secrets_are_redacted_in_any_notation(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "job 12 is done after 14.2 s: 512 × 384 px, vgg19, standard",
        "the engine runs as process 4711",
        "https://discord.com/developers/applications",
        "atelier.sqlite3-wal, engine host-12-ab34cd, 2026-11-28T12:00:00.123Z",
        "the token of this interaction has ended",
        "DISCORD_TOKEN is not set: get a token, which is no password",
        "GET /users/@me answered 200 (http://127.0.0.1:8080/users/@me)",
        "the secret is out, the password was refused; at most 512 tokens: 3 are left",
    ],
)
def test_harmless_text_is_not_redacted(text: str) -> None:
    assert redacted(text) == text


def test_secrets_of_the_settings_are_known_in_each_spelling(settings: Settings) -> None:
    assert {TOKEN, "pass%2Fword9", "pass/word9"} <= set(secrets_of(settings))


@pytest.mark.parametrize(
    ("key", "is_blanked"),
    [
        ("atelier", False),  # of compose.cluster.yaml
        ("atelier-engine", False),
        ("Q3AM3UQ867SPQQA43P2F", True),
        ("a67bb04f7f1f3d6c2a83f30c2d9b6c11", True),
    ],
)
def test_access_key_that_is_a_plain_name_is_not_a_secret(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, key: str, is_blanked: bool
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    assert (key in secrets_of(settings)) is is_blanked


def test_abandoned_connection_error_is_not_logged(
    log_output: io.StringIO,
) -> None:
    log, text = logging.getLogger("asyncio"), "unexpected connection_lost() call"
    log.error("Future exception was never retrieved\nfuture: <%r>", ConnectionError(text))
    assert not log_output.getvalue()
    log.error("Future exception was never retrieved\nfuture: <%r>", ValueError("ours"))
    assert "ours" in log_output.getvalue()


def test_no_secret_is_logged_at_debug_whatever_fails(log_output: io.StringIO) -> None:
    secrets = {
        "pass/word9": ConnectionError("password 'pass/word9' was refused"),
        TOKEN: RuntimeError(f"401 for {TOKEN}"),
        INTERACTION_TOKEN: LookupError(f"/webhooks/1/{INTERACTION_TOKEN}/messages/@original"),
        "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY": OSError(
            "key wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
        ),
    }
    for secret, error in secrets.items():
        logging.getLogger("bot").error("It failed: %s", error, exc_info=error)
        logging.getLogger("engine").debug("args %r", (str(error), {"url": secret}))
    text = log_output.getvalue()
    assert text.count("\n") == 2 * len(secrets)
    for secret in secrets:
        assert secret not in text


def test_log_line_for_machines_is_one_json_object(log_output: io.StringIO) -> None:
    with log_ids(job=12, member=34, server=None):
        error = ValueError("two\nlines")
        logging.getLogger("engine").error("job %d failed", 12, exc_info=error)
    (line,) = log_output.getvalue().splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == (
        "ERROR",
        "engine",
        "job 12 failed",
    )
    assert (entry["job"], entry["member"]) == (12, 34)
    assert "server" not in entry
    assert "ValueError: two" in entry["error"]
    assert entry["time"].endswith("Z")


def test_log_ids_follow_the_message_in_human_format() -> None:
    formatter = RedactingFormatter(HUMAN)
    record = logging.LogRecord("bot", logging.INFO, __file__, 1, "shown", None, None)
    with log_ids(job=7):
        with log_ids(engine="a-1"):
            assert formatter.format(record).endswith("bot: shown [job=7 engine=a-1]")
        assert formatter.format(record).endswith("bot: shown [job=7]")
    assert formatter.format(record).endswith("bot: shown")


async def test_log_ids_propagate_only_to_own_tasks_and_threads() -> None:
    formatter = RedactingFormatter(JSON)
    record = logging.LogRecord("bot", logging.INFO, __file__, 1, "x", None, None)

    async def logged_job(number: int) -> object:
        with log_ids(job=number):
            await asyncio.sleep(0)
            return json.loads(await asyncio.to_thread(formatter.format, record)).get("job")

    assert list(await asyncio.gather(logged_job(1), logged_job(2))) == [1, 2]
    assert "job" not in json.loads(formatter.format(record))


def test_libraries_do_not_print_payloads_at_debug(log_output: io.StringIO) -> None:
    for name in ("discord.http", "botocore.auth", "aiosqlite", "sqlalchemy.engine.Engine"):
        logging.getLogger(name).debug("payload: a member's words")
    logging.getLogger("jobs").debug("ours")
    assert "payload" not in log_output.getvalue()
    assert "ours" in log_output.getvalue()


def test_already_formatted_traceback_is_kept() -> None:
    record = logging.LogRecord("bot", logging.ERROR, __file__, 1, "x", None, None)
    record.exc_text = "".join(traceback.format_exception(ValueError("earlier")))
    assert "earlier" in json.loads(RedactingFormatter(JSON).format(record))["error"]


def test_extra_fields_appear_in_json_lines(log_output: io.StringIO) -> None:
    with log_ids(job=7):
        logging.getLogger("engine").info("job %d: done", 7, extra={"fields": {"size_px": 512}})
    line = json.loads(log_output.getvalue())
    assert (line["message"], line["job"], line["size_px"]) == ("job 7: done", 7, 512)


def test_abandoned_request_errors_are_not_logged() -> None:
    """An unreachable store would otherwise cause hundreds of tracebacks."""
    with captured_log(Settings(_env_file=None)) as output:
        logging.getLogger("asyncio").error(
            "Task exception was never retrieved\nfuture: <Task coro=<ClientRequest.write_bytes()>"
        )
        logging.getLogger("asyncio").error(
            "Exception in callback _ProactorBasePipeTransport._call_connection_lost(None)"
        )
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task x>")
        logging.getLogger("bot").info(
            "x", extra={"fields": {"network": "postgres://u:hunter2@h/d"}}
        )
    assert "write_bytes" not in output.getvalue()
    assert "connection_lost" not in output.getvalue()
    assert "<Task x>" in output.getvalue()
    assert "hunter2" not in output.getvalue()
