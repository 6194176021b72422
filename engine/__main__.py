"""`python -m engine`: the queue's worker; `paint` paints one picture; `styles` the catalogue."""

import sys


def main(arguments: list[str]) -> int:
    """Run what the first argument names. Returns the exit status."""
    # Each is imported when it is asked for, as torch takes seconds.
    match arguments:
        case ["paint", *rest]:
            from engine.cli import main as paint_main  # noqa: PLC0415

            return paint_main(rest)
        case ["styles", *rest]:
            from engine.styles.cli import main as styles_main  # noqa: PLC0415

            return styles_main(rest)
        case _:
            from engine.worker.main import main as worker_main  # noqa: PLC0415

            return worker_main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
