"""Addresses of databases: SQLAlchemy and asyncpg parse them, but for what they do not agree on."""

from typing import Any

import sqlalchemy as sa

from jobs.outcomes import QueueUnavailableError

_DRIVERS = {"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
_SSL_WORDS = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
_TIMEOUT = "connect_timeout"
_NOT_DONE = {"channel_binding": {"disable", "prefer"}, "gssencmode": {"disable", "allow", "prefer"}}
"""What PostgreSQL's own library has and asyncpg has not, and the values that allow it not to."""
_SHORT_STATEMENTS = {
    # The same small statements over and over: planning each anew costs more than running it,
    # and their plans do not depend on the values.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


def parse_address(url: str) -> sa.URL:
    """Accept the common spellings of an address and choose the asynchronous driver.

    Raises:
        QueueUnavailableError: when it is no address of a database that can be used.
    """
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Without the address itself: there is a password in it.
        raise QueueUnavailableError(
            "ATELIER_DATABASE_URL is not the address of a database, such as "
            "postgresql+asyncpg://user:password@host/name."
        ) from None
    if (driver := _DRIVERS.get(parsed.get_backend_name())) is None:
        raise QueueUnavailableError(
            "ATELIER_DATABASE_URL has to begin with sqlite or postgresql, "
            f"not with {parsed.get_backend_name()}."
        )
    return parsed.set(drivername=driver)


def connect_arguments(url: sa.URL) -> dict[str, Any]:
    """What asyncpg's `connect` is given, by whoever calls it; it refuses what it cannot do.

    Args:
        url: an address of PostgreSQL that `parse_address` returned.

    Raises:
        QueueUnavailableError: for what would be missed if it were left out.
    """
    query = {name: ",".join(values) for name, values in url.normalized_query.items()}
    if (ssl := query.pop("ssl", None)) is not None:  # as SQLAlchemy names it
        query["sslmode"] = _SSL_WORDS.get(ssl.casefold(), ssl)
    for name, harmless in _NOT_DONE.items():
        if query.pop(name, "disable") not in harmless:
            raise QueueUnavailableError(
                f"ATELIER_DATABASE_URL asks for {name}, which cannot be used here; "
                "please remove it."
            )
    if not (seconds := query.pop(_TIMEOUT, "0")).isdecimal():
        raise QueueUnavailableError(
            f"ATELIER_DATABASE_URL has a {_TIMEOUT} that is no number of seconds."
        )
    query.setdefault("application_name", "atelier")
    dsn = url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)
    arguments: dict[str, Any] = {"dsn": dsn, "server_settings": _SHORT_STATEMENTS}
    # 0, as there: as long as it takes
    return {**arguments, "timeout": float(seconds)} if int(seconds) else arguments
