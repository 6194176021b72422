"""Command lines with errors in one line, suggestions for typos, and checked output."""

import argparse
import contextlib
import difflib
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

FAILED = 1
WRONG_USE = 2
UNWRITTEN = 120
"""Exit status when output could not be written, as Python itself has it."""


class OneLineParser(argparse.ArgumentParser):
    """Like argparse's parser, but reports wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with 2."""
        nearest = self._nearest(message)
        hint = f" Is {nearest} meant?" if nearest else ""
        self.exit(WRONG_USE, f"{self.prog}: {_sentence(message)}{hint} See {self.prog} --help.\n")

    def _nearest(self, message: str) -> str | None:
        """The flag or command closest to the one that was not recognized."""
        words = re.findall(r"(--?[\w-]+)", message.partition("unrecognized arguments:")[2])
        known = [flag for action in self._actions for flag in action.option_strings]
        if choice := re.search(r"invalid choice: '([^']*)'", message):
            words = [choice[1]]
            known = [
                str(each)
                for action in self._actions
                for each in (action.choices or ())
                if choice[1] not in (action.choices or ())
            ]
        return nearest_of(words, known)


def nearest_of(words: Iterable[str], known: Iterable[str]) -> str | None:
    """The known word closest to the first of these words that is close to any."""
    known = list(known)
    for word in words:
        if found := difflib.get_close_matches(word, known, n=1):
            return found[0]
    return None


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}".rstrip(".") + "."


def for_shell(said: object) -> str:
    """Adapt a sentence meant for members to the command line: files are given, not attached."""
    return re.sub(
        r"\b([Aa])ttach\b", lambda found: "Give" if found[1] == "A" else "give", str(said)
    )


def replace_unencodable() -> None:
    """Print characters that the terminal's encoding lacks as `?` instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def run_command(main: Callable[[], int]) -> int:
    """Run a command and make sure that its output is written.

    If the output cannot be written, the command ends with a line on stderr; if its reader has
    closed the pipe, as `head` does, silently.

    Args:
        main: the command; it prints through `sys.stdout`.

    Returns:
        The exit status: `UNWRITTEN` if output was lost and the command itself succeeded.
    """
    before = sys.stdout
    if not isinstance(before, io.TextIOWrapper):  # no standard output
        return _status_of(main)
    sys.stdout = output = _Output.over(before)
    status = _status_of(main)
    unwritten = _status_of(output.flush)
    sys.stdout = before
    output.detach()
    return status or unwritten


def _status_of(call: Callable[[], int | None]) -> int:
    """The exit status that a call returns or raises."""
    try:
        return call() or 0
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)  # noqa: T201 - as Python does
            return 1
        return leaving.code or 0


class _Output(io.TextIOWrapper):
    """Standard output that exits when it cannot be written.

    It raises SystemExit, since argparse and rich would handle an OSError themselves.
    """

    @classmethod
    def over(cls, output: io.TextIOWrapper) -> "_Output":
        """Wrap a stream."""
        return cls(
            output.buffer,
            output.encoding,
            output.errors,
            line_buffering=output.line_buffering,
            write_through=output.write_through,
        )

    def write(self, text: str, /) -> int:
        """Write, or exit."""
        with self._leaving():
            return super().write(text)

    def flush(self) -> None:
        """Flush, or exit."""
        with self._leaving():
            super().flush()

    @contextlib.contextmanager
    def _leaving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # Buffered output, which Python would flush again at exit, goes to the null device.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if not isinstance(error, BrokenPipeError):
                reason = error.strerror or str(error)
                with contextlib.suppress(OSError):  # it may be the same file
                    print(f"The output cannot be written: {reason}.", file=sys.stderr)  # noqa: T201
            raise SystemExit(UNWRITTEN) from None


@contextlib.contextmanager
def ignore_lost_output() -> Iterator[None]:
    """Within the block, lost output on stderr, such as progress, does not end the program.

    The terminal may be closed, the log's disk full, or the pipe's reader gone.
    """
    before = sys.stderr
    if not isinstance(before, io.TextIOWrapper):  # the process has none
        yield
        return
    sys.stderr = stream = _Unheard(
        before.buffer,
        before.encoding,
        before.errors,
        line_buffering=before.line_buffering,
        write_through=before.write_through,
    )
    try:
        yield
    finally:
        sys.stderr = before
        stream.detach()


class _Unheard(io.TextIOWrapper):
    """A stream that drops output that cannot be written."""

    def write(self, text: str, /) -> int:
        """Write, or drop it."""
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or drop it."""
        with contextlib.suppress(OSError):
            super().flush()
