"""Buttons and select menus: which of their fields are required or exclude each other."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.model import Json
from sandbox.rules.components import BUTTON, REFERENCE, SELECTS, STRING_SELECT, each_of
from sandbox.rules.registry import Finding, FormBody, Path, rule

LINK, PREMIUM = 5, 6
DEFAULT_TYPES: Mapping[int, frozenset[str]] = {
    5: frozenset({"user"}),
    6: frozenset({"role"}),
    7: frozenset({"user", "role"}),
    8: frozenset({"channel"}),
}
"""What may be chosen by default in the select menus that Discord fills."""


def is_emoji(name: str) -> bool:
    """Whether a text is an emoji of Unicode, as far as the categories of its characters tell.

    Emoji newer than Python's tables are unassigned there (Cn).
    """
    if name.endswith("\u20e3"):  # a keycap
        return name.strip("\u20e3\ufe0f") in {*"0123456789#*"}
    kinds = {unicodedata.category(char) for char in name}
    symbols = {"So", "Sk", "Sm", "Po", "Pd", "Cn"}
    return bool(kinds & symbols) and kinds <= symbols | {"Mn", "Cf"} and not name.isascii()


def emoji_findings(path: Path, component: Json) -> Iterator[Finding]:
    """An emoji is one of Unicode's, or names a custom one by its ID."""
    emoji: Any = component.get("emoji")
    if not emoji or emoji.get("id"):
        return
    if not is_emoji(str(emoji.get("name") or "")):
        here = (*path, "emoji", "name")
        yield Finding(here, "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")


def button_findings(path: Path, button: Json) -> Iterator[Finding]:
    """Which of custom_id, url, sku_id and label a button style requires."""
    style = button["style"]
    yield from emoji_findings(path, button)
    if style == LINK:
        if not button.get("url"):
            yield Finding((*path, "url"), "BUTTON_COMPONENT_URL_REQUIRED", "A url is required")
        elif not button["url"].startswith(("http://", "https://", "discord://")):
            message = "Scheme must be one of ('http', 'https', 'discord')."
            yield Finding((*path, "url"), "URL_TYPE_INVALID_SCHEME", message)
    elif style != PREMIUM and not button.get("custom_id"):
        message = "A custom id is required"
        yield Finding((*path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", message)
    if style != PREMIUM and button.get("custom_id" if style == LINK else "url"):
        message = "A custom id and url cannot both be specified"
        yield Finding(path, "BUTTON_COMPONENT_CUSTOM_ID_AND_URL", message)
    if style != PREMIUM and not button.get("label") and not button.get("emoji"):
        message = "A label or an emoji is required"
        yield Finding(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", message)


@rule("message", REFERENCE + "#button")
def buttons_have_what_their_style_wants(form: FormBody) -> Iterator[Finding]:
    """A link has a url, every other button a custom_id; all have a label or an emoji."""
    for inner, _ in each_of(form, {BUTTON}):
        yield from button_findings(inner.path, inner.value)


def select_findings(path: Path, menu: Json) -> Iterator[Finding]:
    """Options, defaults and the number of values must agree."""
    low, high = menu.get("min_values", 1), menu.get("max_values", 1)
    options = menu.get("options") or []
    if low > high:
        message = f"min_values ({low}) is larger than max_values ({high})."
        yield Finding((*path, "min_values"), "SELECT_COMPONENT_MIN_ABOVE_MAX", message)
    if menu["type"] != STRING_SELECT:
        yield from _default_value_findings(path, menu, low, high)
        return
    if high > len(options):
        message = f"max_values ({high}) is larger than the number of options ({len(options)})."
        yield Finding((*path, "max_values"), "SELECT_COMPONENT_MAX_ABOVE_OPTIONS", message)
    if sum(bool(option.get("default")) for option in options) > high:
        message = "More options are set by default than may be chosen."
        yield Finding((*path, "options"), "SELECT_COMPONENT_TOO_MANY_DEFAULT", message)
    seen: set[str] = set()
    for index, option in enumerate(options):
        yield from emoji_findings((*path, "options", index), option)
        if option["value"] in seen:
            here = (*path, "options", index, "value")
            message = "The specified option value is already used"
            yield Finding(here, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)
        seen.add(option["value"])


def _default_value_findings(path: Path, menu: Json, low: int, high: int) -> Iterator[Finding]:
    """Defaults have the menu's type, and are as many as may be chosen."""
    defaults = menu.get("default_values") or []
    if defaults and not low <= len(defaults) <= high:
        message = f"Must be between {low} and {high} in length."
        yield Finding((*path, "default_values"), "BASE_TYPE_BAD_LENGTH", message)
    for index, default in enumerate(defaults):
        if default.get("type") not in DEFAULT_TYPES[menu["type"]]:
            here = (*path, "default_values", index, "type")
            yield Finding(here, "BASE_TYPE_CHOICES", "The menu does not offer that type.")


@rule("message", REFERENCE + "#string-select")
def selects_are_consistent(form: FormBody) -> Iterator[Finding]:
    """The values of a select menu are distinct, and at least as many as can be selected."""
    for inner, _ in each_of(form, SELECTS):
        yield from select_findings(inner.path, inner.value)
