"""`python -m sandbox`: the loopback Discord with its page, or a demonstration of the bot."""

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sandbox.console import write

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

DEFAULT_PORT = 8787
MOST_PORT = 65_535
DEMO_TIMEOUT_SECONDS = 1800.0


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line, with the closest valid word."""

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        """As argparse, which hides that the help could not be written."""
        if file is None:
            write(self.format_help())
        else:
            super().print_help(file)

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with 2."""
        known = [flag for action in self._actions for flag in action.option_strings] + [
            "demo",
            "pictures",
        ]
        words = re.findall(r"--[\w-]+|'([^']*)'", message) and re.findall(r"[\w-]+", message)
        near = [
            found[0]
            for word in words
            if word not in known
            and (found := difflib.get_close_matches(word, known, n=1, cutoff=0.7))
        ]
        hint = f" Is {near[0]} meant?" if near else ""
        self.exit(2, f"{self.prog}: {message[:1].upper()}{message[1:]}.{hint} See --help.\n")


def _port(text: str) -> int:
    """Parse a port number; 0 for any free port."""
    if not text.isdecimal() or int(text) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a number up to {MOST_PORT}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = _Parser(prog="python -m sandbox", description=__doc__)
    top.add_argument("--port", type=_port, default=DEFAULT_PORT, help="port of the page (8787)")
    top.add_argument(
        "--data", type=Path, default=Path("sandbox-data"), help="the bot's data (sandbox-data)"
    )
    top.add_argument(
        "--no-bot",
        action="store_true",
        help="start only the server, and print what a bot needs to connect",
    )
    top.add_argument("--no-open", action="store_true", help="do not open the page in a browser")
    commands = top.add_subparsers(dest="command")
    demo = commands.add_parser("demo", help="let the bot paint two pictures, and show how it does")
    demo.add_argument("--content", type=Path, help="a photo (default: bundled ones)")
    demo.add_argument("--style", type=Path, help="a picture for the style (default: bundled)")
    demo.add_argument("--out", type=Path, default=Path("demo"), help="where results go (demo)")
    demo.add_argument(
        "--timeout",
        type=float,
        default=DEMO_TIMEOUT_SECONDS,
        help="give up after this many seconds",
    )
    pictures = commands.add_parser("pictures", help="take the screenshots of the documents")
    pictures.add_argument(
        "--out", type=Path, default=Path("docs/images"), help="where they go (docs/images)"
    )
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = parser().parse_args(argv)
    from sandbox.demo import run_demo  # noqa: PLC0415 - only after the command line was parsed
    from sandbox.member_pictures import run_pictures  # noqa: PLC0415
    from sandbox.serve import has_screen, run_sandbox  # noqa: PLC0415

    if arguments.command == "demo":
        return run_demo(arguments.content, arguments.style, arguments.out, arguments.timeout)
    if arguments.command == "pictures":
        return run_pictures(arguments.out)
    return run_sandbox(
        arguments.port,
        arguments.data,
        with_bot=not arguments.no_bot,
        open_page=has_screen() and not arguments.no_open,
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
