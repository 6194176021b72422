"""The flags of `python -m engine`; imports no torch, for which nobody asks who asks for help."""

import argparse

from common.command_line import OneLineParser
from common.version import VERSION


def make_parser() -> argparse.ArgumentParser:
    """All flags of the queue's worker."""
    parser = OneLineParser(
        prog="python -m engine",
        description="Paint the jobs of the queue. `python -m engine paint --help` paints one "
        "picture without a queue, `python -m engine styles --help` manages the catalogue.",
    )
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="stop when standard input ends (how the bot stops its engine)",
    )
    parser.add_argument("--version", action="version", version=f"Atelier {VERSION}")
    parser.add_argument(
        "--check", action="store_true", help="show device, precision and network, and exit"
    )
    return parser
