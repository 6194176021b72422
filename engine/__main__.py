"""`python -m engine`: the queue's worker; `paint` paints one picture; `styles` the catalogue."""

from common.interrupts import end_by_signal, interrupt_on_signals, status_of, stop_quietly

if __name__ == "__main__":
    stop_quietly()

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

from common.command_line import (
    WRONG_USE,
    ignore_lost_output,
    nearest_of,
    replace_unencodable,
    run_command,
)
from engine.allocator import drop_read_libraries, give_large_blocks_back
from engine.threads import wait_briefly

COMMANDS = ("paint", "styles")


def main(arguments: list[str]) -> int:
    """Run what the first argument names. Returns the exit status."""
    replace_unencodable()
    give_large_blocks_back()
    wait_briefly()
    try:
        return _run(arguments)
    except KeyboardInterrupt as interrupt:  # while modules are loaded, or of a short command
        print("Stopped.", file=sys.stderr)
        return status_of(interrupt)


@contextlib.contextmanager
def _loading() -> Iterator[None]:
    """A context for imports, without garbage collection.

    The objects of modules stay anyway, and scanning them again and again is a large part of the
    time that importing torch takes. `gc.freeze` leaves them out of later collections, too.
    """
    before = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        if len(sys.modules) > before:
            drop_read_libraries()


def _run(arguments: list[str]) -> int:
    # Each is imported when it is asked for, as torch takes seconds.
    match arguments:
        case ["paint", *rest]:
            from engine.arguments import make_parser as paint_parser  # noqa: PLC0415

            paint_parser().parse_args(rest)  # --help and errors are shown without waiting for torch
            with _loading():
                from engine.cli import main as paint_main  # noqa: PLC0415

            with ignore_lost_output():
                return paint_main(rest)
        case ["styles", *rest]:
            with _loading():
                from engine.styles.cli import main as styles_main  # noqa: PLC0415

            return styles_main(rest)
        case [word, *_] if not word.startswith("-"):
            near = nearest_of([word], COMMANDS)
            hint = f"is {near} meant?" if near else f"there are {' and '.join(COMMANDS)}."
            print(f"python -m engine: There is no command {word}; {hint}", file=sys.stderr)
            return WRONG_USE
        case _:
            from engine.worker.arguments import make_parser as worker_parser  # noqa: PLC0415

            worker_parser().parse_args(arguments)
            with _loading():
                from engine.worker.start_announcement import announce_start  # noqa: PLC0415

            with announce_start(arguments) as start:
                with _loading():
                    from engine.worker.main import main as worker_main  # noqa: PLC0415

                start.status = worker_main(arguments)
            return start.status


def _leave(status: int) -> NoReturn:
    """Exit without finalizing Python and torch.

    That would take time, and read large parts of torch's libraries again. All files are closed and
    all children have ended by now. Exit handlers of libraries still run, such as that by which
    matplotlib deletes its temporary folder.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to have them run
    if sys.stderr is not None:  # a process may have none
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
    end_by_signal(status)
    os._exit(status)


if __name__ == "__main__":
    if set(sys.argv[1:2]) & set(COMMANDS):  # the worker ends in an order of its own
        interrupt_on_signals()
    _leave(run_command(lambda: main(sys.argv[1:])))
