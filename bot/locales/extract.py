"""Finds every sentence of the bot, in its source code and in the names of its commands."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from discord import AppCommandType, app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.texts import CONTEXTS

ROOT = Path(__file__).resolve().parents[2]
KEYWORDS: dict[str, Any] = {"_": None, "t": None, "plural": (1, 2)}
# Other packages' sentences for members. Those of command lines only stay English.
OTHERS = ("common", "engine", "jobs")
COMMAND_LINE = (
    "**/cli.py",
    "**/arguments.py",
    "**/cli_inputs.py",
    "**/cli_moving.py",
    "**/cli_output.py",
)
_Found = tuple[int, str, str | tuple[str, ...], list[str]]
_HAS_A_WORD = re.compile(r"[^\W\d_]{2}")

Named = app_commands.Command[Any, ..., Any] | app_commands.Group | app_commands.ContextMenu


def names_in_tree(
    tree: app_commands.CommandTree[Any],
) -> Iterator[tuple[Location, str, Named]]:
    """Every name and description of commands that Discord shows, with its location."""
    for command in tree.walk_commands():
        if isinstance(command, app_commands.Group):
            yield Location.group_name, command.name, command
            yield Location.group_description, command.description, command
            continue
        yield Location.command_name, command.name, command
        yield Location.command_description, command.description, command
        for parameter in command.parameters:
            yield Location.parameter_name, parameter.display_name, command
            yield Location.parameter_description, parameter.description, command
            for choice in parameter.choices:
                yield Location.choice_name, choice.name, command
    for kind in (AppCommandType.message, AppCommandType.user):
        for menu in tree.walk_commands(type=kind):
            yield Location.command_name, menu.name, menu


def sentences(
    file: IO[bytes],
    keywords: Collection[str],
    comment_tags: Collection[str],  # noqa: ARG001 - the signature is Babel's
    options: Mapping[str, Any],  # noqa: ARG001 - the signature is Babel's
) -> Iterator[_Found]:
    """Find the calls that translate or mark a sentence.

    Babel's own Python extractor misses calls inside f-strings and inside other such calls.
    """
    for call in ast.walk(ast.parse(file.read())):
        if not isinstance(call, ast.Call):
            continue
        match call.func:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in keywords:
                pass
            case ast.Call(func=ast.Name(id="texts_of" | "texts_for")) if "t" in keywords:
                name = "t"
            case _:
                continue
        said = [
            argument.value
            for argument in call.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        if said:
            yield call.lineno, name, tuple(said) if len(said) > 1 else said[0], []


def kinds_of_explained() -> set[str]:
    """The names of the subclasses of `common.sentences.ExplainedError` in other packages."""
    classes = [
        (node.name, {ast.unparse(base) for base in node.bases})
        for package in OTHERS
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    kinds = {"ExplainedError"}
    while more := {name for name, bases in classes if bases & kinds} - kinds:
        kinds |= more
    return kinds


def template(tree: app_commands.CommandTree[Any]) -> Catalog:
    """A catalog with every sentence, untranslated."""
    catalog = Catalog(project="Atelier", copyright_holder="the authors of Atelier", charset="utf-8")
    others = dict.fromkeys(("sentence", *sorted(kinds_of_explained())))
    methods = [(name, "ignore") for name in COMMAND_LINE] + [("**.py", f"{__name__}:sentences")]
    for package, keywords in (("bot", KEYWORDS), *((name, others) for name in OTHERS)):
        for file, line, message, comments, _ in extract_from_dir(
            ROOT / package, method_map=methods, keywords=keywords
        ):
            place = f"{package}/{Path(file).as_posix()}"
            catalog.add(message, locations=[(place, line)], auto_comments=comments)
    for location, name, command in names_in_tree(tree):
        if _HAS_A_WORD.search(name):
            comment = f"{location.name.replace('_', ' ')} of /{command.qualified_name}"
            catalog.add(name, auto_comments=[comment], context=CONTEXTS.get(location))
    return catalog
