"""`/settings`: defaults of a member, a channel and a server."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bot.intake.own_defaults import READING_SECONDS, texts_of_server
from common.defaults import Defaults
from jobs.management.defaults import StoredDefaults
from sandbox.model import Message
from tests.kit.pictures import gradient_picture
from tests.kit.world import PHOTO, World, form_field, selected_values

PUBLIC_THREAD = 11

OWN_DEFAULTS = {
    "size": ["256/draft"],
    "colors": ["match"],
    "notify": ["no"],
    "language": ["-"],
    "switches": ["private"],
}


async def submit_settings(
    world: World, values: dict[str, Any], user: str = "ada", whose: str | None = None
) -> Message:
    """Submit the settings form; return the answer."""
    options = {} if whose is None else {"whose": whose}
    form = await world.discord.slash(world.user(user), "settings", options)
    await form.wait(lambda i: i.modal)
    submitted = await world.discord.submit_modal(form, values)
    return await world.wait_for_text(submitted, ".")


async def test_own_defaults_apply_to_options_left_out_of_a_command(world: World) -> None:
    await submit_settings(world, OWN_DEFAULTS)
    interaction = await world.discord.slash(
        world.user(), "paint", {"preset": "starry-night"}, PHOTO
    )
    await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
    assert (job.options.size_px, job.options.quality) == (256, "draft")
    assert job.options.keep_colors == "match"
    assert job.reply.ephemeral
    assert job.reply.notify == "no"
    options = {"size": 128, "quality": "fine", "ephemeral": False, "preset": "starry-night"}
    interaction = await world.discord.slash(world.user(), "paint", options, PHOTO)
    await world.wait_for_text(interaction, "Place 2")
    job = (await world.jobs())[0]
    assert (job.options.size_px, job.options.quality) == (128, "fine")
    assert not job.reply.ephemeral


async def test_colors_first_overrides_the_default_for_keeping_colors(world: World) -> None:
    await submit_settings(world, {"colors": ["match"]})
    await world.wait_for_text(await world.paint({"colors_first": 0.5}), "Place")
    (job,) = await world.jobs()
    assert (job.options.keep_colors, job.options.colors_first) == ("no", 0.5)
    both = await world.paint({"colors_first": 0.5, "keep_colors": "match"})
    assert "please leave out `keep_colors` or `colors_first`" in await world.answer_text(both)
    assert len(await world.jobs()) == 1


async def test_defaults_that_are_read_late_still_apply_to_the_command(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = world.guild_id
    await world.queue.defaults.set(
        "guild", owner, Defaults(always_spoiler=True), guild_id=owner, by_user=1
    )
    reads: list[object] = []
    in_force = StoredDefaults.in_force

    async def slow(stored: StoredDefaults, owners: Sequence[Any]) -> Defaults:
        reads.append(owners)
        await asyncio.sleep(1.5 * READING_SECONDS)
        return await in_force(stored, owners)

    monkeypatch.setattr(StoredDefaults, "in_force", slow)
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
    assert job.reply.spoiler
    assert len(reads) == 1


async def test_again_on_a_picture_of_another_member_uses_own_defaults(
    world: World,
) -> None:
    await world.start_engine()
    message = await world.paint_and_wait({"notify": "yes"})
    await submit_settings(world, {"notify": ["no"], "switches": ["private"]}, user="grace")
    again = await world.discord.press(world.user("grace"), message, label="Again")
    assert (await world.wait_finished(again)).ephemeral
    (job,) = await world.jobs("grace")
    assert job.reply.notify == "no"
    mine = await world.discord.press(world.user(), message, label="Again")
    assert not (await world.wait_finished(mine)).ephemeral
    assert (await world.jobs())[0].reply.notify == "yes"


async def test_defaults_survive_a_restart_and_apply_to_forms(
    world: World,
) -> None:
    await submit_settings(world, OWN_DEFAULTS)
    await world.stop_bot()
    await world.start_bot()
    post = world.discord.post(world.user("grace"), "look", [("cat.png", gradient_picture())])
    opened = await world.discord.message_command(world.user(), "Paint this", post)
    submitted = await world.discord.submit_modal(opened, {"preset": ["great-wave"]})
    await world.wait_for_text(submitted, "Place 1")
    (job,) = await world.jobs()
    assert job.options.size_px == 256
    assert job.reply.ephemeral
    form = await world.discord.slash(world.user(), "settings")
    await form.wait(lambda i: i.modal)
    assert selected_values(form, "size") == ["256/draft"]
    assert selected_values(form, "switches") == ["private"]


async def test_channel_defaults_apply_and_hide_all_pictures_of_the_channel(world: World) -> None:
    await submit_settings(
        world,
        {"size": ["384/fine"], "colors": ["-"], "switches": ["spoiler"]},
        "admin",
        "this channel's",
    )
    await submit_settings(world, {"colors": ["match"]}, "admin", "this channel's")
    await submit_settings(world, {**OWN_DEFAULTS, "size": ["-"], "colors": ["-"], "switches": []})
    interaction = await world.discord.slash(
        world.user(), "paint", {"preset": "starry-night", "spoiler": False}, PHOTO
    )
    await world.wait_for_text(interaction, "Place 1")
    (job,) = await world.jobs()
    assert (job.options.size_px, job.options.quality) == (384, "fine")
    assert job.options.keep_colors == "match"
    assert job.reply.spoiler
    elsewhere = await world.discord.slash(
        world.user(), "paint", {"preset": "starry-night"}, PHOTO, context="bot_dm"
    )
    await world.wait_for_text(elsewhere, "Place")
    assert not (await world.jobs())[0].reply.spoiler


async def test_only_admins_set_defaults_of_a_channel_or_server(world: World) -> None:
    for whose in ("this channel's", "this server's"):
        refused = await world.discord.slash(world.user(), "settings", {"whose": whose})
        assert "Only members who manage this server" in await world.answer_text(refused)
        admin = world.user("admin")
        in_dm = await world.discord.slash(admin, "settings", {"whose": whose}, context="bot_dm")
        assert "are set in that server" in await world.answer_text(in_dm)


async def test_chosen_language_is_used_even_after_a_restart(world: World) -> None:
    answer = await submit_settings(world, {**OWN_DEFAULTS, "language": ["de"], "switches": []})
    assert "Gemerkt. /paint macht es von jetzt an so" in answer.text
    await world.stop_bot()
    await world.start_bot()
    interaction = await world.paint()
    await world.wait_for_text(interaction, "Platz 1")


async def test_command_names_follow_the_discord_client_not_the_chosen_language(
    world: World,
) -> None:
    await submit_settings(world, {**OWN_DEFAULTS, "language": ["de"], "switches": []})
    helped = await world.slash(world.user(), "help")
    assert "Ich male dein Foto" in helped.text
    assert "tippe `/paint`" in helped.text
    # A command group cannot be called itself.
    assert "`/style" not in helped.text.replace("`/styles`", "")
    assert "`/queue` · Deine wartenden Bilder" in helped.text
    assert "malen`" not in helped.text
    none_found = await world.slash(world.user(), "styles", {"search": "zzz"})
    assert "/styles ohne `search` zeigt sie alle" in none_found.text
    refused = await world.paint({"preset": "no such painting"})
    assert "/styles zeigt sie alle" in await world.answer_text(refused)
    in_french = await world.slash(world.user(locale="fr"), "help")
    assert "tippe `/peindre`" in in_french.text


async def test_languages_are_offered_by_their_native_names(
    world: World,
) -> None:
    form = await world.discord.slash(world.user(), "settings")
    await form.wait(lambda i: i.modal)
    labels = [each["label"] for each in form_field(form, "language")["options"]]
    assert labels == ["as usual", "English", "Deutsch", "Español", "Français"]


async def test_defaults_are_exported_and_erased_with_other_user_data(world: World) -> None:
    await submit_settings(world, OWN_DEFAULTS)
    ada = world.user().id
    exported = await world.queue.privacy.export_user(ada)
    assert "256" in exported.data["defaults"][0]["chosen"]
    await world.queue.privacy.erase_user(ada)
    assert (await world.queue.privacy.export_user(ada)).data["defaults"] == []


async def test_spoiler_role_overrides_the_choice_of_its_members(world: World) -> None:
    keeper = next(role for role in world.discord.world.guild.roles if role.name == "Keeper")
    await submit_settings(world, {"spoiler_roles": [str(keeper.id)]}, "admin", "guild")
    form = await world.discord.slash(world.user("admin"), "settings", {"whose": "guild"})
    roles = form_field(form, "spoiler_roles")
    assert [int(each["id"]) for each in roles["default_values"]] == [keeper.id]
    world.user("grace").role_ids.append(keeper.id)
    for name, hidden in (("ada", False), ("grace", True)):
        options = {"spoiler": False, "preset": "starry-night"}
        await world.wait_for_text(await world.paint(options, PHOTO, user=name), "Place")
        (job,) = await world.jobs(name)
        assert job.reply.spoiler is hidden


async def test_new_spoiler_role_hides_waiting_jobs_of_its_members(world: World) -> None:
    keeper = next(role for role in world.discord.world.guild.roles if role.name == "Keeper")
    world.user("grace").role_ids.append(keeper.id)
    hers, his = await world.make_job(world.user("grace")), await world.make_job(world.user("ada"))
    elsewhere = await world.make_job(world.user("grace"), in_guild=False)
    await submit_settings(world, {"spoiler_roles": [str(keeper.id)]}, "admin", "guild")
    hidden = [(await world.reload(job)).reply.spoiler for job in (hers, his, elsewhere)]
    assert hidden == [True, False, False]


async def test_limits_show_lists_channels_with_their_own_defaults(world: World) -> None:
    admin, words = world.user("admin"), "Channels with their own defaults"
    assert words not in (await world.slash(admin, "limits show")).text
    await submit_settings(
        world, {"size": ["512/draft"], "switches": ["spoiler"]}, "admin", "channel"
    )
    place = world.discord.channel("paintings").id
    shown = (await world.slash(admin, "limits show")).text
    assert f"<#{place}>: 512 px, draft, spoiler on all pictures" in shown.splitlines()
    await submit_settings(world, {"size": ["-"], "switches": []}, "admin", "channel")
    assert words not in (await world.slash(admin, "limits show")).text, "the same as the server's"


async def test_log_describes_changed_defaults_in_the_language_of_the_reader(world: World) -> None:
    keeper = next(role for role in world.discord.world.guild.roles if role.name == "Keeper")
    await submit_settings(
        world,
        {
            "size": ["512/fine"],
            "colors": ["match"],
            "switches": ["spoiler"],
            "spoiler_roles": [str(keeper.id)],
        },
        "admin",
        "guild",
    )
    text = (await world.slash(world.user("admin", locale="de"), "limits log")).text
    hidden = f"Spoiler auf allen Bildern von <@&{keeper.id}>"
    for words in ("des Servers", "512 px", "fein", hidden):
        assert words in text
    for key in ("scope", "size_px", "always_spoiler", "True"):
        assert key not in text


async def test_the_log_names_the_channel_whose_defaults_were_set(world: World) -> None:
    answer = await submit_settings(world, {"switches": ["spoiler"]}, "admin", "channel")
    assert "A spoiler applies to everybody" in answer.text
    log = (await world.slash(world.user("admin"), "limits log")).text
    assert f"(<#{answer.channel_id}>, spoiler on all pictures)" in log


async def test_defaults_are_lowered_to_the_limits_but_given_options_are_refused(
    world: World,
) -> None:
    await submit_settings(world, {"size": ["1024/fine"]})
    await world.queue.limits.set(world.guild_id, {"max_size_px": 100, "max_quality": "draft"}, 1)
    style = {"preset": "starry-night"}
    interaction = await world.discord.slash(world.user(), "paint", style, PHOTO)
    await world.wait_for_text(interaction, "100 px · draft")
    grace = await world.discord.slash(world.user("grace"), "paint", style, PHOTO)
    await world.wait_for_text(grace, "100 px · draft")
    for named, words in (
        ({"size": 101}, "you asked for 101 px"),
        ({"quality": "standard"}, "you asked for “standard”"),
    ):
        refused = await world.discord.slash(world.user(), "paint", style | named, PHOTO)
        assert words in await world.answer_text(refused)


FORUM = 15


async def test_settings_opened_in_a_forum_post_apply_to_the_forum(world: World) -> None:
    """Commands cannot be used in the forum itself."""
    forum = await world.discord.open_channel("pictures", FORUM)
    posts = [
        await world.discord.open_channel(name, PUBLIC_THREAD, parent=forum) for name in ("a", "b")
    ]
    await world.eventually(lambda: world.bot.get_channel(posts[1].id))
    options = {"whose": "this channel's"}
    form = await world.discord.slash(world.user("admin"), "settings", options, channel=posts[0])
    await form.wait(lambda i: i.modal)
    assert form.modal is not None
    assert form.modal["title"] == "Defaults of this forum"
    submitted = await world.discord.submit_modal(form, {"switches": ["spoiler"]})
    await world.wait_for_text(submitted, f"Saved for <#{forum.id}>.")
    for post in posts:
        await world.wait_for_text(await world.paint(channel=post), "Place")
        assert (await world.jobs())[0].reply.spoiler


async def test_forum_post_with_its_own_defaults_edits_those_first(world: World) -> None:
    forum = await world.discord.open_channel("pictures", FORUM)
    post = await world.discord.open_channel("a", PUBLIC_THREAD, parent=forum)
    await world.eventually(lambda: world.bot.get_channel(post.id))
    own = Defaults(keep_colors="match")
    await world.queue.defaults.set(
        "channel", post.id, own, guild_id=world.guild_id, by_user=world.user("admin").id
    )
    options = {"whose": "this channel's"}
    for title in ("Defaults of this channel", "Defaults of this forum"):
        form = await world.discord.slash(world.user("admin"), "settings", options, channel=post)
        await form.wait(lambda i: i.modal)
        assert form.modal is not None
        assert form.modal["title"] == title
        await world.answer_text(await world.discord.submit_modal(form, {"colors": ["-"]}))


async def test_defaults_submitted_unchanged_are_not_reported_as_a_change(world: World) -> None:
    admin, talk = world.user("admin"), world.discord.channel("talk")
    await world.slash(admin, "limits set", {"log_channel": talk.id})
    for _ in range(2):
        answer = await submit_settings(world, {"size": ["512/fine"]}, "admin", "this server's")
        assert "Saved for this server." in answer.text
    limits, defaults = world.discord.messages("talk")
    assert "Limits changed" in limits.text
    assert "set the defaults" in defaults.text


async def test_language_that_discord_has_anyway_keeps_the_numbers_of_its_region(
    world: World,
) -> None:
    world.user("ada").locale = world.user("admin").locale = "es-419"
    await submit_settings(world, {"language": ["es"]})
    message = await world.wait_for_text(await world.paint(), "Puesto 1")
    assert "intensidad 50%" in message.text
    await submit_settings(world, {"language": ["es"]}, "admin", "this server's")
    assert (await texts_of_server(world.bot, world.guild_id, "es-419")).number(2.5, "g") == "2.5"
    assert (await texts_of_server(world.bot, world.guild_id, "de")).number(2.5, "g") == "2,5"


async def test_settings_form_omits_a_deleted_role(world: World) -> None:
    admin = world.user("admin")
    (keeper,) = [role for role in world.discord.world.guild.roles if role.name == "Keeper"]
    chosen = Defaults(spoiler_role_ids=(1234567890, keeper.id))
    guild_id = world.guild_id
    await world.queue.defaults.set("guild", guild_id, chosen, guild_id=guild_id, by_user=admin.id)
    form = await world.discord.slash(admin, "settings", {"whose": "this server's"})
    await form.wait(lambda i: i.modal)
    shown = [int(each["id"]) for each in form_field(form, "spoiler_roles")["default_values"]]
    assert shown == [keeper.id]


async def test_public_posts_use_the_language_chosen_for_the_server(world: World) -> None:
    """Only community servers can choose their language in Discord."""
    admin, talk = world.user("admin"), world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"log_channel_id": talk.id}, 1)
    answer = await submit_settings(world, {"language": ["fr"]}, "admin", "this server's")
    assert "Saved for this server." in answer.text, "the admin keeps their own language"
    assert "a défini les réglages par défaut" in world.discord.messages("talk")[-1].text
    shown = await world.slash(admin, "style-of-the-week", {"style": "great-wave"})
    posted = world.discord.messages("paintings")[-1]
    assert "La Grande Vague de Kanagawa" in posted.text
    assert [button["label"] for button in posted.buttons] == ["Peindre avec ça"]
    await world.press(admin, shown, "End it now")
    assert "C’est fini" in posted.text
    await world.wait_for_text(await world.paint(), "Place 1, ")
    assert (await world.jobs())[0].reply.locale == "en-US", "each member has their own"
    form = await world.discord.slash(admin, "settings", {"whose": "this server's"})
    await form.wait(lambda i: i.modal)
    assert selected_values(form, "language") == ["fr"]
    log = await world.slash(admin, "limits log")
    assert "set the defaults of a channel or the server (of the server, Français)" in log.text
