"""`python -m jobs`: look after the queue from the command line."""

import sys

from common.interrupts import stop_quietly

if __name__ == "__main__":
    stop_quietly()
    from jobs.cli.commands import main

    sys.exit(main())
