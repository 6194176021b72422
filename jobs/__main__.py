"""`python -m jobs`: administers the queue from the command line."""

import sys

from common.interrupts import end_by_signal, interrupt_on_signals, status_of, stop_quietly

if __name__ == "__main__":
    stop_quietly()
    interrupt_on_signals()  # so that an unfinished backup is removed
    from common.command_line import run_command
    from jobs.cli.commands import main

    try:
        status = run_command(main)
    except KeyboardInterrupt as interrupt:
        print("Stopped.", file=sys.stderr)
        status = status_of(interrupt)
        end_by_signal(status)
    sys.exit(status)
