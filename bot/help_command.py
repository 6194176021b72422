"""The commands as a document for those who run or use the bot, made from the commands.

`python -m bot.help_command` writes it to `docs/commands.md`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import discord
from babel import Locale
from babel.lists import format_list
from discord import app_commands

from bot.app.features import build_client
from bot.cards.job_buttons import LOOKS, Action
from bot.cards.job_card import RESULT_ACTIONS
from bot.commands.help import Leaf, is_for_admins, leaves
from bot.kit import Tree
from bot.texts import languages
from common.settings import Settings

PATH = Path(__file__).resolve().parents[1] / "docs" / "commands.md"

HEAD = """\
# Commands

What members and admins can ask of Atelier in Discord. This file is made by
`python -m bot.help_command`; a test fails when it is out of date.

Answers that concern only you are shown only to you. Names and descriptions appear in
the language of each user's Discord ({languages} so far;
another is one file, see below).
Every button goes on working after a restart of the bot, and checks who presses it.
"""

MEMBERS = """\
## For members

These work in servers, in direct messages with the bot, and, if you installed Atelier for
yourself, everywhere else. Where the bot is not a member, it cannot edit its message after 15
minutes, so a picture that takes longer comes as a direct message.
"""

ADMINS = """\
## For admins

Discord shows these to members who can manage the server. A server's owner can change that in the
server settings; the bot checks the permission again in any case, at each command, button and
form. Every change is written to a log that `/limits log` shows, and posted to a channel if one is
chosen in `/limits set`. People whose IDs are in `ATELIER_OWNER_IDS` run the bot, and count as
admins of every server.
"""

TAIL = """\
## Another language

`python -m bot.locales it` begins `bot/locales/it/atelier.po` (or any other language that Discord
has). Translate what is empty in it with any editor of .po files, and start the bot again: nothing
has to be compiled or registered. `python -m bot.locales` brings all files up to date after a
change, and lists what is still to be translated; the tests refuse a language that is incomplete,
whose placeholders differ, or whose names are longer than Discord allows.
"""


def _labels(actions: Iterable[Action]) -> str:
    return ", ".join(LOOKS[action].label for action in actions)


NOTES: Mapping[str, str] = {
    "paint": "Needs a photo and at least one style: a picture, a painting of the catalogue, or a "
    "saved style. The message shows the place in the queue, then the picture as it grows, then the "
    f"result, with buttons: {_labels(RESULT_ACTIONS)}, and where the server has a gallery "
    f"{_labels([Action.GALLERY])}; while it waits or grows: {_labels([Action.CANCEL])}.",
    "queue": "Shows each of your pictures with its place, when it will be ready, and a button to "
    "cancel it; and what is waiting in the server, whether it is paused, and whether an engine is "
    "running.",
    "cancel": "A picture that waits is cancelled at once and does not count for the day; one that "
    "is being painted stops after the step that it is in, which for a large picture on a processor "
    "takes a few seconds.",
    "history": "Four pictures a page. Choose one to see it in full, with all its buttons.",
    "show": "Yours anywhere; others' in the server where they were posted for everybody, if you "
    "can see that channel. Admins see all pictures of their server.",
    "settings": "A form: size and quality, whether to keep the photo's colors, a spoiler on all "
    "pictures. Your own also has when you are mentioned, whether only you see the pictures, and "
    "the language; a server's has the roles whose pictures are hidden, and the language of what "
    "is posted for everybody (gallery, style of the week, log channel). *This channel's*, chosen "
    "in a post of a forum, apply to the whole forum.",
    "styles": "Six to a page, with swatches. The search forgives typos.",
    "style save": "Up to 25 of your own; a server can have 100. A name that exists is replaced. "
    "Saved styles are offered first wherever a preset is asked for.",
    "privacy": "Says what is kept and for how long. One button sends you all of it as a zip, "
    "another erases it after a question. Styles saved for a server stay, so does a block, and for "
    "one day the times of your pictures, so that erasing does not reset the limit of pictures a "
    "day.",
    "limits show": "What this server has set is bold; the rest are the operator's limits. A button "
    "opens the form of `/limits change`.",
    "limits set": "A value that would loosen what the operator of the bot allows is refused, with "
    "the value that is allowed. The answer has a button to undo it.",
    "limits change": "Opens one form with all limits as they are: the numbers, one per line; "
    "roles that may paint (none: everybody), roles exempt from the server's numbers, roles whose "
    "pictures are painted first; channels in which to paint (none: all). Who is blocked: "
    "`/blocklist show`.",
    "limits reset": "One limit at once, all after a question; both can be undone.",
    "queue-admin pause": "Pictures being painted are finished; waiting pictures keep their places.",
    "queue-admin clear": "Says how many there are and asks first; their owners are told. "
    "A button undoes it for ten minutes.",
    "queue-admin remove": "Also stops a picture that is being painted.",
    "style-of-the-week": "Posts one message in the gallery, or where the command is used: the "
    "painting, a button with which everybody can paint their photos in its style, and when it "
    "ends; then the message says how many pictures were painted.",
    "stats": "Pictures, members, failures, waiting and painting time, in figures and as a diagram "
    "by day (UTC). The operator of the bot can ask for all servers together.",
}


MENUS = {
    "Paint this": "In the Apps menu of a message with a picture: paints that picture. A form asks "
    "for the style and its strength.",
    "Use as style": "In the Apps menu of a message with a picture: paints in the style of that "
    "picture. A form asks for up to ten photos, which are painted in one message; each counts as "
    "a picture.",
    "Paint the avatar": "In the Apps menu of a member: paints their profile "
    "picture. A form asks for the style and its strength.",
}


def document(tree: Tree) -> str:
    """The whole document, as Markdown."""
    commands = list(leaves(tree))
    names = [str(Locale.parse(code, sep="-").english_name) for code in languages()]
    parts = [HEAD.format(languages=format_list(names, locale="en_GB")), MEMBERS]
    parts += [_section(command) for command in commands if not is_for_admins(command)]
    for kind in (discord.AppCommandType.message, discord.AppCommandType.user):
        parts += [
            f"### {menu.name}\n\n{MENUS[menu.name]}\n" for menu in tree.get_commands(type=kind)
        ]
    parts.append(ADMINS)
    parts += [_section(command) for command in commands if is_for_admins(command)]
    return "\n".join([*parts, TAIL])


def _section(command: Leaf) -> str:
    lines = [f"### /{command.qualified_name}", "", command.description]
    if command.qualified_name in NOTES:
        lines[-1] += f" {NOTES[command.qualified_name]}"
    if command.parameters:
        lines += ["", "| Option | | Values |", "| --- | --- | --- |"]
    for parameter in command.parameters:
        name = f"**{parameter.display_name}**" if parameter.required else parameter.display_name
        lines.append(f"| {name} | {parameter.description} | {_values(parameter)} |")
    return "\n".join([*lines, ""])


KINDS: Mapping[str, str] = {
    "attachment": "a picture",
    "boolean": "yes or no",
    "channel": "a channel",
    "string": "text",
    "user": "a member",
}


def _values(parameter: app_commands.Parameter) -> str:
    if parameter.choices:
        return ", ".join(choice.name.partition(":")[0] for choice in parameter.choices)
    kind = parameter.type.name
    if parameter.autocomplete:
        return "offered while you type"
    if kind in {"integer", "number"} and parameter.max_value is not None:
        return f"{parameter.min_value} to {parameter.max_value}"
    return KINDS[kind]


if __name__ == "__main__":
    PATH.write_text(document(build_client(Settings(_env_file=None)).tree), encoding="utf-8")
