"""Command lines that say what is wrong in one line, with the nearest right word."""

import argparse
import contextlib
import difflib
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

WRONG_USE = 2
UNWRITTEN = 120
"""What was printed could not be written; Python itself ends so, where it notices at the end."""


class OneLineParser(argparse.ArgumentParser):
    """As argparse's, but wrong usage is one line, not the whole list of flags."""

    def error(self, message: str) -> NoReturn:
        """Say it and end with 2."""
        nearest = self._nearest(message)
        hint = f" Is {nearest} meant?" if nearest else ""
        self.exit(WRONG_USE, f"{self.prog}: {_sentence(message)}{hint} See {self.prog} --help.\n")

    def _nearest(self, message: str) -> str | None:
        """The flag or command that comes nearest to what was not understood."""
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
    """The known word that is nearest to the first word that is near any."""
    known = list(known)
    for word in words:
        if found := difflib.get_close_matches(word, known, n=1):
            return found[0]
    return None


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}".rstrip(".") + "."


def for_shell(said: object) -> str:
    """A sentence that members read too, for a command line: there a file is given, not attached."""
    return re.sub(
        r"\b([Aa])ttach\b", lambda found: "Give" if found[1] == "A" else "give", str(said)
    )


def print_anything() -> None:
    """Let what the terminal's encoding lacks come as `?`, not as an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def run_command(main: Callable[[], int]) -> int:
    """Run a command, and see that what it prints is written.

    Where that cannot be, the command ends with a line on standard error; where it was read by
    somebody who has seen enough, as by `head`, with none.

    Args:
        main: the command; what is printed by `print` and rich goes through `sys.stdout`.

    Returns:
        The exit status: `UNWRITTEN` where the command did not end with another than 0.
    """
    before = sys.stdout
    if not isinstance(before, io.TextIOWrapper):  # the process has none
        return _status_of(main)
    sys.stdout = output = _Output.over(before)
    status = _status_of(main)
    unwritten = _status_of(output.flush)
    sys.stdout = before
    output.detach()
    return status or unwritten


def _status_of(call: Callable[[], int | None]) -> int:
    """The status that a call returns, or with which it wants to leave."""
    try:
        return call() or 0
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)  # noqa: T201 - as Python does
            return 1
        return leaving.code or 0


class _Output(io.TextIOWrapper):
    """Standard output that leaves where it cannot be written.

    It leaves by `SystemExit`, since argparse and rich have ways of their own with an OSError.
    """

    @classmethod
    def over(cls, output: io.TextIOWrapper) -> "_Output":
        """The same stream, as one of these."""
        return cls(
            output.buffer,
            output.encoding,
            output.errors,
            line_buffering=output.line_buffering,
            write_through=output.write_through,
        )

    def write(self, text: str, /) -> int:
        """As of any stream."""
        with self._leaving():
            return super().write(text)

    def flush(self) -> None:
        """As of any stream."""
        with self._leaving():
            super().flush()

    @contextlib.contextmanager
    def _leaving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What is still to be written, and tried again at the end, goes nowhere.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if not isinstance(error, BrokenPipeError):
                reason = error.strerror or str(error)
                with contextlib.suppress(OSError):  # it may be the same file
                    print(f"The output cannot be written: {reason}.", file=sys.stderr)  # noqa: T201
            raise SystemExit(UNWRITTEN) from None


@contextlib.contextmanager
def whoever_listens() -> Iterator[None]:
    """What is said on standard error within, such as progress, ends nothing where it is lost.

    The terminal may be closed, the log's disk full, the reader of a pipe gone.
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
    """A stream that drops what cannot be written."""

    def write(self, text: str, /) -> int:
        """As of any stream."""
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """As of any stream."""
        with contextlib.suppress(OSError):
            super().flush()
