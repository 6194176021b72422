"""Logging of all processes: one format, IDs where known, never a secret."""

import contextlib
import contextvars
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import ParamSpec, TextIO, TypeVar
from urllib.parse import unquote, urlsplit

from common.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

HUMAN, JSON = "human", "json"

_about: ContextVar[dict[str, object] | None] = ContextVar("atelier_log_ids", default=None)

_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_KEY_VARIABLE = "AWS_ACCESS_KEY_ID"
_MADE_KEY = re.compile(r"(?=.*\d)\w{16,}")
"""A generated key. A self-chosen one is used like a user name: `atelier` is also the name of a
bucket, a database and the program, which a log must show."""
_SHORTEST_SECRET = 6
"""Shorter secrets (empty, `test`) occur in too many ordinary words to be redacted."""

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Interaction tokens in paths of Discord's API.
    (re.compile(r"/(webhooks|interactions)/(\d+)/[\w.\-~%]{8,}"), r"/\1/\2/[token]"),
    # Interaction tokens anywhere: base64 of "interaction:", the ID and a secret.
    (re.compile(r"aW50ZXJhY3Rpb24[\w\-=%]{10,}"), "[token]"),
    (re.compile(r"\b(Bot|Bearer) [\w.\-]{20,}"), r"\1 [token]"),
    # Proxy credentials: user and password in base64.
    (re.compile(r"(Authorization\W{1,6}Basic )[\w+/=]+", re.IGNORECASE), r"\1[password]"),
    # Bot tokens anywhere: ID, time and signature in base64.
    (re.compile(r"\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}\b"), "[token]"),
    (
        re.compile(r"(token\\?['\"]?\s*[:=]\s*\\?['\"]?)[\w.\-~%+/=]{16,}", re.IGNORECASE),
        r"\1[token]",
    ),
    # Anything named a password or key, in headers, arguments, JSON and URLs.
    (
        re.compile(
            r"((?:password|passwd|secret(?:_access_key)?)\\?['\"]?\s*[:=]\s*)"
            r"(?:\\?'[^'\n]*'|\\?\"[^\"\n]*\"|[^\s,;&'\"})]+)",
            re.IGNORECASE,
        ),
        r"\1[secret]",
    ),
    (re.compile(r"\bA[KS]IA[A-Z0-9]{8,}"), "[key]"),
    # Signatures of URLs: Discord's attachments, S3's requests.
    (
        re.compile(
            r"((?:[?&;]|%3F|%26)"
            r"(?:ex|is|hm|sig|signature|X-Amz-(?:Signature|Credential|Security-Token))(?:=|%3D))"
            r"[^&\s'\"<>)]+",
            re.IGNORECASE,
        ),
        r"\1[signed]",
    ),
    (re.compile(r"(AWS4-HMAC-SHA256 Credential=|Signature=)[^\s,'\"]+"), r"\1[signed]"),
    # Passwords in URLs.
    (re.compile(r"(\b[a-z][\w+.\-]*://[^\s:/@'\"]*):[^\s/'\"]+@"), r"\1:[password]@"),
)

_LEAST_LEVEL = {
    "discord": logging.INFO,  # at DEBUG it logs all payloads, including what members wrote
    "sqlalchemy": logging.WARNING,
    "aiosqlite": logging.INFO,
    "asyncpg": logging.INFO,
    "aiobotocore": logging.INFO,
    "botocore": logging.INFO,
    "s3fs": logging.INFO,
    "fsspec": logging.INFO,
    "aiohttp": logging.INFO,
    "asyncio": logging.INFO,
    "alembic": logging.WARNING,
    "PIL": logging.WARNING,
    "matplotlib": logging.WARNING,
}
"""Minimum log levels of libraries, whatever our own level is."""


_NOBODYS = (
    # aiohttp's writer when the connection broke; the reader reports it to the caller and the log.
    ("Task exception was never retrieved", "ClientRequest.write_bytes()"),
    # asyncpg, when a connection attempt was cancelled.
    ("Future exception was never retrieved", "unexpected connection_lost() call"),
    # Windows' event loop, each time that a browser resets its connection.
    ("Exception in callback", "_ProactorBasePipeTransport._call_connection_lost"),
)
"""Messages that nobody can act on."""


def is_actionable(record: logging.LogRecord) -> bool:
    """Whether somebody can act on a library's message."""
    if record.name != "asyncio":
        return True
    message = record.getMessage()
    return not any(all(words in message for words in each) for each in _NOBODYS)


@contextlib.contextmanager
def log_ids(**ids: object) -> Iterator[None]:
    """Add IDs to every line logged in the block, and in tasks and threads started in it.

    Args:
        ids: for example `job=12, member=…, server=…, engine=…`; None removes one.
    """
    token = add_log_ids(**ids)
    try:
        yield
    finally:
        _about.reset(token)


def add_log_ids(**ids: object) -> contextvars.Token[dict[str, object] | None]:
    """As `log_ids`, for the rest of the task that runs now."""
    return _about.set({**(_about.get() or {}), **{k: v for k, v in ids.items() if v is not None}})


def with_log_ids(call: Callable[P, T]) -> Callable[P, T]:
    """Wrap a call so that it logs the current IDs when another thread makes it, once."""
    context = contextvars.copy_context()

    def carried(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.run(call, *args, **kwargs)

    return carried


def redacted(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Redact tokens, signatures, passwords and these secrets in a text."""
    for secret in secrets:
        text = text.replace(secret, "[secret]")
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Redacts secrets in the formatted line, so that tracebacks and arguments are covered."""

    def __init__(self, form: str = HUMAN, secrets: tuple[str, ...] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._form = form
        # Longest first: one secret may be part of another.
        self._secrets = tuple(sorted(set(secrets), key=len, reverse=True))

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as JSON or plain text, with secrets redacted."""
        ids = _about.get() or {}
        if self._form == JSON:
            return self._as_json(record, ids)
        text = super().format(record)
        if ids:
            head, *rest = text.split("\n", 1)
            head = f"{head} [{' '.join(f'{name}={value}' for name, value in ids.items())}]"
            text = "\n".join((head, *rest))
        return redacted(text, self._secrets)

    def _as_json(self, record: logging.LogRecord, ids: dict[str, object]) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage(), self._secrets),
        }
        line.update({name: value if isinstance(value, int) else str(value)
                     for name, value in ids.items()})  # fmt: skip
        for name, value in getattr(record, "fields", {}).items():  # also contained in the message
            line[name] = redacted(value, self._secrets) if isinstance(value, str) else value
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = redacted(self.formatException(record.exc_info), self._secrets)
        elif record.exc_text:
            line["error"] = redacted(record.exc_text, self._secrets)
        return json.dumps(line, ensure_ascii=False)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """All values that must not be logged, from the settings and the S3 client's environment."""
    values = {os.environ.get(name, "") for name in _SECRET_VARIABLES}
    if _MADE_KEY.fullmatch(key := os.environ.get(_KEY_VARIABLE, "")):
        values.add(key)
    if settings.discord_token is not None:
        values.add(settings.discord_token.get_secret_value())
    addresses = (
        settings.database_url,
        settings.storage_url,
        os.environ.get("AWS_ENDPOINT_URL", ""),
    )
    for address in addresses:
        with contextlib.suppress(ValueError):  # an invalid URL is refused later
            password = urlsplit(address).password
            if password:
                values |= {password, unquote(password)}
    return tuple(value for value in values if len(value) >= _SHORTEST_SECRET)


def set_up_logging(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Log to standard error: plain text on a terminal, else one JSON object per line.

    Args:
        settings: for the log level, and the secrets to redact.
        stream: to write to instead.
    """
    target = stream or sys.stderr
    form = HUMAN if target.isatty() else JSON
    handler = logging.StreamHandler(target)
    handler.setFormatter(RedactingFormatter(form, secrets_of(settings)))
    handler.addFilter(is_actionable)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.atelier_log_level)
    logging.captureWarnings(capture=True)
    for name, least in _LEAST_LEVEL.items():
        logging.getLogger(name).setLevel(max(least, root.level))
