"""Addresses of databases: SQLAlchemy and asyncpg parse them, but for what they do not agree on."""

import contextlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import sqlalchemy as sa

from common.keepalive import notice_loss
from jobs.outcomes import DatabaseAddressError, QueueUnavailableError

_DRIVERS = {"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
_IN_MEMORY = {None, "", ":memory:"}
"""What SQLite takes for a database that its one process alone has."""
_SSL_WORDS = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
_TIMEOUT = "connect_timeout"
_NOT_DONE = {"channel_binding": {"disable", "prefer"}, "gssencmode": {"disable", "allow", "prefer"}}
"""What PostgreSQL's own library has and asyncpg has not, and the values that allow it not to."""
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 12.0
"""How long this side waits for the answer to a statement; the other side gives up sooner."""
_SHORT_STATEMENTS = {
    # The same small statements over and over: planning each anew costs more than running it,
    # and their plans do not depend on the values.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}
_SERVER_LIMITS = {
    # What waits for a client that is gone, or asleep amid a transaction, must not wait for ever.
    "statement_timeout": "10s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""For each session; what the address sets by `options` is left as it is."""
_LOSS_PROBES = (15, 5, 3)
"""The same on this side, where the system has it."""


def parse_address(url: str) -> sa.URL:
    """Accept the common spellings of an address and choose the asynchronous driver.

    Raises:
        DatabaseAddressError: when it is no address of a database that can be used.
    """
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Without the address itself: there is a password in it.
        raise DatabaseAddressError(
            "ATELIER_DATABASE_URL is not the address of a database, such as "
            "postgresql+asyncpg://user:password@host/name; in a password @ is written as %40, : as "
            "%3A, / as %2F and % as %25."
        ) from None
    if (driver := _DRIVERS.get(parsed.get_backend_name())) is None:
        raise DatabaseAddressError(
            "ATELIER_DATABASE_URL has to begin with sqlite or postgresql, "
            f"not with {parsed.get_backend_name()}."
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in _IN_MEMORY:
        raise DatabaseAddressError(
            "ATELIER_DATABASE_URL names no file; bot and engine are programs of their own, which "
            "share one, such as sqlite:////srv/atelier/atelier.sqlite3."
        )
    return parsed.set(drivername=driver)


def connect_arguments(url: sa.URL, *, patient: bool = False) -> dict[str, Any]:
    """What asyncpg's `connect` is given, by whoever calls it; it refuses what it cannot do.

    Args:
        url: an address of PostgreSQL that `parse_address` returned.
        patient: whether its statements may take as long as they do, as a migration's.

    Raises:
        DatabaseAddressError: for what would be missed if it were left out.
    """
    query = {name: ",".join(values) for name, values in url.normalized_query.items()}
    if (ssl := query.pop("ssl", None)) is not None:  # as SQLAlchemy names it
        query["sslmode"] = _SSL_WORDS.get(ssl.casefold(), ssl)
    for name, harmless in _NOT_DONE.items():
        if query.pop(name, "disable") not in harmless:
            raise DatabaseAddressError(
                f"ATELIER_DATABASE_URL asks for {name}, which cannot be used here; "
                "please remove it."
            )
    if not (seconds := query.pop(_TIMEOUT, "0")).isdecimal():
        raise DatabaseAddressError(
            f"ATELIER_DATABASE_URL has a {_TIMEOUT} that is not a number of seconds."
        )
    query.setdefault("application_name", "atelier")
    dsn = url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)
    arguments = {"dsn": dsn, "timeout": float(seconds) if int(seconds) else CONNECT_SECONDS}
    if patient:
        return {**arguments, "server_settings": _SHORT_STATEMENTS}
    chosen = query.get("options", "")
    limits = {name: value for name, value in _SERVER_LIMITS.items() if name not in chosen}
    return {
        **arguments,
        "server_settings": _SHORT_STATEMENTS | limits,
        # Who asks for a longer time on the other side needs no shorter one on this.
        "command_timeout": STATEMENT_SECONDS if "statement_timeout" in limits else None,
    }


@contextlib.contextmanager
def reaching() -> Iterator[ModuleType]:
    """The module asyncpg, whose errors in the block say that the database cannot be reached."""
    import asyncpg  # noqa: PLC0415 - an extra that SQLite's users do not install

    try:
        yield asyncpg
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise unreachable(error) from error


def unreachable(error: Exception) -> QueueUnavailableError:
    """The sentence for a connection that was not made; others may stand behind it."""
    reason = str(error).rstrip(".") or "it does not answer"
    return QueueUnavailableError(f"The database cannot be reached: {reason}.")


def keep_alive(connection: Any) -> None:
    """Let the system find out that the other side of an asyncpg connection is gone."""
    transport = getattr(connection, "_transport", None)
    if transport is not None:
        notice_loss(transport.get_extra_info("socket"), _LOSS_PROBES)
