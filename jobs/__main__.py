"""`python -m jobs`: look after the queue from the command line."""

import sys

from common.interrupts import stop_quietly

if __name__ == "__main__":
    stop_quietly()
    from common.command_line import run_command
    from jobs.cli.commands import main

    sys.exit(run_command(main))
