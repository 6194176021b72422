"""The sandbox with a discord.py client."""

from sandbox import LoopbackDiscord
from tests.sandbox.tiny_bot import TinyBot


async def test_slash_with_attachment_is_deferred_edited_and_followed_up(
    discord: LoopbackDiscord, bot: TinyBot, picture: bytes
) -> None:
    files = {"content": ("photo.png", picture), "style": ("style.png", picture)}
    i = await discord.slash(discord.user("ada"), "paint", {"size": 128}, files)
    assert i.acknowledged_after_seconds is not None
    await i.wait(lambda i: i.message and i.message.content == "done")
    assert i.message is not None
    assert i.message.attachments[0].data == picture
    assert i.message.attachments[0].width == 8
    await i.wait(lambda i: i.followups)
    assert i.followups[0].ephemeral
    assert not discord.violations


async def test_autocomplete_returns_choices(discord: LoopbackDiscord, bot: TinyBot) -> None:
    found = await discord.autocomplete(discord.user("ada"), "paint", "preset", "st")
    assert found == [{"name": "starry-night", "value": "starry-night"}]


async def test_buttons_selects_and_modals_with_files_work(
    discord: LoopbackDiscord, bot: TinyBot, picture: bytes
) -> None:
    ada, grace = discord.user("ada"), discord.user("grace")
    i = await discord.slash(ada, "paint", {}, {"content": ("photo.png", picture)})
    await i.wait(lambda i: i.message and i.message.buttons)
    assert i.message is not None
    pressed = await discord.press(grace, i.message, label="Remix")
    assert pressed.modal is not None
    submitted = await discord.submit_modal(
        pressed, {"strength": "2"}, {"picture": [("p.png", picture)]}
    )
    assert submitted.message is not None
    assert submitted.message.text == f"strength 2, files [{len(picture)}]"
    await discord.select(ada, i.message, ["large"])
    assert i.message.content == "size large"
    assert not discord.violations


async def test_message_menu_and_subcommand_are_answered(
    discord: LoopbackDiscord, bot: TinyBot
) -> None:
    ada = discord.user("ada")
    i = await discord.message_command(ada, "Paint this", discord.post(ada, "hello"))
    assert i.message is not None
    assert i.message.ephemeral
    i = await discord.slash(ada, "queue show")
    assert i.message is not None
    assert i.message.text == "empty"


async def test_commands_work_in_direct_and_private_contexts(
    discord: LoopbackDiscord, bot: TinyBot, picture: bytes
) -> None:
    for context in ("bot_dm", "private", "guild_without_bot"):
        i = await discord.slash(
            discord.user("ada"), "paint", {}, {"content": ("a.png", picture)}, context=context
        )
        await i.wait(lambda i: i.message and i.message.content == "done")
    user = await bot.fetch_user(discord.user("ada").id)
    await user.send("hello")
    assert discord.dms(discord.user("ada"))[-1].content == "hello"
    assert not discord.violations


async def test_client_resumes_after_dropped_sockets(discord: LoopbackDiscord, bot: TinyBot) -> None:
    await bot.wait_until_ready()
    await discord.drop_sockets()
    assert await discord.until(lambda: discord.gateway.resumed == 1)
    await discord.send_op7()
    assert await discord.until(lambda: discord.gateway.resumed == 2)
    await discord.send_op9()
    assert await discord.until(lambda: discord.gateway.identified == 2, 15)
