from pathlib import Path

from bot.app.client import AtelierClient
from bot.commands.help import TEXT_LIMIT, help_layout, leaves
from bot.help_command import NOTES, document
from bot.texts import languages
from tests.bot_commands.house import House


async def test_members_see_what_they_can_use(house: House) -> None:
    message = await house.slash(house.user(), "help", context="bot_dm")
    assert message.ephemeral
    assert "`/paint`" in message.text
    assert "`/style save`" in message.text
    assert "Paint this" in message.text
    assert "/blocklist" not in message.text


async def test_admins_also_see_theirs(house: House) -> None:
    message = await house.slash(house.user("admin"), "help")
    assert "`/blocklist add`" in message.text


async def test_in_german_with_the_names_that_german_users_see(house: House) -> None:
    message = await house.slash(house.user("ada", locale="de"), "help")
    assert "`/malen` · Ein Foto im Stil eines Gemäldes malen." in message.text
    assert "`/stil speichern`" in message.text


async def test_it_fits_into_a_message_in_every_language(house: House) -> None:
    client: AtelierClient = house.client
    for t in languages().values():
        layout = help_layout(t, client.tree, for_admin=True)
        assert layout.content_length() <= TEXT_LIMIT


async def test_the_document_of_the_commands_is_up_to_date(house: House) -> None:
    path = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
    hint = "run `python -m bot.help_command`"
    assert path.read_text(encoding="utf-8") == document(house.client.tree), hint


async def test_every_note_of_the_document_belongs_to_a_command(house: House) -> None:
    assert set(NOTES) <= {command.qualified_name for command in leaves(house.client.tree)}
