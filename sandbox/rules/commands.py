"""Application commands as they are registered."""

import unicodedata
from collections.abc import Iterator
from typing import Any

from sandbox.model import Json
from sandbox.rules import shape
from sandbox.rules.registry import Finding, FormBody, Path, rule

COMMANDS = "interactions/application-commands"
OBJECT = COMMANDS + "#application-command-object"
NAMING = OBJECT + "-application-command-naming"
OPTIONS = OBJECT + "-application-command-option-structure"
CHAT, USER, MENU = 1, 2, 3
MOST_BY_TYPE = {CHAT: 100, USER: 15, MENU: 15}
MAX_CHARACTERS = 8000
LOCALES = frozenset(
    (
        *("id", "da", "de", "en-GB", "en-US", "es-ES", "es-419", "fr", "hr", "it", "lt", "hu"),
        *("nl", "no", "pl", "pt-BR", "ro", "fi", "sv-SE", "vi", "tr", "cs", "el", "bg", "ru"),
        *("uk", "hi", "th", "zh-CN", "ja", "zh-TW", "ko"),
    )
)
CHOICE: shape.Schema = {"name": shape.Text(required=True, low=1, high=100)}
OPTION: shape.Schema = {
    "type": shape.OneOf(required=True, values=tuple(range(1, 12))),
    "name": shape.Text(required=True, low=1, high=32),
    "description": shape.Text(required=True, low=1, high=100),
    "required": shape.Boolean(),
    "autocomplete": shape.Boolean(),
    "choices": shape.Items(high=25, of=shape.Object(schema=CHOICE)),
    "options": shape.Items(high=25, of=shape.Object()),
    "channel_types": shape.Items(of=shape.Integer(low=0)),
    "min_value": shape.Number(),
    "max_value": shape.Number(),
    "file_types": shape.Items(high=10, of=shape.Text(low=2, high=32)),
    "min_length": shape.Integer(low=0, high=6000),
    "max_length": shape.Integer(low=1, high=6000),
    "name_localizations": shape.Object(),
    "description_localizations": shape.Object(),
}
COMMAND: dict[str, shape.Kind] = {
    "name": shape.Text(required=True, low=1, high=32),
    "type": shape.OneOf(values=(CHAT, USER, MENU)),
    "options": shape.Items(high=25, of=shape.Object()),
    "nsfw": shape.Boolean(),
    "dm_permission": shape.Boolean(),
    "default_member_permissions": shape.Snowflake(),
    "contexts": shape.Items(high=3, of=shape.OneOf(values=(0, 1, 2))),
    "integration_types": shape.Items(low=1, high=2, of=shape.OneOf(values=(0, 1))),
    "name_localizations": shape.Object(),
    "description_localizations": shape.Object(),
}


def walk_options(command: Json, path: Path) -> Iterator[tuple[Path, Json, int]]:
    """Every option of a command with its path and depth, 0 for the outermost."""
    pending: list[tuple[Path, Any, int]] = [(path, command, 0)]
    while pending:
        here, owner, depth = pending.pop(0)
        for index, option in enumerate(owner.get("options") or []):
            if isinstance(option, dict):
                inner = (*here, "options", index)
                yield inner, option, depth
                if isinstance(option.get("options"), list):
                    pending.append((inner, option, depth + 1))


@rule("command-shape", OBJECT)
def command_fields_have_their_types(form: FormBody) -> Iterator[Finding]:
    """The fields of commands and options have the right types and lengths."""
    schema = dict(COMMAND)
    if form.value.get("type", CHAT) == CHAT:
        schema["description"] = shape.Text(required=True, low=1, high=100)
    yield from shape.Object(schema=schema).findings(form.path, form.value)
    for path, option, _ in walk_options(form.value, form.path):
        yield from shape.Object(schema=OPTION).findings(path, option)


def is_valid_name(name: str) -> bool:
    """Whether a slash command or option may have this name: letters, digits, `-`, `_`, `'`."""
    return bool(name) and name == name.lower() and all(map(_may_be_in_a_name, name))


def _may_be_in_a_name(char: str) -> bool:
    if char in "-_'" or unicodedata.category(char)[0] in "LN":
        return True
    return "\u0900" <= char <= "\u097f" or "\u0e00" <= char <= "\u0e7f"


def _named(form: FormBody) -> Iterator[tuple[Path, Json]]:
    if form.value.get("type", CHAT) == CHAT:
        yield form.path, form.value
        for path, option, _ in walk_options(form.value, form.path):
            yield path, option


@rule("command", NAMING)
def command_names_are_lower_case(form: FormBody) -> Iterator[Finding]:
    """Names of slash commands and options: lowercase letters, digits, `-`, `_` and `'`."""
    for path, named in _named(form):
        places = {(*path, "name"): named["name"]}
        for locale, name in (named.get("name_localizations") or {}).items():
            places[*path, "name_localizations", locale] = name
        for where, name in places.items():
            if not isinstance(name, str) or not is_valid_name(name) or len(name) > 32:
                message = "Command name is invalid"
                yield Finding(where, "APPLICATION_COMMAND_INVALID_NAME", message)


@rule("command", COMMANDS + "#localization")
def localizations_are_for_known_locales(form: FormBody) -> Iterator[Finding]:
    """Localizations use Discord's locales, and have the same limits as what they translate."""
    for path, named in [(form.path, form.value), *_named(form)]:
        for key, high in (("name_localizations", 32), ("description_localizations", 100)):
            for locale, text in (named.get(key) or {}).items():
                where = (*path, key, locale)
                if locale not in LOCALES:
                    message = f"'{locale}' is not a valid locale."
                    yield Finding(where, "DICT_TYPE_INVALID_LOCALE", message)
                yield from shape.Text(low=1, high=high).findings(where, text)


@rule("command", OBJECT)
def menus_have_no_description_or_options(form: FormBody) -> Iterator[Finding]:
    """User and message commands have neither a description nor options."""
    if form.value.get("type", CHAT) == CHAT:
        return
    for key in ("description", "options"):
        if form.value.get(key):
            code = f"APPLICATION_COMMAND_CONTEXT_MENU_{key.upper()}"
            message = f"Context menu commands cannot have {key}"
            yield Finding((*form.path, key), code, message)


def _option_lists(form: FormBody) -> Iterator[tuple[Path, list[Json]]]:
    for path, owner in _named(form):
        options = owner.get("options")
        if options:
            yield (*path, "options"), options


@rule("command", OPTIONS)
def required_options_come_first(form: FormBody) -> Iterator[Finding]:
    """Required options come before optional ones."""
    for path, options in _option_lists(form):
        optional_seen = False
        for index, option in enumerate(options):
            if option.get("required") and optional_seen:
                message = "Required options must be placed before non-required options"
                code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
                yield Finding((*path, index), code, message)
            optional_seen = optional_seen or not option.get("required")


@rule("command", OPTIONS)
def option_names_are_unique(form: FormBody) -> Iterator[Finding]:
    """Options of a command have distinct names, and so have the choices of an option."""
    for path, options in _option_lists(form):
        yield from _repeated_names(path, options, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS")
    code = "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS"
    for path, option, _ in walk_options(form.value, form.path):
        yield from _repeated_names((*path, "choices"), option.get("choices") or [], code)


def _repeated_names(path: Path, named: list[Json], code: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, each in enumerate(named):
        if each["name"] in seen:
            yield Finding((*path, index, "name"), code, f"Name {each['name']} already used")
        seen.add(each["name"])


@rule("command", COMMANDS + "#subcommands-and-subcommand-groups")
def subcommands_stand_alone(form: FormBody) -> Iterator[Finding]:
    """Subcommands are not mixed with other options, and are not nested beyond one group."""
    code = "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"
    for path, options in _option_lists(form):
        kinds = {option["type"] for option in options}
        if kinds & {1, 2} and kinds - {1, 2}:
            message = "Sub-command and sub-command group option types are mutually exclusive"
            yield Finding(path, code, message)
    for path, option, depth in walk_options(form.value, form.path):
        if (option["type"] == 2 and depth > 0) or (option["type"] == 1 and depth > 1):
            yield Finding((*path, "type"), code, "Sub-commands are nested too deeply")
        elif option["type"] not in {1, 2} and option.get("options"):
            yield Finding((*path, "options"), code, "Only sub-commands have options")


@rule("command", OPTIONS)
def choices_fit_their_option(form: FormBody) -> Iterator[Finding]:
    """Choices have the option's type, and exclude autocomplete."""
    wanted: dict[int, type | tuple[type, ...]] = {3: str, 4: int, 10: (int, float)}
    for path, option, _ in walk_options(form.value, form.path):
        choices = option.get("choices") or []
        if choices and option.get("autocomplete"):
            message = "Autocomplete is not valid for options with choices"
            yield Finding((*path, "autocomplete"), "APPLICATION_COMMAND_AUTOCOMPLETE", message)
        if (choices or option.get("autocomplete")) and option["type"] not in wanted:
            message = "Choices and autocomplete are for strings and numbers"
            yield Finding((*path, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
            continue
        for index, choice in enumerate(choices):
            value = choice.get("value")
            right_type = isinstance(value, wanted[option["type"]])
            if not right_type or isinstance(value, bool) or len(str(value)) > 100:
                where = (*path, "choices", index, "value")
                message = f"Value {value!r} does not fit the option's type"
                yield Finding(where, "APPLICATION_COMMAND_OPTIONS_CHOICE_VALUE", message)


def _longest(named: Json, key: str) -> int:
    texts = [named.get(key) or "", *(named.get(f"{key}_localizations") or {}).values()]
    return max(len(str(text)) for text in texts)


@rule("command", COMMANDS + "#slash-commands")
def commands_keep_eight_thousand_characters(form: FormBody) -> Iterator[Finding]:
    """Names, descriptions and choices of one command have at most 8000 characters together."""
    total = 0
    for _, named in _named(form):
        total += _longest(named, "name") + _longest(named, "description")
        for choice in named.get("choices") or []:
            total += _longest(choice, "name") + len(str(choice.get("value")))
    if total > MAX_CHARACTERS:
        message = f"Command exceeds maximum size ({MAX_CHARACTERS})"
        yield form.wrong("APPLICATION_COMMAND_TOO_LARGE", message)


@rule("commands", COMMANDS + "#registering-a-command")
def commands_are_few_and_distinct(form: FormBody) -> Iterator[Finding]:
    """At most 100 slash commands and 15 context menus of each type, with distinct names."""
    seen: set[tuple[int, str]] = set()
    count: dict[int, int] = {}
    for index, command in enumerate(form.value):
        kind, name = command.get("type", CHAT), command["name"]
        count[kind] = count.get(kind, 0) + 1
        if (kind, name) in seen:
            message = "Application command names must be unique"
            yield Finding((index, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
        seen.add((kind, name))
        if count[kind] > MOST_BY_TYPE[kind]:
            message = "Maximum number of application commands reached"
            yield Finding((index,), "APPLICATION_COMMANDS_MAX", message)
