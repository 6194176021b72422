from pathlib import Path
from typing import Any

from bot.app.client import AtelierClient
from bot.commands.help import commands_layout, help_layout, leaves
from bot.help_command import NOTES, document
from bot.texts import languages
from sandbox.model import Message
from tests.kit.pictures import gradient_picture
from tests.kit.world import World


async def open_command_list(world: World, user: str, **details: Any) -> Message:
    """Open the list of all commands from the button under the short help."""
    locale = details.pop("locale", "en-US")
    member = world.user(user, locale=locale)
    message = await world.slash(member, "help", **details)
    label = {"de": "Alle Befehle"}.get(locale, "All commands")
    await world.press(member, message, label)
    return message


async def test_help_is_short_and_states_the_local_limits(world: World) -> None:
    await world.queue.limits.set(world.guild_id, {"max_size_px": 768, "cooldown_seconds": 30}, 1)
    message = await world.slash(world.user(), "help")
    assert message.ephemeral
    assert len(message.text) < 1000
    assert "`/paint`" in message.text
    assert "Largest size: 768 px" in message.text
    assert ": 30 s" in message.text
    assert (
        "Largest size: 2048 px" in (await world.slash(world.user(), "help", context="bot_dm")).text
    )


async def test_try_it_now_in_help_starts_a_painting(world: World) -> None:
    message = await world.slash(world.user(), "help")
    opened = await world.press(world.user(), message, "Try it now")
    photo = {"content": [("photo.png", gradient_picture())]}
    submitted = await world.discord.submit_modal(opened, {}, photo)
    member = await world.wait_for_text(submitted, "Which style")
    (first, *_) = [button["label"] for button in member.buttons]
    chosen = await world.discord.press(world.user(), member, label=first)
    await world.wait_for_text(chosen, "Place 1")


async def test_command_list_hides_admin_commands_from_members(world: World) -> None:
    message = await open_command_list(world, "ada", context="bot_dm")
    assert "`/paint`" in message.text
    assert "`/style save`" in message.text
    assert "Paint this" in message.text
    assert "/blocklist" not in message.text


async def test_command_list_shows_admins_the_admin_commands(world: World) -> None:
    message = await open_command_list(world, "admin")
    assert "`/blocklist add`" in message.text


async def test_command_list_uses_german_command_names(world: World) -> None:
    message = await open_command_list(world, "ada", locale="de")
    assert "`/malen` · Ein Foto im Stil eines Gemäldes malen." in message.text
    assert "`/stil speichern`" in message.text


async def test_help_fits_into_a_message_in_every_language(world: World) -> None:
    client: AtelierClient = world.bot
    for t in languages().values():
        short = help_layout(t, client.tree, world.settings.limits, 1)
        assert short.content_length() <= 1500
        layout = commands_layout(t, client.tree, for_admin=True)
        assert layout.content_length() <= 4000  # characters of all texts of a message


async def test_commands_document_is_up_to_date(world: World) -> None:
    path = Path(__file__).resolve().parents[3] / "docs" / "commands.md"
    hint = "run `python -m bot.help_command`"
    assert path.read_text(encoding="utf-8") == document(world.bot.tree), hint


async def test_every_note_in_the_commands_document_belongs_to_a_command(world: World) -> None:
    assert set(NOTES) <= {command.qualified_name for command in leaves(world.bot.tree)}
