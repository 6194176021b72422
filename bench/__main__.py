"""`python -m bench against COMMIT`: compares with an older commit. `python -m bench gpu`: a GPU."""

import argparse
import sys
from collections.abc import Sequence

from bench import gpu
from bench.against import command as against
from bench.runner import BenchError
from tools.checkouts import CheckoutError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark. Returns 0, or 2 with a message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parts = parser.add_subparsers(dest="what", required=True)
    for part in (against, gpu):
        part.add_arguments(parts)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except (BenchError, CheckoutError) as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
