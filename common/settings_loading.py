"""Loads the settings, with a sentence for each that cannot be used or is none."""

import difflib
import logging
import os
from pathlib import Path

from pydantic import ValidationError

from common.env_file import meaningless_lines, names_in, pass_on, silence_its_reader
from common.errors import AtelierError
from common.settings import ENV_FILE, Settings

log = logging.getLogger(__name__)

_OF_S3 = "AWS_"
"""Prefix of the variables with the S3 client's credentials and addresses, which are not ours."""
_OF_COMPOSE = frozenset({"ATELIER_CONTAINER_MEMORY"})
"""Variables in `.env` for the compose files only; containers receive them, too."""
_NEAR, _VERY_NEAR = 0.75, 0.85
"""Similarity from which an unknown name is taken for a typo of a setting."""
_PLAINLY = {
    "Input should be": "has to be",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
}


class SettingsError(AtelierError):
    """A setting has an invalid value; the text says which and why."""


def unknown_settings(env_file: Path | None = ENV_FILE) -> list[str]:
    """A message for each name that looks like a setting and is not one.

    In the environment, names with our prefix are checked; in the file, also near misses of it.

    Args:
        env_file: read besides the environment, if it exists.
    """
    known = [name.upper() for name in Settings.model_fields]
    written = [] if env_file is None else names_in(env_file)
    sentences = []
    for name in sorted({*os.environ, *written}):
        if name.upper() in known or name in _OF_COMPOSE:
            continue
        is_ours = name.upper().startswith("ATELIER_")
        cutoff = _NEAR if is_ours else _VERY_NEAR
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=cutoff)
        if is_ours or (near and name in written):
            sentences.append(
                f"{name} is not a setting of Atelier" + (f"; is {near[0]} meant?" if near else ".")
            )
    return sentences


def load_settings(**overrides: object) -> Settings:
    """Read the settings, and export the S3 client's variables from `.env`.

    Meaningless lines in `.env` are logged.

    Raises:
        SettingsError: with one line per invalid variable; values are not repeated, since they may
            be secrets.
    """
    env_file = overrides.get("_env_file", ENV_FILE)
    silence_its_reader()
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
        lines: list[int] = []
        if isinstance(env_file, Path):
            lines = meaningless_lines(env_file)
            pass_on(env_file, _OF_S3)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        sentences = dict.fromkeys(_said(problem["loc"], problem["msg"]) for problem in problems)
        raise SettingsError("These settings cannot be used:\n  " + "\n  ".join(sentences)) from None
    except ValueError:  # `UnicodeDecodeError`, or a NUL, which the environment cannot hold
        raise SettingsError(
            f"{env_file} is not written in UTF-8: save it again in that encoding."
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{env_file} cannot be read ({error.strerror}): let the user who runs Atelier read it."
        ) from None
    for line in lines:
        log.warning("Line %d of %s is not read: write a setting as NAME=value.", line, env_file)
    return settings


def _said(place: tuple[int | str, ...], words: str) -> str:
    """Words of pydantic's message for users."""
    words = words.removeprefix("Value error, ").partition(", unable to ")[0]
    if len(place) > 1:  # an item of a list
        words = words.replace("a valid integer", "whole numbers separated by commas")
    for theirs, ours in _PLAINLY.items():
        words = words.replace(theirs, ours)
    return f"{str(place[0]).upper()} {words.rstrip('.')}."
