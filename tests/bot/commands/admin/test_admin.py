from typing import Any

import pytest

from bot.commands.admin import (
    audit,
    blocklist,
    limit_changes,
    limit_form,
    queue_admin,
)
from bot.ui.components import PersistentItem
from common.limits import Limits
from jobs.management.audit import amend_audit
from jobs.model import Asker, Job, JobState
from sandbox.command_visibility import NotOfferedError
from sandbox.model import Message
from tests.kit.world import World, has_content, wait_for_answer

EVERY_COMMAND: list[tuple[str, dict[str, Any]]] = [
    ("limits show", {}),
    ("limits set", {"size": 64}),
    ("limits change", {}),
    ("limits reset", {}),
    ("limits reset", {"limit": "max_size_px"}),
    ("limits log", {}),
    ("blocklist show", {}),
    ("blocklist add", {"member": "grace"}),
    ("blocklist remove", {"member": "grace"}),
    ("queue-admin pause", {}),
    ("queue-admin resume", {}),
    ("queue-admin clear", {}),
    ("queue-admin remove", {"picture": 1}),
    ("queue-admin front", {"picture": 1}),
    ("stats", {}),
    ("style-of-the-week", {}),
    ("operator block", {"user": "grace"}),
    ("operator unblock", {"user": "grace"}),
    ("operator pause", {}),
    ("operator resume", {}),
    ("operator clear", {}),
    ("operator log", {}),
]


def resolve_user_ids(world: World, options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: world.user(value).id if name in {"member", "user"} else value
        for name, value in options.items()
    }


async def test_admin_commands_are_not_offered_to_members(world: World) -> None:
    for name, options in EVERY_COMMAND:
        for context in ("guild", "bot_dm", "private", "guild_without_bot"):
            with pytest.raises(NotOfferedError, match="is not offered"):
                await world.slash(
                    world.user("ada"), name, resolve_user_ids(world, options), context=context
                )


async def test_members_are_refused_even_if_a_server_offers_admin_commands(world: World) -> None:
    world.show_admin_commands()
    ada = world.user("ada")
    await world.make_job(ada)
    for name, options in EVERY_COMMAND:
        message = await world.slash(ada, name, resolve_user_ids(world, options))
        assert message.text == "This needs the permission to manage the server.", name
        assert message.ephemeral
    for name in ("queue-admin remove", "queue-admin front"):
        assert not await world.discord.autocomplete(ada, name, "picture", "")
    overview = await world.queue.positions.overview(world.guild_id)
    assert (overview.waiting, overview.paused) == (1, False)
    assert not await world.queue.audit.read(world.guild_id)


async def test_tests_cover_every_admin_command(world: World) -> None:
    registered = {
        command.qualified_name
        for command in world.bot.tree.walk_commands()
        if (command.root_parent or command).default_permissions is not None
        and not hasattr(command, "commands")
    }
    assert registered == {name for name, _ in EVERY_COMMAND}


async def test_limits_are_shown_set_and_undone(world: World) -> None:
    admin = world.user("admin")
    shown = await world.slash(admin, "limits show")
    assert "Largest size: 2048 px" in shown.text
    assert "**" not in shown.text.replace("## Limits", "")
    message = await world.slash(admin, "limits set", {"size": 512, "quality": "Draft"})
    assert "Largest size: 512 px" in message.text
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_quality) == (512, "draft")
    bold = "**Largest size: 512 px** (set by this server)\n**Best quality: draft** ("
    assert bold in (await world.slash(admin, "limits show")).text
    await world.press(admin, message, "Undo")
    assert "Largest size: 2048 px" in message.text
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_quality) == (2048, "fine")


async def test_undo_restores_the_previous_server_limits(world: World) -> None:
    admin = world.user("admin")
    first = await world.slash(admin, "limits set", {"size": 1024, "per_day": 7})
    second = await world.slash(admin, "limits set", {"size": 512})
    await world.press(admin, second, "Undo")
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_per_day) == (1024, 7)
    interaction = await world.discord.press(admin, first, label="Undo")
    await interaction.wait(lambda i: any(map(has_content, i.followups)))
    assert "changed again since" in interaction.followups[0].text


async def test_undo_to_an_invalid_value_names_the_limit(world: World) -> None:
    admin = world.user("admin", locale="de")
    # A value that another version may have stored.
    await world.queue.audit.write(world.guild_id, admin.id, "set_limits", {"max_size_px": 3})
    message = await world.slash(admin, "limits set", {"size": 512})
    (newest, *_) = await world.queue.audit.read(world.guild_id)
    async with world.queue.database.write() as transaction:
        await amend_audit(transaction, newest.id, {"max_size_px": 512})
    interaction = await world.discord.press(admin, message, label="Rückgängig")
    answer = await new_answer(interaction, message)
    assert answer.text.startswith("Maximale Größe: Dieser Wert geht nicht")
    assert (await world.queue.limits.in_force(world.guild_id)).max_size_px == 512


async def test_operator_limits_cannot_be_loosened(world: World) -> None:
    message = await world.slash(world.user("admin"), "limits set", {"size": 4096})
    assert "the operator of this bot allows 2048 px" in message.text
    assert (await world.queue.limits.in_force(world.guild_id)).max_size_px == 2048
    assert not await world.queue.audit.read(world.guild_id)


async def test_limits_set_without_options_asks_for_a_limit(world: World) -> None:
    message = await world.slash(world.user("admin"), "limits set")
    assert "give at least one limit" in message.text


async def test_limit_set_by_a_server_is_enforced(world: World) -> None:
    ada = world.user("ada")
    await world.slash(world.user("admin"), "limits set", {"waiting_member": 1})
    job = await world.make_job(ada)
    asker = Asker(ada.id, guild_id=world.guild_id, channel_id=job.channel_id)
    refusal = await world.queue.submissions.check_limits(asker, job.options)
    assert refusal is not None
    assert refusal.limit == "max_waiting_per_user"


async def test_limit_autocomplete_ignores_accents(world: World) -> None:
    admin = world.user("admin", locale="es-419")
    offered = await world.discord.autocomplete(admin, "limits reset", "limit", "imagenes en")
    assert [each["name"] for each in offered] == [
        "Imágenes en espera de un miembro",
        "Imágenes en espera del servidor",
    ]


async def test_one_limit_is_reset_at_once_and_all_after_confirmation(world: World) -> None:
    admin = world.user("admin")
    await world.slash(admin, "limits set", {"size": 512, "per_day": 3, "cooldown": 9})
    offered = await world.discord.autocomplete(admin, "limits reset", "limit", "size")
    assert offered == [
        {"name": "Largest size", "value": "max_size_px"},
        {"name": "Largest size of moving pictures", "value": "max_clip_size_px"},
    ]
    await world.slash(admin, "limits reset", {"limit": "max_size_px"})
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_per_day) == (2048, 3)
    # Somebody types the label from `/limits show` instead of choosing from the list.
    await world.slash(admin, "limits set", {"size": 512})
    await world.slash(admin, "limits reset", {"limit": "largest size"})
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_size_px, limits.max_per_day) == (2048, 3)
    unknown = await world.slash(admin, "limits reset", {"limit": "anything"})
    assert "no such limit" in unknown.text
    message = await world.slash(admin, "limits reset")
    await world.press(admin, message, "Change nothing")
    assert (await world.queue.limits.in_force(world.guild_id)).max_per_day == 3
    message = await world.slash(admin, "limits reset")
    await world.press(admin, message, "Reset all")
    assert (await world.queue.limits.in_force(world.guild_id)).max_per_day == 1000
    await world.press(admin, message, "Undo")
    limits = await world.queue.limits.in_force(world.guild_id)
    assert (limits.max_per_day, limits.cooldown_seconds, limits.max_size_px) == (3, 9, 2048)


async def test_change_of_limits_to_what_they_are_says_that_nothing_changed(world: World) -> None:
    """It is not announced either, and offers no undo of an earlier change."""
    admin = world.user("admin")
    one = {"limit": "max_size_px"}
    assert "this server has not set that" in (await world.slash(admin, "limits reset", one)).text
    message = await world.slash(admin, "limits reset")
    assert message.text == "This server has set no limits of its own."
    talk = world.discord.channel("talk")
    await world.slash(admin, "limits set", {"size": 512, "log_channel": talk.id})
    asked = [await world.slash(admin, "limits reset") for _ in range(2)]
    message = await world.slash(admin, "limits set", {"size": 512})
    assert message.text == "Nothing was changed: it was so already."
    assert not message.buttons
    (announced,) = world.discord.messages("talk")
    for message, said in zip(asked, ("have been reset", "has set no limits"), strict=True):
        await world.press(admin, message, "Reset all")
        assert said in message.text
    assert world.discord.messages("talk") == [announced]


async def test_repeated_change_of_limits_can_be_undone(world: World) -> None:
    """The response to the first may have been lost."""
    admin = world.user("admin")
    await world.slash(admin, "limits set", {"size": 512, "per_day": 7})
    message = await world.slash(admin, "limits set", {"size": 512, "per_day": 7})
    assert message.text == "Nothing was changed: it was so already."
    asked = [await world.slash(admin, "limits reset") for _ in range(2)]
    await world.press(admin, message, "Undo")
    assert not await world.queue.limits.of_server(world.guild_id)
    await world.slash(admin, "limits set", {"size": 512})
    for question in asked:
        await world.press(admin, question, "Reset all")
    assert asked[1].text == "This server has set no limits of its own."
    await world.press(admin, asked[1], "Undo")
    assert await world.queue.limits.of_server(world.guild_id) == {"max_size_px": 512}


BUTTONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("limits show", {}, ["Change limits…"]),
    ("limits set", {"per_day": 2}, ["Undo"]),
    ("limits reset", {}, ["Reset all"]),
    ("limits log", {}, ["Next"]),
    ("blocklist show", {}, ["Next"]),
    ("blocklist add", {"member": "ada"}, ["Cancel these too"]),
    ("queue-admin clear", {}, ["Cancel them all"]),
    ("queue-admin clear", {}, ["Cancel them all", "Undo"]),
]


async def test_each_button_checks_that_its_presser_is_still_an_admin(world: World) -> None:
    admin = world.user("admin")
    for _ in range(6):  # fill more than one page of the log
        await world.slash(admin, "queue-admin pause")
        await world.slash(admin, "queue-admin resume")
    await world.queue.limits.set(world.guild_id, {"max_per_day": 3}, admin.id)
    await block_many(world)
    job = await world.make_job(world.user("ada"))
    messages = []
    for command, options, labels in BUTTONS:
        members = {name: world.user(who).id for name, who in options.items() if name == "member"}
        messages.append(await world.slash(admin, command, options | members))
        for label in labels[:-1]:
            await world.press(admin, messages[-1], label)
    before = await server_state(world, job)
    revoke_permission(world)
    for message, (command, _options, labels) in zip(messages, BUTTONS, strict=True):
        interaction = await world.discord.press(admin, message, label=labels[-1])
        answer = await new_answer(interaction, message)
        assert "permission to manage the server" in answer.text, (command, labels)
        assert interaction.modal is None
        assert await server_state(world, job) == before


async def test_limit_form_offers_forum_voice_and_stage_channels(world: World) -> None:
    shown = await world.slash(world.user("admin"), "limits show")
    opened = await world.discord.press(world.user("admin"), shown, label="Change limits…")
    await opened.wait(lambda i: i.modal is not None)
    assert opened.modal is not None
    selects = [label["component"] for label in opened.modal["components"]]
    (channels,) = [each for each in selects if each["custom_id"] == "channel_ids"]
    # A stage channel has a text chat too.
    assert {0, 5, 2, 13, 15} <= set(channels["channel_types"])


async def test_limit_form_is_refused_after_permission_loss(world: World) -> None:
    admin = world.user("admin")
    shown = await world.slash(admin, "limits show")
    opened = await world.discord.press(admin, shown, label="Change limits…")
    assert opened.modal is not None
    revoke_permission(world)
    talk = world.discord.channel("talk")
    submitted = await world.discord.submit_modal(opened, {"channel_ids": [str(talk.id)]})
    answer = await new_answer(submitted, shown)
    assert "permission to manage the server" in answer.text
    assert not (await world.queue.limits.in_force(world.guild_id)).channel_ids


def test_tests_cover_every_admin_button() -> None:
    kinds = {
        kind.kind
        for module in (audit, blocklist, limit_changes, limit_form, queue_admin)
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, PersistentItem)
        and kind is not PersistentItem
    }
    untested = {"change-nothing"}
    untested.add("limits-correct")  # tested in test_limit_form
    assert len(kinds - untested) == len(BUTTONS)


async def block_many(world: World) -> None:
    """Block more members than a page shows."""
    for number in range(blocklist.PAGE_SIZE + 1):
        await world.queue.blocks.add(world.guild_id, 10_000 + number, world.user("admin").id)


async def server_state(world: World, job: Job) -> tuple[Limits, JobState, int]:
    """Everything about the server that an admin's button could change."""
    entries = await world.queue.audit.read(world.guild_id, limit=100)
    return await world.queue.limits.in_force(world.guild_id), await world.state(job), len(entries)


def revoke_permission(world: World) -> None:
    world.discord.world.guild.owner_id = world.user("grace").id
    world.user("admin").role_ids.clear()


async def test_limit_form_opens_from_limits_show(world: World) -> None:
    admin = world.user("admin")
    shown = await world.slash(admin, "limits show")
    opened = await world.discord.press(admin, shown, label="Change limits…")
    assert opened.modal is not None
    talk = world.discord.channel("talk")
    submitted = await world.discord.submit_modal(opened, {"channel_ids": [str(talk.id)]})
    await wait_for_answer(submitted)
    assert (await world.queue.limits.in_force(world.guild_id)).channel_ids == (talk.id,)


async def new_answer(interaction: Any, message: Message) -> Message:
    await interaction.wait(
        lambda i: (
            (i.message is not message and has_content(i.message))
            or any(map(has_content, i.followups))
        )
    )
    messages: list[Message] = [interaction.message, *interaction.followups]
    return next(each for each in messages if each is not message and has_content(each))
