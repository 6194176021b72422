"""Reads command lines from standard input, and lets each program parse its own, no further.

A list of [module, argument, …] as JSON comes in; for each goes out what was wrong, or null.
"""

import argparse
import contextlib
import io
import json
import os
import runpy
import sys
from typing import Any, NoReturn


class ParsedError(BaseException):
    """The program understood its command line; nothing is to be done."""


parse = argparse.ArgumentParser.parse_args


def parse_and_end(self: argparse.ArgumentParser, *arguments: Any, **named: Any) -> NoReturn:
    parse(self, *arguments, **named)
    raise ParsedError


def wrong_of(module: str, arguments: list[str]) -> str | None:
    """What a program says against its command line; None where it takes it."""
    sys.argv = [module, *arguments]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except ParsedError:
        return None
    except SystemExit as ended:
        return None if ended.code == 0 else said.getvalue().strip()  # 0: --help, --version
    return "it was never parsed"


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    argparse.ArgumentParser.parse_args = parse_and_end  # type: ignore[method-assign]
    os._exit = sys.exit  # type: ignore[assignment]  # as the engine ends
    answer = sys.stdout
    found = [wrong_of(module, arguments) for module, *arguments in asked]
    json.dump(found, answer)
