"""PostgreSQL's and asyncpg's errors as sentences for the owner: what is wrong, and what to do.

They name the database's address by its setting, and never contain it: it has a password.
"""

import contextlib
import re
import socket
from collections.abc import Iterator
from types import ModuleType

from jobs.db.addresses import STARTUP_SETTINGS
from jobs.outcomes import DatabaseAddressError, QueueUnavailableError

READ_ONLY = "25006"
"""SQLSTATE of a write where it is not allowed."""
_UNUSABLE = (
    "08",  # the connection broke
    READ_ONLY,
    "25P03",  # the transaction was idle for too long
    "25P04",  # the transaction took too long
    "28",  # authentication failed
    "3D",  # there is no such database
    "3F",  # there is no such schema
    "40",  # deadlock or serialization failure: try again
    "42501",  # a privilege is lacking
    "42704",  # the address names an unknown object
    "53",  # no connection, memory or disk space left
    "55P03",  # a lock is not available
    "57",  # starting or shutting down
    "58",  # system error
)
"""SQLSTATE prefixes of errors that concern the server, not the statement."""

WRITE_ELSEWHERE = (
    "name the server that can be written in ATELIER_DATABASE_URL: this one is a standby, or "
    "default_transaction_read_only is on"
)
_NO_SCHEMA = "create the schema that its search_path names, and let this user use it"
_ADVICE = {
    READ_ONLY: WRITE_ELSEWHERE,
    "28P01": "check the user and the password in ATELIER_DATABASE_URL",
    "28": "check the user in ATELIER_DATABASE_URL, and whom the server admits (pg_hba.conf)",
    "3D": "create it, or name another in ATELIER_DATABASE_URL",
    "3F": _NO_SCHEMA,
    "42704": "please remove it from ATELIER_DATABASE_URL",
    "53300": "raise max_connections or the limit of this user, or run fewer engines",
}
"""What to do about errors, by SQLSTATE or its beginning."""

_CLOSED = "08003"
"""SQLSTATE of a connection that broke while it was used."""

_MAY_NOT = "42501"
_OF_THE_BOT = "the user of the bot owns the tables, and has to allow this one to use them (GRANT)"
_PRIVILEGES = {
    r"schema|schéma|esquema": "start the bot first, which makes the tables, and whose user has to "
    "be allowed to (GRANT CREATE ON SCHEMA)",
    r"database|datenbank|base de d": "allow it to this user (GRANT CONNECT ON DATABASE)",
    "alembic_version": "if it is another program's, give Atelier a schema or database of its own; "
    f"else {_OF_THE_BOT}",
    "": _OF_THE_BOT,
}
"""What to do about a lacking privilege, by a word of the message in the server's language."""

_OTHER_SERVER = "it gives each transaction another connection"
_OF_A_POOLER = {
    "startup parameter": "it refuses what a connection is begun with; name PostgreSQL itself, or "
    "let it pool sessions and ignore these: "
    f"ignore_startup_parameters = {', '.join(STARTUP_SETTINGS)}",
    "pooling mode": f"{_OTHER_SERVER}; name PostgreSQL itself, or let it pool sessions",
    "26000": f"{_OTHER_SERVER}; name PostgreSQL itself, or let it pool sessions",
}
"""Errors that a connection pooler causes, by SQLSTATE or a part of the message, with the reason."""
_OF_A_POOLER["42P05"] = _OF_A_POOLER["26000"]
_POOLER_ITSELF = {"08P01", "08003"}
"""Under these a pooler reports errors of its own, in its own words."""

_OF_ASYNCPG = {
    "TargetServerAttributeNotMatched": "The database cannot be used: none of its servers is as "
    "target_session_attrs in ATELIER_DATABASE_URL asks.",
    # The server closed the connection before a statement was sent.
    "InternalClientError": "The connection to the database was lost.",
}
"""What its own errors mean; a class stands before those that it derives from."""

_NOT_FOUND = "is PostgreSQL running, and are host and port in ATELIER_DATABASE_URL right?"
_SILENT = "it does not answer; its server may be too busy, or a pooler have no connection left"


def pooler_error(reason: str = "") -> DatabaseAddressError:
    """The error for a pooler that shares connections, or cannot be used for another reason."""
    return DatabaseAddressError(
        "ATELIER_DATABASE_URL leads to a pooler, such as PgBouncer, that cannot be used so: "
        f"{reason or _OF_A_POOLER['26000']}."
    )


def no_schema_error() -> QueueUnavailableError:
    """The error for a search path that names no schema in which tables can be made."""
    return QueueUnavailableError(f"The database has no schema for tables; {_NO_SCHEMA}.")


def explained(error: BaseException) -> QueueUnavailableError | None:
    """The error for the owner; None if it is about the statement, so that the program is wrong.

    Args:
        error: of asyncpg, or any with an SQLSTATE.
    """
    code = str(getattr(error, "sqlstate", None))
    said = _first_line(error)
    for sign, reason in _OF_A_POOLER.items():
        if sign == code or (code in _POOLER_ITSELF and sign in said):
            return pooler_error(f"{reason} ({said})")
    if _is_of_asyncpg(error, "ClientConfigurationError"):
        return DatabaseAddressError(f"ATELIER_DATABASE_URL cannot be used: {said}.")
    for name, sentence in _OF_ASYNCPG.items():
        if _is_of_asyncpg(error, name):
            return QueueUnavailableError(sentence)
    if code == _CLOSED:
        return lost(error)
    if not code.startswith(_UNUSABLE):
        return None
    advice = next((words for start, words in _ADVICE.items() if code.startswith(start)), "")
    if code == _MAY_NOT:
        found = (
            words for word, words in _PRIVILEGES.items() if re.search(word, said, re.IGNORECASE)
        )
        advice = next(found)
    return QueueUnavailableError(
        f"The database cannot be used: {said}{'; ' if advice else ''}{advice}."
    )


def lost(error: BaseException) -> QueueUnavailableError:
    """The error for a connection that broke, with the server's reason if it gave one."""
    _, _, reason = _first_line(error).partition("in the middle of operation: ")
    return QueueUnavailableError(
        f"The connection to the database was lost{': ' if reason else ''}{reason}."
    )


def unreachable(error: BaseException) -> QueueUnavailableError:
    """The error for a failed connection."""
    reason = _first_line(error) or _SILENT
    is_not_found = isinstance(error, socket.gaierror | ConnectionRefusedError | FileNotFoundError)
    if is_not_found or "Connect call failed" in reason:  # one of several addresses
        reason += f"; {_NOT_FOUND}"
        return QueueUnavailableError(f"The database cannot be reached: {reason}")
    return QueueUnavailableError(f"The database cannot be reached: {reason}.")


@contextlib.contextmanager
def translating_asyncpg_errors() -> Iterator[ModuleType]:
    """Yields asyncpg; its errors in the block become `QueueUnavailableError`."""
    try:
        with translating_server_errors() as asyncpg:
            yield asyncpg
    except (OSError, TimeoutError) as error:
        raise unreachable(error) from error


@contextlib.contextmanager
def translating_server_errors() -> Iterator[ModuleType]:
    """As `translating_asyncpg_errors`, but for system errors, which may be of a file."""
    import asyncpg  # noqa: PLC0415 - an extra that SQLite's users do not install

    try:
        yield asyncpg
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        sentence = f"The database cannot be used: {_first_line(error)}."
        raise (explained(error) or QueueUnavailableError(sentence)) from error


def _first_line(error: BaseException) -> str:
    """What an error says, without details and hints."""
    line, *_ = str(error).splitlines() or [""]
    return line.rstrip(".")


def _is_of_asyncpg(error: BaseException, name: str) -> bool:
    """Whether it is of this class of asyncpg or derives from it; asyncpg need not be there."""
    return any(
        one.__name__ == name and one.__module__.startswith("asyncpg.")
        for one in type(error).__mro__
    )
