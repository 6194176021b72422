import pytest

from bot.commands.saved_styles import clean_name
from bot.kit import UserError
from common.catalogue import load_catalogue
from sandbox.model import Message, User
from tests.kit.pictures import plain_picture
from tests.kit.world import PHOTO, World

STYLE_FILE = ("style.png", plain_picture((80, 60), "crimson"))


async def save(world: World, user: User, name: str, **details: object) -> Message:
    server = {"for_server": details.pop("for_server")} if "for_server" in details else {}
    return await world.slash(
        user,
        "style save",
        {"name": name, **server},
        attachments={"picture": details.pop("file", STYLE_FILE)},
        **details,
    )


async def visible_styles(world: World, user: User) -> list[tuple[str, str]]:
    styles = await world.queue.styles.visible_to(user.id, world.guild_id)
    return [(style.scope, style.name) for style in styles]


async def test_a_saved_style_is_offered_as_preset_and_shown(world: World) -> None:
    ada = world.user("ada")
    message = await save(world, ada, "  My   crimson ")
    assert message.ephemeral
    assert "“My crimson” was saved" in message.text
    assert await visible_styles(world, ada) == [("user", "My crimson")]
    offered = await world.discord.autocomplete(ada, "paint", "preset", "crimson")
    assert any("My crimson" in choice["name"] for choice in offered)
    shown = await world.slash(ada, "styles", {"whose": "Saved here"})
    assert "**My crimson**\nyour own" in shown.text
    assert len(shown.attachments) == 1
    assert not await visible_styles(world, world.user("grace"))


async def test_saving_under_an_existing_name_replaces_the_style(world: World) -> None:
    ada = world.user("ada")
    await save(world, ada, "Crimson")
    message = await save(world, ada, "crimson", file=("b.png", plain_picture(color="navy")))
    assert "now uses the new picture" in message.text
    assert len(await visible_styles(world, ada)) == 1


async def test_only_admins_save_a_style_for_the_server(world: World) -> None:
    ada, admin = world.user("ada"), world.user("admin")
    refused = await save(world, ada, "Ours", for_server=True)
    assert "Only members who manage this server" in refused.text
    assert not await visible_styles(world, ada)
    assert "saved" in (await save(world, admin, "Ours", for_server=True)).text
    assert await visible_styles(world, ada) == [("guild", "Ours")]
    in_dm = await save(world, admin, "Ours", for_server=True, context="bot_dm")
    assert "only in a server" in in_dm.text


async def test_members_remove_own_styles_and_admins_server_styles(world: World) -> None:
    ada, admin = world.user("ada"), world.user("admin")
    await save(world, ada, "Mine")
    await save(world, admin, "Ours", for_server=True)
    offered = await world.discord.autocomplete(ada, "style remove", "name", "")
    assert [choice["name"] for choice in offered] == ["Mine"]
    refused = await world.slash(ada, "style remove", {"name": "Ours"})
    assert "no saved style “Ours” that you may remove" in refused.text
    removed = await world.slash(ada, "style remove", {"name": offered[0]["value"]})
    assert "“Mine” was removed" in removed.text
    assert "removed" in (await world.slash(admin, "style remove", {"name": "ours"})).text
    log = (await world.slash(admin, "limits log")).text
    assert "saved a style for the server (“Ours”)" in log
    assert "removed a style of the server (“Ours”)" in log
    assert "Mine" not in log
    assert not await visible_styles(world, ada)


async def test_exact_style_name_is_offered_first(world: World) -> None:
    """Enter takes the first choice: `moss` must not be `Damp moss`."""
    ada = world.user("ada")
    for name in ("Damp moss", "Mossy", "Moss"):
        await save(world, ada, name)
    offered = await world.discord.autocomplete(ada, "style remove", "name", "moss")
    assert [choice["name"] for choice in offered] == ["Moss", "Mossy", "Damp moss"]
    offered = await world.discord.autocomplete(ada, "paint", "preset", "moss")
    assert "Moss (saved)" in offered[0]["name"].translate({0x2068: None, 0x2069: None})


async def test_style_file_that_is_not_a_picture_is_refused(world: World) -> None:
    ada = world.user("ada")
    message = await save(world, ada, "Notes", file=("notes.png", b"these are notes"))
    assert "not a picture" in message.text
    assert not await visible_styles(world, ada)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Blue\t\nHorse ", "Blue Horse"),
        ("Bl\u200bue\u202e", "Blue"),
        ("Cafe\u0301", "Café"),
        ("青い馬", "青い馬"),
        ("**bold** @everyone", "**bold** @everyone"),
        ("Us \U0001f469\u200d\U0001f467", "Us \U0001f469\u200d\U0001f467"),
        ("Wales \U0001f3f4\U000e0077\U000e007f", "Wales \U0001f3f4\U000e0077\U000e007f"),
        ("\u0645\u06cc\u200c\u0634", "\u0645\u06cc\u200c\u0634"),
        ("B\u200dlue\U000e0077 \u200d", "Blue"),
        ("\U0001f44d\U0001f3fd" * 38 + "ab", "\U0001f44d\U0001f3fd" * 38 + "ab"),
    ],
)
def test_names_are_made_safe_to_store(typed: str, name: str) -> None:
    assert clean_name(typed) == name


@pytest.mark.parametrize("typed", ["", " ", "\u200b", "???", "x" * 41, "Starry-Night"])
def test_names_that_cannot_be_used_are_refused(typed: str) -> None:
    assert any(each.id == "starry-night" for each in load_catalogue())
    with pytest.raises(UserError):
        clean_name(typed)


async def test_markup_in_a_name_stays_text(world: World) -> None:
    ada = world.user("ada")
    message = await save(world, ada, "**Bold** <@1>")
    assert "\\*\\*Bold\\*\\*" in message.text
    shown = await world.slash(ada, "styles", {"whose": "Saved here"})
    assert "\\*\\*Bold\\*\\*" in shown.text


async def test_refusal_of_too_many_styles_states_the_limit(world: World) -> None:
    ada = world.user("ada")
    key = await world.queue.store.put(plain_picture(), ".png")
    for number in range(25):
        await world.queue.styles.save("user", ada.id, f"Style {number}", key, ada.id)
    message = await save(world, ada, "One more")
    assert "There are 25 saved styles already" in message.text


async def test_saved_style_keeps_its_name_on_cards_and_in_history(world: World) -> None:
    await world.start_engine()
    await save(world, world.user(), "Grandma's quilt")
    message = await world.paint_and_wait({"preset": "grandma's QUILT"}, attachments=PHOTO)
    assert "Grandma's quilt, for Ada" in message.text
    history = await world.slash(world.user(), "history")
    assert "Grandma's quilt" in history.text
    form = await world.press(world.user(), message, "Change…")
    again = await world.wait_finished(await world.discord.submit_modal(form))
    assert "Grandma's quilt" in again.text


async def test_menu_entry_of_a_removed_style_is_refused(
    world: World,
) -> None:
    ada = world.user()
    await save(world, ada, "Mine")
    interaction = await world.paint({}, PHOTO)
    message = await world.wait_for_text(interaction, "Which style")
    (menu,) = message.selects
    value = menu["options"][0]["value"]
    await world.slash(ada, "style remove", {"name": "Mine"})
    await save(world, ada, "Another")
    chosen = await world.discord.select(ada, message, [value])
    assert "That saved style has been removed in the meantime" in await world.answer_text(chosen)
    assert not await world.jobs()


async def test_menu_entry_of_a_replaced_style_uses_the_new_picture(world: World) -> None:
    ada = world.user()
    await save(world, ada, "Mine")
    await save(world, ada, "Other")
    await save(world, world.user("admin"), "Other", for_server=True)
    message = await world.wait_for_text(await world.paint({}, PHOTO), "Which style")
    (menu,) = message.selects
    whose = {each["description"] for each in menu["options"] if each["label"] == "Other"}
    assert whose == {"your own", "of this server"}
    (value,) = [each["value"] for each in menu["options"] if each["label"] == "Mine"]
    await save(world, ada, "Mine", file=("b.png", plain_picture(color="navy")))
    await world.wait_for_text(await world.discord.select(ada, message, [value]), "Mine")
    (job,) = await world.jobs()
    saved = await world.queue.styles.visible_to(ada.id, world.guild_id)
    assert job.inputs.styles[0].picture == saved[0].picture_key


@pytest.mark.parametrize("source", ["/styles", "the style of the week"])
async def test_removed_style_is_refused_before_asking_for_a_photo(
    world: World, source: str
) -> None:
    admin = world.user("admin")
    await save(world, admin, "Ours", for_server=True)
    if source == "/styles":
        page = await world.slash(admin, "styles", {"whose": "Saved here"})
    else:
        await world.slash(admin, "style-of-the-week", {"style": "Ours"})
        (page,) = [each for each in world.discord.messages() if "Style of the week" in each.text]
    opened = await world.discord.press(admin, page, label="Paint with this")
    assert opened.modal is not None
    await world.slash(admin, "style remove", {"name": "Ours"})
    refused = await world.discord.press(admin, page, label="Paint with this")
    assert "That saved style has been removed in the meantime" in await world.answer_text(refused)
    assert refused.modal is None


async def test_server_and_own_styles_of_the_same_name_are_distinguished(world: World) -> None:
    ada, admin = world.user("ada"), world.user("admin")
    await save(world, ada, "Moss")
    await save(world, admin, "Moss", for_server=True)
    for where, expected in (
        ({}, ["Moss (saved)", "Moss (server)"]),
        ({"context": "bot_dm"}, ["Moss (saved)"]),
    ):
        offered = await world.discord.autocomplete(ada, "paint", "preset", "moss", **where)
        assert [each["name"] for each in offered if "Moss" in each["name"]] == expected
