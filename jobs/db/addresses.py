"""Addresses of databases: their many spellings, and what the driver makes of them."""

from typing import Any

import sqlalchemy as sa

from jobs.outcomes import QueueUnavailable

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SSL_WORDS = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
_TAKEN = frozenset(
    {
        *("host", "port", "user", "password", "passfile", "service", "target_session_attrs"),
        *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword"),
        *("sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version"),
        *("krbsrvname", "gsslib"),
    }
)
"""What asyncpg understands in an address, of the names that PostgreSQL's own library has."""
_SETTINGS = frozenset({"application_name", "options"})
"""What goes to the server as it is."""
_TIMEOUT = "connect_timeout"
_NOT_DONE = {"channel_binding": {"disable", "prefer"}, "gssencmode": {"disable", "allow", "prefer"}}
"""What asyncpg cannot do, and the values that allow it not to."""
_SHORT_STATEMENTS = {
    # The same small statements over and over: planning each anew costs more than running it,
    # and their plans do not depend on the values.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "application_name": "atelier",
}


def parse_address(url: str) -> sa.URL:
    """Accept the common spellings of an address and choose the asynchronous driver.

    Raises:
        QueueUnavailable: when it is no address of a database that can be used.
    """
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Without the address itself: there is a password in it.
        raise QueueUnavailable(
            "ATELIER_DATABASE_URL is not the address of a database, such as "
            "postgresql+asyncpg://user:password@host/name."
        ) from None
    drivers = {"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
    driver = drivers.get(parsed.get_backend_name())
    if driver is None:
        raise QueueUnavailable(
            "ATELIER_DATABASE_URL has to begin with sqlite or postgresql, "
            f"not with {parsed.get_backend_name()}."
        )
    parsed = parsed.set(drivername=driver)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(query=_in_one_spelling(parsed))
    return parsed


def _in_one_spelling(url: sa.URL) -> dict[str, str]:
    """What stands behind the question mark, as asyncpg names it.

    Raises:
        QueueUnavailable: for what it does not have; left out, it might be missed.
    """
    found: dict[str, str] = {}
    for asked, values in url.normalized_query.items():
        name = "sslmode" if asked == "ssl" else asked
        value = ",".join(values) if name in {"host", "port"} else values[-1]
        if value in _NOT_DONE.get(name, ()):
            continue
        if asked == "ssl":
            value = _SSL_WORDS.get(value.casefold(), value)
        if name not in _TAKEN | _SETTINGS | {_TIMEOUT}:
            raise QueueUnavailable(
                f"ATELIER_DATABASE_URL asks for {name}, which cannot be used here; "
                "please remove it."
            )
        if name == "sslmode" and value not in _SSL_MODES:
            raise QueueUnavailable(
                f"ATELIER_DATABASE_URL has an unknown sslmode; there are {', '.join(_SSL_MODES)}."
            )
        if name == _TIMEOUT and not value.isdecimal():
            raise QueueUnavailable(
                f"ATELIER_DATABASE_URL has a {_TIMEOUT} that is no number of seconds."
            )
        found[name] = value
    return found


def connect_arguments(url: sa.URL) -> dict[str, Any]:
    """What asyncpg's `connect` is given, by whoever calls it.

    Args:
        url: an address of PostgreSQL that `parse_address` returned.
    """
    query = {name: str(value) for name, value in url.query.items()}
    settings = {name: query[name] for name in _SETTINGS & query.keys()}
    seconds = int(query.get(_TIMEOUT, 0))  # 0, as there: as long as it takes
    in_dsn = {name: value for name, value in query.items() if name in _TAKEN}
    dsn = url.set(drivername="postgresql", query=in_dsn).render_as_string(hide_password=False)
    arguments: dict[str, Any] = {"dsn": dsn, "server_settings": {**_SHORT_STATEMENTS, **settings}}
    return {**arguments, "timeout": float(seconds)} if seconds else arguments
