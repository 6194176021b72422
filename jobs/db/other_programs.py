"""Tells tables of Atelier from those of another program that have the same names."""

import re
from collections.abc import Collection

from jobs.db import schema
from jobs.outcomes import DatabaseAddressError

REVISION_TABLE = "alembic_version"
"""Alembic's own table, which other programs have as well."""
TABLES = (*schema.metadata.tables, REVISION_TABLE)
"""Of this and of earlier versions."""
_OURS = re.compile(r"\d{4}")
"""All revisions of Atelier, also of versions to come. Alembic itself gives them twelve digits."""


def refuse_other_programs(revision: str | None, tables: Collection[str] = ()) -> None:
    """Refuse a database, or a schema of PostgreSQL, in which another program has such tables.

    Args:
        revision: the one in `alembic_version`; None if there is none.
        tables: the names of all tables there, needed only if there is none.

    Raises:
        DatabaseAddressError: if another program made some of them.
    """
    if revision is not None and _OURS.fullmatch(revision):
        return
    theirs = [name for name in TABLES if name in tables]
    if revision is not None:
        theirs = [REVISION_TABLE]
    if theirs:
        raise DatabaseAddressError(
            "ATELIER_DATABASE_URL leads to tables of another program, such as "
            f"{theirs[0]}. Atelier needs a database of its own, or in PostgreSQL a schema of its "
            "own, which ?options=-csearch_path%3DNAME in the address chooses."
        )
