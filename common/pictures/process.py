"""A small pool of decoding processes that can be killed when a file turns out to be a trap."""

import asyncio
import contextlib
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import asdict
from types import TracebackType
from typing import Self

from common.child import packed, read_message
from common.errors import AtelierError
from common.pictures.kinds import (
    DecodeLimits,
    DecoderUnavailable,
    NormalisedPicture,
    PictureProblem,
)
from common.sentences import Sentence

log = logging.getLogger(__name__)

_HEADER_LIMIT_BYTES = 1024 * 1024
_START_SECONDS = 60.0


class ChildEnded(AtelierError):
    """A decoding process ended before it answered."""


class DecoderPool:
    """Decodes strangers' files in child processes with bounds on memory and time.

    Children start on first use, serve many files, and are replaced when one dies.
    """

    def __init__(
        self,
        limits: DecodeLimits | None = None,
        *,
        processes: int = 2,
        timeout_seconds: float = 20.0,
        memory_limit_bytes: int = 3 * 1024**3,
    ) -> None:
        self._limits = limits or DecodeLimits()
        self._timeout_seconds = timeout_seconds
        self._memory_limit_bytes = memory_limit_bytes
        self._slots = asyncio.Semaphore(processes)
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def normalise(self, data: bytes) -> NormalisedPicture:
        """Decode one file; see `common.pictures.decode.normalise`.

        Raises:
            PictureProblem: if it cannot be used, took too long, or brought the decoder down.
            DecoderUnavailable: if there is nothing to decode it with, which is no fault of it.
        """
        async with self._slots:
            try:
                answer = await self._answer(data)
            except TimeoutError:
                raise PictureProblem(
                    "That picture took too long to decode. Please save it as PNG or JPEG and "
                    "attach it again."
                ) from None
            except ChildEnded:
                raise PictureProblem(
                    "That picture could not be decoded: it is damaged or needs too much memory. "
                    "Please save it again as PNG or JPEG, or attach another one."
                ) from None
        if isinstance(answer, PictureProblem):
            raise answer
        return answer

    async def _answer(self, data: bytes) -> NormalisedPicture | PictureProblem:
        """Ask a child that waits, or a new one; only one that was new can have died of the file.

        Raises:
            ChildEnded: if a new child ended at the file.
            TimeoutError: if it took too long.
        """
        while (child := self._waiting_child()) is not None:
            with contextlib.suppress(ChildEnded):
                return await self._ask_and_keep(child, data)
        return await self._ask_and_keep(await self._start(), data)

    def _waiting_child(self) -> Process | None:
        """A child that has nothing to do, if one is still there."""
        while self._idle:
            child = self._idle.pop()
            if child.returncode is None:
                return child
            self._all.discard(child)
        return None

    async def _ask_and_keep(
        self, child: Process, data: bytes
    ) -> NormalisedPicture | PictureProblem:
        try:
            answer = await asyncio.wait_for(self._ask(child, data), self._timeout_seconds)
        except BaseException as error:
            await self._kill(child)  # busy, or gone: it cannot be used again
            gone = isinstance(error, OSError | ValueError | asyncio.IncompleteReadError)
            if not gone or isinstance(error, TimeoutError):
                raise
            log.warning("a decoding process ended at a file of %d bytes", len(data))
            raise ChildEnded from error
        self._idle.append(child)
        return answer

    async def close(self) -> None:
        """End all children."""
        self._closed = True
        for child in tuple(self._all):
            await self._kill(child)

    async def _start(self) -> Process:
        if self._closed:
            raise PictureProblem("The bot is shutting down. Please try again in a minute.")
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "common.pictures.child",
                str(self._memory_limit_bytes),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                limit=_HEADER_LIMIT_BYTES,
            )
        except OSError as error:
            raise DecoderUnavailable(f"no decoding process can be started: {error}") from error
        self._all.add(child)
        try:
            assert child.stdout is not None
            ready = await asyncio.wait_for(child.stdout.readline(), _START_SECONDS)
        except BaseException as error:
            await self._kill(child)
            if isinstance(error, TimeoutError | OSError):
                raise DecoderUnavailable("a decoding process does not get ready") from error
            raise
        if not ready:
            await self._kill(child)
            raise DecoderUnavailable("a decoding process ended before it was given anything")
        return child

    async def _kill(self, child: Process) -> None:
        self._all.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        if child.returncode is None:
            try:
                child.kill()
            except ProcessLookupError:
                return
            await child.wait()

    async def _ask(self, child: Process, data: bytes) -> NormalisedPicture | PictureProblem:
        if child.stdin is None or child.stdout is None:
            raise ValueError("the decoding process has no pipes")
        child.stdin.write(packed({"limits": asdict(self._limits)}, [data]))
        await child.stdin.drain()
        answer, files = await read_message(child.stdout)
        if "problem" in answer:
            return PictureProblem.saying(Sentence.from_plain(answer["problem"]))
        fields = answer["picture"]
        fields["png"] = files[0]
        fields["notes"] = tuple(Sentence.from_plain(note) for note in fields["notes"])
        return NormalisedPicture(**fields)
