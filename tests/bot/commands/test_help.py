from pathlib import Path

from bot.app.client import AtelierClient
from bot.commands.help import help_layout, leaves
from bot.help_command import NOTES, document
from bot.texts import languages
from tests.kit.world import World


async def test_members_see_what_they_can_use(world: World) -> None:
    message = await world.slash(world.user(), "help", context="bot_dm")
    assert message.ephemeral
    assert "`/paint`" in message.text
    assert "`/style save`" in message.text
    assert "Paint this" in message.text
    assert "/blocklist" not in message.text


async def test_admins_also_see_theirs(world: World) -> None:
    message = await world.slash(world.user("admin"), "help")
    assert "`/blocklist add`" in message.text


async def test_in_german_with_the_names_that_german_users_see(world: World) -> None:
    message = await world.slash(world.user("ada", locale="de"), "help")
    assert "`/malen` · Ein Foto im Stil eines Gemäldes malen." in message.text
    assert "`/stil speichern`" in message.text


async def test_it_fits_into_a_message_in_every_language(world: World) -> None:
    client: AtelierClient = world.bot
    for t in languages().values():
        layout = help_layout(t, client.tree, for_admin=True)
        assert layout.content_length() <= 4000  # characters of all texts of a message


async def test_the_document_of_the_commands_is_up_to_date(world: World) -> None:
    path = Path(__file__).resolve().parents[3] / "docs" / "commands.md"
    hint = "run `python -m bot.help_command`"
    assert path.read_text(encoding="utf-8") == document(world.bot.tree), hint


async def test_every_note_of_the_document_belongs_to_a_command(world: World) -> None:
    assert set(NOTES) <= {command.qualified_name for command in leaves(world.bot.tree)}
