"""Database URLs: translates the options on which SQLAlchemy and asyncpg disagree."""

import os
import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa

from common.keepalive import enable_keepalive
from jobs.outcomes import DatabaseAddressError

_DRIVERS = {"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
_IN_MEMORY = {None, "", ":memory:"}
"""Database names that SQLite keeps in memory, so that only one process has them."""
_SSL_WORDS = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
_TIMEOUT = "connect_timeout"
_NOT_DONE = {"channel_binding": {"disable", "prefer"}, "gssencmode": {"disable", "allow", "prefer"}}
"""Options of libpq that asyncpg lacks, with the values that can be ignored."""
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
"""Options that name files."""
_SYSTEM = "system"
"""As `sslrootcert`: the authorities that the system trusts."""
_SEVERAL_HOSTS = re.compile(r"([^:]+://(?:[^/?]*@)?)([^/?@]*,[^/?@]*)([/?].*)?", re.DOTALL)
"""libpq's addresses of several servers: what is before the hosts, the hosts, the rest."""
_LAST_PORT = 65535
_NO_ADDRESS = (
    "ATELIER_DATABASE_URL is not the address of a database, such as "
    "postgresql+asyncpg://user:password@host/name; in a password @ is written as %40, : as %3A, "
    "/ as %2F and % as %25."
)
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 12.0
"""Client-side timeout of a statement; the server's is shorter."""
_SHORT_STATEMENTS = {
    # The same small statements run over and over: planning each anew costs more than running it,
    # and their plans do not depend on the values.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}
_SERVER_LIMITS = {
    # Statements must not wait forever for a client that is gone, or suspended in a transaction.
    "statement_timeout": "10s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""Settings of each session; those in the URL's `options` take precedence."""
_TIMEOUTS = [name for name in _SERVER_LIMITS if name.endswith("timeout")]
STARTUP_SETTINGS = (*_SHORT_STATEMENTS, *_SERVER_LIMITS)
"""Names of the settings that each connection is begun with."""
_LOSS_PROBES = (15, 5, 3)
"""TCP keepalive of the client, where the system supports it."""


def parse_address(url: str) -> sa.URL:
    """Parse a database URL in its common spellings, and set the asynchronous driver.

    Raises:
        DatabaseAddressError: when it is not a usable database URL.
    """
    if url.startswith("postgres://"):
        url = "postgresql://" + url.removeprefix("postgres://")
    hosts = ""
    if several := _SEVERAL_HOSTS.fullmatch(url):
        before, hosts, rest = several.groups()
        url = before + (rest or "")
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # The URL itself is left out: it contains a password.
        raise DatabaseAddressError(_NO_ADDRESS) from None
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
    if hosts:
        parsed = _with_hosts(parsed, hosts)
    elif (parsed.host or "").casefold().startswith("%2f"):  # the folder of a Unix socket
        parsed = _with_hosts(parsed, f"{parsed.host}:{parsed.port or ''}")
    ports = ",".join(parsed.normalized_query.get("port", (str(parsed.port or ""),)))
    for port in filter(None, ports.split(",")):
        if not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
            raise DatabaseAddressError(
                f"ATELIER_DATABASE_URL names the port {port}, which has to be a number from 1 to "
                f"{_LAST_PORT}."
            )
    return parsed.set(drivername=driver)


def _with_hosts(url: sa.URL, hosts: str) -> sa.URL:
    """The URL with these hosts as options, as SQLAlchemy cannot have them before the path."""
    names, ports = [], []
    for one in hosts.split(","):
        name, colon, port = one.rpartition(":")
        if not colon or "]" in port:  # an IPv6 address without a port
            name, port = one, ""
        names.append(unquote(name))
        ports.append(port or "5432")
    if not all(names):
        raise DatabaseAddressError(_NO_ADDRESS)
    options = {"host": ",".join(names), "port": ",".join(ports)}
    return url._replace(host=None, port=None).update_query_dict(options)


def connect_arguments(url: sa.URL, *, without_timeouts: bool = False) -> dict[str, Any]:
    """The arguments for asyncpg's `connect`.

    Args:
        url: a PostgreSQL URL that `parse_address` returned.
        without_timeouts: whether to run without statement timeouts, as migrations do.

    Raises:
        DatabaseAddressError: for an option that asyncpg lacks and that must not be ignored.
    """
    query = {name: ",".join(values) for name, values in url.normalized_query.items()}
    if (words := query.pop("ssl", None)) is not None:  # SQLAlchemy's name
        query["sslmode"] = _SSL_WORDS.get(words.casefold(), words)
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
    for name in _FILES:
        file = query.get(name)
        if file and file != _SYSTEM and not os.access(Path(file).expanduser(), os.R_OK):
            raise DatabaseAddressError(
                f"ATELIER_DATABASE_URL names as {name} the file {file}, which cannot be read."
            )
    if path := query.pop("search_path", None):  # which asyncpg takes so, and pg_dump does not
        words = re.sub(r"([\s\\])", r"\\\1", path)
        query["options"] = f"{query.get('options', '')} -csearch_path={words}".lstrip()
    query.setdefault("application_name", "atelier")
    dsn = url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)
    arguments = {"dsn": dsn, "timeout": float(seconds) if int(seconds) else CONNECT_SECONDS}
    if query.get("sslrootcert") == _SYSTEM:  # which libpq knows, and asyncpg does not
        arguments["ssl"] = ssl.create_default_context()
    chosen = query.get("options", "")
    if without_timeouts:
        # Also without those that are set for this user or database.
        none = {name: "0" for name in _TIMEOUTS if name not in chosen}
        return {**arguments, "server_settings": _SHORT_STATEMENTS | none}
    limits = {name: value for name, value in _SERVER_LIMITS.items() if name not in chosen}
    return {
        **arguments,
        "server_settings": _SHORT_STATEMENTS | limits,
        # A longer timeout on the server needs a longer one here, too.
        "command_timeout": STATEMENT_SECONDS if "statement_timeout" in limits else None,
    }


def keep_alive(connection: Any) -> None:
    """Enable TCP keepalive on an asyncpg connection."""
    transport = getattr(connection, "_transport", None)
    if transport is not None:
        enable_keepalive(transport.get_extra_info("socket"), _LOSS_PROBES)
