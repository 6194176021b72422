"""Records the SQL statements of a queue, as each one is a round trip."""

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from jobs.queue import JobQueue


@contextlib.contextmanager
def statements(queue: JobQueue) -> Iterator[list[str]]:
    """Record the statements that the queue executes within the block."""
    executed: list[str] = []

    def record(_c: object, _cursor: object, statement: str, *_: object) -> None:
        executed.append(statement)

    engine = queue.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", record)
    try:
        yield executed
    finally:
        sa.event.remove(engine, "before_cursor_execute", record)
