"""Lets each program parse a command line without running it.

Reads a JSON list of [module, argument, …] from standard input; prints a list with the error of
each, or null.
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
    """The program accepted its command line; stop here."""


original_parse_args = argparse.ArgumentParser.parse_args


def parse_and_stop(self: argparse.ArgumentParser, *arguments: Any, **options: Any) -> NoReturn:
    original_parse_args(self, *arguments, **options)
    raise ParsedError


def usage_error(module: str, arguments: list[str]) -> str | None:
    """The error that a program prints for its command line; None if it accepts it."""
    sys.argv = [module, *arguments]
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    except ParsedError:
        return None
    except SystemExit as exited:
        return None if exited.code == 0 else output.getvalue().strip()  # 0: --help, --version
    return "it was never parsed"


if __name__ == "__main__":
    command_lines = json.load(sys.stdin)
    argparse.ArgumentParser.parse_args = parse_and_stop  # type: ignore[method-assign]
    os._exit = sys.exit  # type: ignore[assignment]  # which the engine ends by
    answer = sys.stdout
    errors = [usage_error(module, arguments) for module, *arguments in command_lines]
    json.dump(errors, answer)
