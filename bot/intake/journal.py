"""A write-ahead journal: commands are stored before they are acknowledged, so that none is lost."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.intake.request import PaintRequest
from bot.intake.stored import ERASED
from bot.intake.unreadable import asker_in
from bot.kit import UserError
from common.backoff import Backoff
from common.files import TEMPORARY, write_whole
from common.logs import with_log_ids
from jobs.outcomes import QueueError, QueueUnavailableError
from jobs.queue import JobQueue

T = TypeVar("T")
log = logging.getLogger(__name__)

QUEUE_BACKOFF = Backoff(first_seconds=0.5, longest_seconds=30.0, factor=4.0)
KEPT = timedelta(days=1)  # as long as the queue remembers an intake
_SUFFIX = ".json"


class CommandJournal:
    """Writes commands to the queue's intakes, or to files while the database is slow.

    Discord wants an acknowledgement within three seconds; a database that another program has
    locked may take longer. The command then goes into a file, which is enough to acknowledge it. It
    is moved to the queue when that answers again, or at the next start.
    """

    def __init__(self, queue: JobQueue, folder: Path) -> None:
        self._queue = queue
        self._folder = folder
        self._open: set[JournalEntry] = set()
        # A thread of its own, as downloads and buckets may occupy the default executor.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commands")

    def open(self, request: PaintRequest) -> "JournalEntry":
        """Start to write a command down."""
        entry = JournalEntry(self, request, asyncio.create_task(self.write_row(request)))
        self._open.add(entry)
        return entry

    def closed(self, entry: "JournalEntry") -> None:
        """Stop tracking an entry."""
        self._open.discard(entry)

    async def write_row(self, request: PaintRequest) -> bool:
        """Insert a command as an intake row. Returns False if the queue has one already."""
        payload = request.model_dump(mode="json")
        return await self._queue.intakes.open(
            request.reply.interaction_id, request.asker.user_id, payload
        )

    async def close(self, interaction_id: int) -> None:
        """Close an intake, with retries for as long as the queue is unavailable.

        Its user has been answered, so it must not be resumed.
        """
        for failures in count():
            try:
                await self._queue.intakes.close(interaction_id)
            except QueueUnavailableError as error:
                log.warning("Intake %s cannot be closed yet: %s", interaction_id, error)
                await asyncio.sleep(QUEUE_BACKOFF.seconds(failures))
            else:
                return

    async def forget(self, user_id: int) -> None:
        """Drop a user's commands that are not rows yet. Call this before an erasure."""
        for entry in [one for one in self._open if one.request.asker.user_id == user_id]:
            entry.forgotten = True
            await self.unfile(entry.request)

    async def recover(self) -> None:
        """Turn files that an earlier run left into rows, also those that this version cannot parse.

        Unparsable rows are handled where intakes are resumed, and their members are told.
        """
        for path, request in await self._run(self._read_all):
            if isinstance(request, PaintRequest):
                await self.write_row(request)
            elif (asker := asker_in(request)) is not None:
                await self._queue.intakes.open(int(path.stem), asker.user_id, request)
            await self._run(_remove, path)

    async def file(self, request: PaintRequest) -> None:
        """Write a command to a file.

        Raises:
            QueueUnavailableError: The disk is full or fails too.
        """
        data = request.model_dump_json().encode()
        try:
            await self._run(write_whole, self._path(request), data)
        except OSError as error:
            raise QueueUnavailableError(f"The command cannot be written down: {error}") from error

    async def unfile(self, request: PaintRequest) -> None:
        """Remove a command's file, once it is a row or no longer needed."""
        await self._run(_remove, self._path(request))

    def _path(self, request: PaintRequest) -> Path:
        return self._folder / f"{request.reply.interaction_id}{_SUFFIX}"

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, with_log_ids(work), *arguments
        )

    def _read_all(self) -> list[tuple[Path, PaintRequest | dict[str, Any]]]:
        """The commands in all files; those of another version as plain JSON.

        Damaged and expired files are removed. A file that cannot be read just now is kept.
        """
        found: list[tuple[Path, PaintRequest | dict[str, Any]]] = []
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                data = path.read_bytes()
            except OSError as error:
                log.warning("%s cannot be read and waits for the next start: %s", path, error)
                continue
            try:
                request = PaintRequest.model_validate_json(data)
            except ValidationError:
                if (payload := _of_another_version(path, data)) is not None:
                    found.append((path, payload))
                else:
                    log.warning("%s is damaged, so that nobody can be told; dropped", path)
                    _remove(path)
                continue
            if request.reply.token_expires_at < datetime.now(UTC) - KEPT:
                _remove(path)
            else:
                found.append((path, request))
        for path in self._folder.glob(f"*{TEMPORARY}"):
            _remove(path)
        return found


@dataclass(eq=False)
class JournalEntry:
    """One command on its way into the queue."""

    _journal: CommandJournal
    request: PaintRequest
    _row: "asyncio.Task[bool]"
    _filing: "asyncio.Task[None] | None" = field(default=None, init=False)
    forgotten: bool = field(default=False, init=False)
    """Whether its user had everything erased meanwhile."""

    async def written(self, seconds: float) -> bool:
        """Wait until the command is durable: as a row; or after `seconds`, as a file.

        Args:
            seconds: How long to wait for the database before a file is written.

        Returns:
            False if the queue has it already.

        Raises:
            QueueError: It could not be written.
        """
        await asyncio.wait({self._row}, timeout=max(0.0, seconds))
        if not self._row.done() or isinstance(self._row.exception(), QueueUnavailableError):
            self._filing = asyncio.create_task(self._journal.file(self.request))
            waiting: set[asyncio.Task[bool] | asyncio.Task[None]] = {self._row, self._filing}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if self._row.done() and self._row.exception() is not None:
                await self._filing
        if self._filing is None or (self._row.done() and self._row.exception() is None):
            return self._row.result()
        self._filing.result()
        return True

    async def settled(self) -> bool:
        """Wait until it is a row. Returns False if another bot had inserted it.

        Raises:
            QueueUnavailableError: The queue does not answer; a file stays for the next start.
            UserError: Its user had everything erased meanwhile.
        """
        if self._row.done() and isinstance(self._row.exception(), QueueUnavailableError):
            self._row = asyncio.create_task(self._again())
        try:
            is_new = await self._row
        except QueueUnavailableError:
            if not self.forgotten:
                raise
            is_new = True  # it may have been committed nevertheless
        await self._unfiled()
        if self.forgotten:
            await self._journal.close(self.request.reply.interaction_id)
            raise UserError(ERASED)
        return is_new

    async def drop(self) -> None:
        """Close a command that is done: its user was told why it failed, or another bot has it."""
        await self._unfiled()
        try:
            is_new = await self._row
        except QueueError:
            is_new = True  # it may have been committed before the connection broke
        if is_new:
            await self._journal.close(self.request.reply.interaction_id)

    async def _unfiled(self) -> None:
        if self._filing is not None:
            with contextlib.suppress(QueueUnavailableError):
                await self._filing
            await self._journal.unfile(self.request)
        self._journal.closed(self)

    async def _again(self) -> bool:
        # The interrupted insert may have been committed, so an existing row is this very command's.
        await self._journal.write_row(self.request)
        return True


def _of_another_version(path: Path, data: bytes) -> dict[str, Any] | None:
    """A command of another version as plain JSON; None if the file is damaged."""
    try:
        payload = json.loads(data)
    except ValueError:
        return None
    return payload if isinstance(payload, dict) and path.stem.isdecimal() else None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s cannot be removed: %s", path, error)
