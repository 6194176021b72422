"""A pool of decoding processes that can be killed if a file is malicious."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from threading import Lock
from typing import Any, Final, Self, TypeVar

from common.child import ROOT, end, packed, read_message
from common.confining import child_environment, is_too_slow
from common.errors import AtelierError
from common.pictures.answers import checked, most_bytes
from common.pictures.checks import needs_too_much_memory
from common.pictures.failures import KILLED, crash, report, too_slow
from common.pictures.kinds import (
    ClipLimits,
    Decoded,
    DecodeLimits,
    DecoderUnavailableError,
    NormalizedPicture,
    PictureError,
)
from common.pictures.readers.formats import is_video
from common.pictures.shared_memory import IN_MEMORY, open_memory, read_memory

T = TypeVar("T")

_HEADER_LIMIT_BYTES = 1024 * 1024
_START_SECONDS = 60.0
_END_SECONDS = 1.0
HANGS_SECONDS = 30.0
"""A process that waits for this long without using the processor is hung."""
_LOOK_SECONDS = 2.0
_FOLDER = "atelier-decoder-"
"""Prefix of the children's folder; the parent's process ID follows."""
_made_here: Final[set[Path]] = set()
"""Folders made by this process."""
_making: Final = Lock()
CLIP_PATIENCE = 3
"""How many times longer a clip may take than a picture."""
_NO_ANSWER = (
    OSError,
    ValueError,
    RecursionError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
)
"""Errors that show that a process ended, or sent an invalid answer."""


class ChildEndedError(AtelierError):
    """A decoding process ended before it answered."""


class ChildKilledError(ChildEndedError):
    """A decoding process was killed from outside, as by the kernel when memory runs short."""


class ChildTooSlowError(AtelierError):
    """A decoding process was ended because a file took too much processor time."""


@dataclass(frozen=True, slots=True)
class _Question:
    data: bytes
    clip_limits: ClipLimits | None
    processor_seconds: float


@dataclass(eq=False, slots=True)
class _Child:
    process: Process
    memory: int | None
    """Shared memory for its pictures; see `common.pictures.shared_memory`."""


class DecoderPool:
    """Decodes untrusted files in child processes with limits on memory and processor time.

    Children start on first use, serve many files, and are replaced when one dies. They have no
    secrets, no network and no access to our files: see `common.confining`.
    """

    def __init__(
        self,
        limits: DecodeLimits | None = None,
        *,
        processes: int = 2,
        processor_seconds: float = 15.0,
        patience_seconds: float = 180.0,
        memory_limit_bytes: int = 3 * 1024**3,
    ) -> None:
        """Configure the pool; no child is started yet.

        Args:
            limits: What is accepted.
            processes: How many decode at once.
            processor_seconds: Processor time after which a file is rejected.
            patience_seconds: Time by the clock after which an answer is given up; long, since a
                busy machine is not the file's fault.
            memory_limit_bytes: Address space of each process.
        """
        self._limits = limits or DecodeLimits()
        self._processor_seconds = processor_seconds
        self._patience_seconds = patience_seconds
        self._memory_limit_bytes = memory_limit_bytes
        self._slots = asyncio.Semaphore(processes)
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._closed = False
        self._folder: Path | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def normalize(self, data: bytes) -> NormalizedPicture:
        """Decode one file into a still picture; raises as `decode` does."""
        return (await self.decode(data)).picture

    async def decode(self, data: bytes, clip_limits: ClipLimits | None = None) -> Decoded:
        """Decode one file, as a clip if it moves; see `common.clips.decode.decode`.

        Args:
            data: The file.
            clip_limits: How much is taken of a moving file; None for a still picture.

        Raises:
            PictureError: if it cannot be used, takes too much processor time, or crashes the
                decoder.
            DecoderUnavailableError: if no decoder can be run, which is not the file's fault.
        """
        seconds = self._processor_seconds * (1 if clip_limits is None else CLIP_PATIENCE)
        async with self._slots:
            try:
                answer = await self._answer(_Question(data, clip_limits, seconds))
            except TimeoutError:
                raise DecoderUnavailableError(
                    "the machine is too busy to decode a picture"
                ) from None
            except ChildTooSlowError:
                raise too_slow(data, seconds) from None
            except ChildKilledError:
                raise needs_too_much_memory(is_video=is_video(data)) from None
            except ChildEndedError:
                raise crash(data) from None
        if isinstance(answer, PictureError):
            raise answer
        return answer

    async def _answer(self, asked: _Question) -> Decoded | PictureError:
        """Ask an idle child or a new one; only a new one's crash is attributed to the file.

        Raises:
            ChildEndedError: if a new child ended at the file, or was killed.
            ChildTooSlowError: if it took too much processor time.
            TimeoutError: if there was no answer in time.
        """
        while (child := self._waiting_child()) is not None:
            with contextlib.suppress(ChildEndedError):
                return await self._ask_and_keep(child, asked)
        return await self._ask_and_keep(await self._start(), asked)

    def _waiting_child(self) -> _Child | None:
        """An idle child that is still alive, or None."""
        while self._idle:
            child = self._idle.pop()
            if child.process.returncode is None:
                return child
            self._forget(child)
        return None

    async def _ask_and_keep(self, child: _Child, asked: _Question) -> Decoded | PictureError:
        try:
            async with asyncio.timeout(self._patience_seconds):
                answer = await _unless_it_hangs(child.process, self._ask(child, asked))
        except BaseException as error:
            gone = isinstance(error, _NO_ANSWER) and not isinstance(error, TimeoutError)
            if gone:  # its pipe closes a moment before it exits
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_END_SECONDS):
                        await child.process.wait()
            code = child.process.returncode
            await self._kill(child)  # busy or dead: it cannot be reused
            if isinstance(error, ChildEndedError):
                report(asked.data, None)
            if not gone:
                raise
            if is_too_slow(code):
                raise ChildTooSlowError from error
            report(asked.data, code)
            raise (ChildKilledError if code == KILLED else ChildEndedError) from error
        self._idle.append(child)
        return answer

    async def close(self) -> None:
        """End all children."""
        self._closed = True
        for child in tuple(self._all):
            await self._kill(child)
        if self._folder is not None:
            # Windows keeps it until the children have fully exited; the next start deletes it.
            with contextlib.suppress(OSError):
                self._folder.rmdir()
            self._folder = None

    def _own_folder(self) -> str:
        """An empty working folder for the children; those of dead processes are removed."""
        if self._folder is None:
            with _making:  # another thread may begin, too, and is not to take this for a dead one's
                _remove_folders_of_the_dead()
                self._folder = Path(mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
                _made_here.add(self._folder)
        return str(self._folder)

    async def _start(self) -> _Child:
        if self._closed:
            raise PictureError("The bot is shutting down. Please try again in a minute.")
        memory = open_memory()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "common.pictures.child",
                str(self._memory_limit_bytes),
                self._own_folder(),
                *([] if memory is None else [str(memory)]),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env=child_environment(),
                cwd=ROOT,
                limit=_HEADER_LIMIT_BYTES,
                pass_fds=() if memory is None else (memory,),
            )
        except BaseException as error:
            if memory is not None:
                os.close(memory)
            if not isinstance(error, OSError):
                raise
            raise DecoderUnavailableError(f"no decoding process can be started: {error}") from error
        child = _Child(process, memory)
        self._all.add(child)
        try:
            assert process.stdout is not None
            async with asyncio.timeout(_START_SECONDS):
                ready = await process.stdout.readline()
        except BaseException as error:
            await self._kill(child)
            if isinstance(error, TimeoutError | OSError):
                raise DecoderUnavailableError("a decoding process does not get ready") from error
            raise
        if not ready:
            await self._kill(child)
            raise DecoderUnavailableError("a decoding process ended before it was given anything")
        return child

    async def _kill(self, child: _Child) -> None:
        self._forget(child)
        await end(child.process)

    def _forget(self, child: _Child) -> None:
        """Remove a child from the pool, if it is still there."""
        self._all.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        if child.memory is not None:
            os.close(child.memory)
            child.memory = None

    async def _ask(self, child: _Child, asked: _Question) -> Decoded | PictureError:
        stdin, stdout = child.process.stdin, child.process.stdout
        if stdin is None or stdout is None:
            raise ValueError("the decoding process has no pipes")
        wanted = asked.clip_limits
        request = {
            "limits": asdict(self._limits),
            "clip_limits": None if wanted is None else asdict(wanted),
            "processor_seconds": asked.processor_seconds,
        }
        stdin.write(packed(request, [asked.data]))
        await stdin.drain()
        answer, files = await read_message(stdout, most_bytes=most_bytes(self._limits, wanted))
        if IN_MEMORY in answer:
            first = await asyncio.to_thread(read_memory, child.memory, answer[IN_MEMORY])
            files = [first, *files]
        return checked(answer, files, self._limits, wanted)


async def _unless_it_hangs(child: Process, asking: Coroutine[Any, Any, T]) -> T:
    """Wait for an answer while the child is making progress.

    Raises:
        ChildEndedError: the child is hung, as some libraries are at some files.
    """
    task, before, quiet = asyncio.ensure_future(asking), None, 0
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_SECONDS))[0]:
            state, spent = _doing(child.pid)
            quiet = quiet + 1 if state == "S" and spent == before else 0
            before = spent
            if quiet * _LOOK_SECONDS >= HANGS_SECONDS:
                raise ChildEndedError
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _doing(pid: int) -> tuple[str, int]:
    """The state of a process ("S": waiting, "R": running or runnable) and its processor time.

    On systems other than Linux it always appears to be running.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return fields[0], int(fields[11]) + int(fields[12])
    except (OSError, ValueError, IndexError):
        return "R", 0


def _remove_folders_of_the_dead() -> None:
    import psutil  # noqa: PLC0415 - it is not in the bot's memory for this alone

    for folder in Path(gettempdir()).glob(f"{_FOLDER}*"):
        number = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if not number.isdecimal() or folder in _made_here:
            continue
        # In a container the bot has the same process ID after each start.
        if int(number) == os.getpid() or not psutil.pid_exists(int(number)):
            with contextlib.suppress(OSError):  # somebody else's, or not empty
                folder.rmdir()


def decode_in_child(data: bytes, limits: DecodeLimits | None = None) -> NormalizedPicture:
    """As `DecoderPool.normalize`, in a separate process, for threads without an event loop."""

    async def decode() -> NormalizedPicture:
        async with DecoderPool(limits, processes=1) as pool:
            return await pool.normalize(data)

    return asyncio.run(decode())
