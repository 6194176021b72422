"""Which statements a queue executes: each is a round trip, some while locks are held."""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from jobs.queue import JobQueue


@contextlib.contextmanager
def statements(queue: JobQueue) -> Iterator[list[str]]:
    """The statements that the queue executes inside."""
    said: list[str] = []

    def hear(_c: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    engine = queue.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)
