"""`python -m jobs`: look after the queue from the command line."""

import sys

from jobs.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
