"""Where commands are written down before they are acknowledged, so that none is lost."""

import asyncio
import logging
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.paint.request import PaintRequest
from jobs.files import write_whole
from jobs.outcomes import QueueError, QueueUnavailable
from jobs.queue import JobQueue

log = logging.getLogger(__name__)

QUEUE_PAUSES_SECONDS = (0.5, 2.0, 8.0, 30.0)
_SUFFIX = ".json"


class CommandBook:
    """The queue's intakes; and files beside it, for commands that its database keeps waiting.

    Discord waits three seconds for an acknowledgement, and a database that another program holds
    may take longer. Then the command goes into a file of its own, which is enough to acknowledge
    it, and from there into the queue: at once when that answers again, or at the next start.
    """

    def __init__(self, queue: JobQueue, folder: Path) -> None:
        self._queue = queue
        self._folder = folder

    def open(self, request: PaintRequest) -> "Entry":
        """Begin to write a command down."""
        return Entry(self, request, asyncio.create_task(self.tell(request)))

    async def tell(self, request: PaintRequest) -> bool:
        """Make a row of a command. Returns False when the queue knows it already."""
        sender = request.sender
        payload: dict[str, Any] = request.model_dump(mode="json")
        return await self._queue.open_intake(sender.interaction_id, sender.user_id, payload)

    async def close(self, interaction_id: int) -> None:
        """Close an intake, however long the queue needs: what its user was told is the end."""
        for seconds in chain(QUEUE_PAUSES_SECONDS, repeat(QUEUE_PAUSES_SECONDS[-1])):
            try:
                await self._queue.close_intake(interaction_id)
            except QueueUnavailable as error:
                log.warning("Intake %s cannot be closed yet: %s", interaction_id, error)
                await asyncio.sleep(seconds)
            else:
                return

    async def recover(self) -> None:
        """Make rows of the files that an earlier run left."""
        for path, request in await asyncio.to_thread(self._read_all):
            await self.tell(request)
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def file(self, request: PaintRequest) -> None:
        """Write a command into a file.

        Raises:
            QueueUnavailable: there is no room for that either.
        """
        path = self._path(request)
        data = request.model_dump_json().encode()
        try:
            await asyncio.to_thread(write_whole, path, data)
        except OSError as error:
            raise QueueUnavailable(f"The command cannot be written down: {error}") from error

    async def unfile(self, request: PaintRequest) -> None:
        """Remove the file; what it held is in the queue, or wanted no more."""
        try:
            await asyncio.to_thread(self._path(request).unlink, missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed: %s", self._path(request), error)

    def _path(self, request: PaintRequest) -> Path:
        return self._folder / f"{request.sender.interaction_id}{_SUFFIX}"

    def _read_all(self) -> list[tuple[Path, PaintRequest]]:
        found = []
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                found.append((path, PaintRequest.model_validate_json(path.read_bytes())))
            except (OSError, ValidationError):
                log.warning("%s is no command of this version; left where it is", path)
        return found


@dataclass(eq=False)
class Entry:
    """One command on its way into the queue."""

    _book: CommandBook
    request: PaintRequest
    _row: "asyncio.Task[bool]"
    _filed: bool = field(default=False, init=False)

    async def written(self, seconds: float) -> bool:
        """Wait until the command is safe: a row, or after so many seconds a file.

        Returns:
            False when the queue knows it already.

        Raises:
            QueueError: it cannot be written.
        """
        await asyncio.wait({self._row}, timeout=max(0.0, seconds))
        if self._row.done():
            return self._row.result()
        await self._book.file(self.request)
        self._filed = True
        return True

    async def settled(self) -> bool:
        """Wait until it is a row. Returns False when another had made it.

        Raises:
            QueueError: the queue does not take it, however often it is asked.
        """
        if not self._filed:
            return await self._row
        try:
            is_new = await self._insisted()
        except Exception:  # an end of the program is none: then the next start goes on
            await self._book.unfile(self.request)
            raise
        await self._book.unfile(self.request)
        return is_new

    async def drop(self) -> None:
        """Close what nobody waits for: the user has been told that it failed, and why."""
        if self._filed:
            await self._book.unfile(self.request)
        try:
            is_new = await self._row
        except QueueError:
            return
        if is_new:
            await self._book.close(self.request.sender.interaction_id)

    async def _insisted(self) -> bool:
        for seconds in QUEUE_PAUSES_SECONDS:
            try:
                return await self._row
            except QueueUnavailable as error:
                log.warning("The queue does not answer (%s); next try in %g s", error, seconds)
                await asyncio.sleep(seconds)
                self._row = asyncio.create_task(self._book.tell(self.request))
        return await self._row
