"""Command lines that say what is wrong in one line, with the nearest right word."""

import argparse
import difflib
import io
import re
import sys
from collections.abc import Iterable
from typing import NoReturn

WRONG_USE = 2


class OneLineParser(argparse.ArgumentParser):
    """As argparse's, but wrong usage is one line, not the whole list of flags."""

    def error(self, message: str) -> NoReturn:
        """Say it and end with 2."""
        nearest = self._nearest(message)
        hint = f" Is {nearest} meant?" if nearest else ""
        self.exit(WRONG_USE, f"{self.prog}: {_sentence(message)}{hint} See {self.prog} --help.\n")

    def _nearest(self, message: str) -> str | None:
        """The flag or command that comes nearest to what was not understood."""
        words = re.findall(r"(--?[\w-]+)", message.partition("unrecognized arguments:")[2])
        known = [flag for action in self._actions for flag in action.option_strings]
        if choice := re.search(r"invalid choice: '([^']*)'", message):
            words = [choice[1]]
            known = [
                str(each)
                for action in self._actions
                for each in (action.choices or ())
                if choice[1] not in (action.choices or ())
            ]
        return nearest_of(words, known)


def nearest_of(words: Iterable[str], known: Iterable[str]) -> str | None:
    """The known word that is nearest to the first word that is near any."""
    known = list(known)
    for word in words:
        if found := difflib.get_close_matches(word, known, n=1):
            return found[0]
    return None


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}".rstrip(".") + "."


def for_shell(said: object) -> str:
    """A sentence that members read too, for a command line: there a file is given, not attached."""
    return re.sub(
        r"\b([Aa])ttach\b", lambda found: "Give" if found[1] == "A" else "give", str(said)
    )


def print_anything() -> None:
    """Let what the terminal's encoding lacks come as `?`, not as an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
