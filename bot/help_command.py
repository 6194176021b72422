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

Every command of Atelier with its options: first those of members, then those of admins.

- Answers that concern only you are shown only to you.
- Names and descriptions appear in the language of your Discord: {languages} so far.
- Buttons keep working after a restart of the bot, and check who presses them.

(`python -m bot.help_command` writes this file, and a test fails when it is out of date.)
"""

MEMBERS = """\
## For members

These work in servers, in direct messages with the bot, and everywhere else for people who
installed Atelier for themselves. Where the bot is not a member it cannot edit its message after
15 minutes, so a picture that takes longer arrives as a direct message.
"""

ADMINS = """\
## For admins

Discord shows these to people who may manage the server. You can change that in the server
settings; the bot checks the permission in any case, at each command, button and form. Those whose
IDs are in `ATELIER_OWNER_IDS` run the bot and count as admins of every server.

Every change is logged: `/limits log` shows it, and a channel chosen in `/limits set` gets it as a
message.
"""

TAIL = """\
## Add a language

`python -m bot.locales it` creates `bot/locales/it/atelier.po` (or the file of any other language
that Discord has). Fill in the empty translations with any editor for .po files, and restart the
bot; there is nothing to compile or register. After a change, `python -m bot.locales` updates all
files and lists what is still to be translated. The tests refuse a language that is incomplete,
whose placeholders differ, or whose names are longer than Discord allows.
"""


def _labels(actions: Iterable[Action]) -> str:
    return ", ".join(LOOKS[action].label for action in actions)


NOTES: Mapping[str, str] = {
    "paint": "Without a style you are asked for one: a picture, a painting of the catalogue, or a "
    "saved style. The message shows the place in the queue, then the picture as it grows, then the "
    f"result, with buttons: {_labels(RESULT_ACTIONS)}, and {_labels([Action.GALLERY])} if the "
    f"server has a gallery; while it waits or grows: {_labels([Action.CANCEL])}.",
    "queue": "Shows each of your pictures with its place, when it will be ready, and a button to "
    "cancel it. Also shows what waits in the server, whether the queue is paused, and whether an "
    "engine is running.",
    "cancel": "A waiting picture is cancelled at once and does not count for the day. One that is "
    "being painted stops after its current step, which takes some seconds for a large picture on a "
    "processor.",
    "history": "Four pictures a page. Choose one to see it in full, with all its buttons.",
    "show": "Your own anywhere; others' in the server where they were posted for everybody, if you "
    "can see that channel. Admins see all pictures of their server.",
    "settings": "A form: size and quality, what happens to the photo's colors, a spoiler on all "
    "pictures. Your own also has when you are mentioned, whether only you see your pictures, and "
    "your language; a server's also has the roles whose pictures are hidden, and the language of "
    "what is posted for all (gallery, style of the week, log channel). Chosen in a post of a "
    "forum, *This channel's* are the defaults of the forum.",
    "styles": "Six to a page, with swatches. The search forgives typing errors.",
    "style save": "Up to 25 of your own; a server can have 100. A style of the same name is "
    "replaced. Saved styles are offered first wherever a preset is asked for.",
    "privacy": "Says what is kept and for how long. One button sends you all of it as a zip, "
    "another erases it after a question. Styles saved for a server stay, and so do blocks and, for "
    "one day, the times of your pictures, so that erasing does not reset the daily limit.",
    "limits show": "What this server has set is bold; the rest are the operator's limits. A button "
    "opens the form of `/limits change`.",
    "limits set": "A value that would loosen what the bot's operator allows is refused, and the "
    "answer says which value is allowed. A button undoes the change.",
    "limits change": "Opens one form with all current limits: the numbers, one per line; roles "
    "that may paint (none: everybody), roles that are free of the server's numbers, roles that are "
    "painted first; channels in which to paint (none: all). For blocked members see "
    "`/blocklist show`.",
    "limits reset": "Resets one limit at once, or all after a question. Both can be undone.",
    "queue-admin pause": "What is being painted is finished, and waiting pictures keep their "
    "places.",
    "queue-admin clear": "Says how many there are and asks first; their members are told. "
    "A button undoes it for ten minutes.",
    "queue-admin remove": "Also stops a picture that is being painted.",
    "style-of-the-week": "Posts one message in the gallery, or where the command is used: the "
    "painting, a button with which everybody can paint in its style, and an end, when the message "
    "says how many pictures were painted.",
    "stats": "Pictures, members, failures, waiting and painting time, as numbers and as a diagram "
    "by day (UTC). Those who run the bot can ask for all servers together.",
}


MENUS = {
    "Paint this": "In the Apps menu of a message with a picture: paints that picture. A form asks "
    "for the style and its strength.",
    "Use as style": "In the Apps menu of a message with a picture: paints in the style of that "
    "picture. A form asks for up to ten photographs, which become one message and each count.",
    "Paint the avatar": "In the Apps menu of a member: paints their avatar. A form asks for the "
    "style and its strength.",
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
