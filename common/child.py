"""Messages between a process and its child: a line of JSON, then the bytes of files.

The line says in `sizes` how long each of the files is.
"""

import asyncio
import contextlib
import json
import os
import select
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from common.confining import child_environment

ROOT = Path(__file__).resolve().parents[1]
Header = dict[str, Any]
Message = tuple[Header, Sequence[bytes]]

IDLE_SECONDS = 1.0
STDERR_SHOWN = 500  # bytes
_AWAY_BYTES = 64 * 1024
MOST_BYTES = 1024**3
"""Of an answer, where nothing smaller is known."""


class ChildError(Exception):
    """A child process did not do what it was asked for."""


def packed(header: Header, files: Sequence[bytes] = ()) -> bytes:
    """A message as it is sent."""
    line = json.dumps({**header, "sizes": [len(file) for file in files]})
    return b"".join((line.encode(), b"\n", *files))


async def read_message(stream: asyncio.StreamReader, *, most_bytes: int | None = None) -> Message:
    """The next message.

    Args:
        stream: Where it comes from.
        most_bytes: How long its files may be together; None where the other side is trusted.

    Raises:
        asyncio.IncompleteReadError: the other side ended.
        ValueError: that is no message, or a longer one.
    """
    header = json.loads(await stream.readuntil())
    try:
        sizes = [int(size) for size in header.pop("sizes")]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("no message") from error
    if min(sizes, default=0) < 0 or (most_bytes is not None and sum(sizes) > most_bytes):
        raise ValueError("a message that is too long")
    return header, [await stream.readexactly(size) for size in sizes]


async def ask_child(
    module: str,
    header: Header,
    files: Sequence[bytes] = (),
    *,
    timeout_seconds: float,
    most_bytes: int = MOST_BYTES,
    environment: Mapping[str, str] | None = None,
) -> Message:
    """Start a child for one message, and return its answer; it is dead by then.

    Args:
        module: What it runs, a module that calls `serve`.
        header: What to ask for.
        files: What to do it with.
        timeout_seconds: How long it may take.
        most_bytes: How long the files of its answer may be together.
        environment: What it is given besides a path and a language.

    Raises:
        ChildError: it failed or took too long, or there is nothing to start it with.
    """
    command = (sys.executable, "-m", module)
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=child_environment() | dict(environment or {}),
            cwd=ROOT,
        )
    except OSError as error:
        raise ChildError(f"no process for {module}: {error}") from error
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _answer_of(child, module, packed(header, files), most_bytes)
    except TimeoutError:
        raise ChildError(f"{module} took longer than {timeout_seconds:.0f} s") from None
    finally:
        await end(child)


async def end(child: Process) -> None:
    """Kill a child, and wait for its end.

    What it has said is read to its end: while asyncio holds more than it wants, it does not look
    whether the other side of a pipe is gone, and takes the child for one that still runs.
    """
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
    streams = [stream for stream in (child.stdout, child.stderr) if stream is not None]
    await asyncio.gather(*(_read_away(stream) for stream in streams))
    await child.wait()


async def _read_away(stream: asyncio.StreamReader) -> None:
    with contextlib.suppress(RuntimeError):  # somebody else reads it, who comes to its end
        while await stream.read(_AWAY_BYTES):
            pass


async def _answer_of(child: Process, module: str, question: bytes, most_bytes: int) -> Message:
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    said = asyncio.create_task(_last_of(child.stderr))
    try:
        with contextlib.suppress(OSError):  # it ended: there is no answer then
            child.stdin.write(question)
            await child.stdin.drain()
        try:
            return await read_message(child.stdout, most_bytes=most_bytes)
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            child.stdin.close()
            await _read_away(child.stdout)
            why = f"{module} ended with code {await child.wait()}: {await said}"
            raise ChildError(why) from error
    finally:
        said.cancel()
        await asyncio.gather(said, return_exceptions=True)


async def _last_of(stream: asyncio.StreamReader) -> str:
    """The end of what is said there until it closes."""
    last = b""
    while more := await stream.read(STDERR_SHOWN):
        last = (last + more)[-STDERR_SHOWN:]
    return last.decode(errors="replace").strip()


def serve(
    answer: Callable[[Header, Sequence[bytes]], Message],
    *,
    greets: bool = False,
    idle: Callable[[], None] | None = None,
) -> None:
    """In the child: answer each message on standard input, until that ends.

    Args:
        answer: Makes the answer to a message.
        greets: Whether to send an empty message first, to say that all is loaded.
        idle: What to do when no message has come for a while.
    """
    requests, answers = sys.stdin.buffer, _only_for_answers()
    if greets:
        answers.write(packed({}))
        answers.flush()
    while line := _next_line(requests, idle):
        header = json.loads(line)
        files = [requests.read(size) for size in header.pop("sizes")]
        answers.write(packed(*answer(header, files)))
        answers.flush()


def _next_line(requests: BinaryIO, idle: Callable[[], None] | None) -> bytes:
    # Nothing is sent before the last message was answered, so nothing is read ahead.
    if idle is not None and sys.platform != "win32":  # which can only wait for sockets
        ready, _, _ = select.select([requests], [], [], IDLE_SECONDS)
        if not ready:
            idle()
    return requests.readline()


def _only_for_answers() -> BinaryIO:
    """Keep standard output for answers, whatever a library prints."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers
