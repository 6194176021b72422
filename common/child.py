"""Messages to and from a child process: a line of JSON, followed by the bytes of files.

The JSON's `sizes` has the length of each file.
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
"""Default limit of an answer's length."""


class ChildError(Exception):
    """A child process failed."""


def packed(header: Header, files: Sequence[bytes] = ()) -> bytes:
    """Serialize a message."""
    line = json.dumps({**header, "sizes": [len(file) for file in files]})
    return b"".join((line.encode(), b"\n", *files))


async def read_message(stream: asyncio.StreamReader, *, most_bytes: int | None = None) -> Message:
    """Read the next message.

    Args:
        stream: To read from.
        most_bytes: Limit of the files' total length; None if the sender is trusted.

    Raises:
        asyncio.IncompleteReadError: the sender ended.
        ValueError: the message is invalid or too long.
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
    """Start a child, send one message and return its answer; the child is dead afterwards.

    Args:
        module: The module to run, which calls `serve`.
        header: Of the message.
        files: Of the message.
        timeout_seconds: How long it may take.
        most_bytes: Limit of the answer's total length.
        environment: Variables in addition to path and locale.

    Raises:
        ChildError: it failed, took too long, or could not be started.
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
    """Kill a child and wait until it has ended.

    Its output is drained: while asyncio's buffer is full, it does not notice that the pipe is
    closed, and believes the child is running.
    """
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
    streams = [stream for stream in (child.stdout, child.stderr) if stream is not None]
    await asyncio.gather(*(_discard(stream) for stream in streams))
    await child.wait()


async def _discard(stream: asyncio.StreamReader) -> None:
    with contextlib.suppress(RuntimeError):  # another reader drains it
        while await stream.read(_AWAY_BYTES):
            pass


async def _answer_of(child: Process, module: str, question: bytes, most_bytes: int) -> Message:
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    said = asyncio.create_task(_last_of(child.stderr))
    try:
        with contextlib.suppress(OSError):  # it has ended without an answer
            child.stdin.write(question)
            await child.stdin.drain()
        try:
            return await read_message(child.stdout, most_bytes=most_bytes)
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            child.stdin.close()
            await _discard(child.stdout)
            why = f"{module} ended with code {await child.wait()}: {await said}"
            raise ChildError(why) from error
    finally:
        said.cancel()
        await asyncio.gather(said, return_exceptions=True)


async def _last_of(stream: asyncio.StreamReader) -> str:
    """The last bytes of a stream, until it closes."""
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
    """In the child: answer messages on standard input until it closes.

    Args:
        answer: Makes the answer to a message.
        greets: Whether to send an empty message first, when ready.
        idle: Called when no message has come for a while.
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
    # The parent sends no message before the previous one was answered, so nothing is buffered.
    if idle is not None and sys.platform != "win32":  # whose select supports sockets only
        ready, _, _ = select.select([requests], [], [], IDLE_SECONDS)
        if not ready:
            idle()
    return requests.readline()


def _only_for_answers() -> BinaryIO:
    """Reserve standard output for answers; anything printed goes elsewhere."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers
