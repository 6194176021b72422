"""Who may look at a picture, show it to others, delete it: by role, by where it was shown."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.cards.job_buttons import TAKES, Action
from bot.commands.rights import TABLE, AskerRole, Origin, Right
from bot.monitor import page
from bot.ui.components import custom_id
from jobs.model import Job, JobState
from sandbox.model import Channel, Interaction, User
from tests.kit.pictures import plain_picture
from tests.kit.world import World

DOCUMENT = Path(__file__).parents[3] / "docs" / "security.md"
MANAGE_MESSAGES, VIEW_CHANNEL = 1 << 13, 1 << 10
PRIVATE_THREAD = 12
GUILDS = 1


def test_the_table_in_the_document_is_the_one_that_is_used() -> None:
    written: dict[str, list[set[str]]] = {}
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        origin = cells[0].partition(":")[0]
        if len(cells) == 4 and origin in set(Origin):
            written[origin] = [
                set(AskerRole) if cell == "everybody" else set(cell.split(", ")) - {"nobody"}
                for cell in cells[1:]
            ]
    assert written == {
        origin: [rights[right] for right in (Right.LOOK, Right.POST, Right.DELETE)]
        for origin, rights in TABLE.items()
    }


@pytest.fixture
async def world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A server where grace moderates #paintings, and an operator, who is no admin, runs the bot.

    Mia manages it, but does not own it: she does not see each of its channels.
    """
    for place in ("bot.wire.acknowledging.READING_SECONDS", "bot.commands.show.CHECKING_SECONDS"):
        monkeypatch.setattr(place, 30.0)  # a busy machine is not what is tried here
    moderator = world.user("grace")
    (keeper,) = [role for role in world.discord.world.guild.roles if role.name == "Keeper"]
    world.discord.world.add_user("mia").role_ids.append(keeper.id)
    operator = world.discord.world.add_user("olga")
    object.__setattr__(world.bot.settings, "atelier_owner_ids", (operator.id,))
    world.discord.world.add_user("mallory")
    await overwrite(world, world.discord.channel("paintings"), moderator, allow=MANAGE_MESSAGES)
    return world


async def overwrite(
    world: World, channel: Channel, user: User, *, allow: int = 0, deny: int = 0
) -> None:
    """Let Discord tell the bot that a channel has a rule of its own for a member."""
    await channel_changed(
        world,
        channel,
        [{"id": str(user.id), "type": 1, "allow": str(allow), "deny": str(deny)}],
    )


async def channel_changed(
    world: World, channel: Channel, overwrites: list[dict[str, object]]
) -> None:
    data = {
        "id": str(channel.id),
        "type": 0,
        "guild_id": str(world.guild_id),
        "name": channel.name,
        "position": 0,
        "permission_overwrites": overwrites,
    }
    await world.discord.gateway.dispatch("CHANNEL_UPDATE", data, intent=GUILDS)

    def knows() -> bool:
        known = world.bot.get_channel(channel.id)
        return known is not None and len(known.overwrites) == len(overwrites)  # type: ignore[union-attr]

    await world.eventually(knows)


async def public(world: World, owner: User) -> Job:
    return await world.painted_job(owner)


async def hidden_channel(world: World, owner: User) -> Job:
    job = await world.painted_job(owner)
    rules = [
        {"id": str(world.guild_id), "type": 0, "allow": "0", "deny": str(VIEW_CHANNEL)},
        {
            "id": str(world.user("grace").id),
            "type": 1,
            "allow": str(MANAGE_MESSAGES),
            "deny": "0",
        },
    ]
    await channel_changed(world, world.discord.channel("paintings"), rules)
    return job


async def private_thread(world: World, owner: User) -> Job:
    """A job of a private thread in #paintings."""
    thread_id = await world.thread("paintings", PRIVATE_THREAD)
    return await world.painted_job(owner, channel_id=thread_id)


async def private(world: World, owner: User) -> Job:
    return await world.painted_job(owner, ephemeral=True)


async def user_installed(world: World, owner: User) -> Job:
    return await world.painted_job(owner, bot_in_channel=False)


async def direct_message(world: World, owner: User) -> Job:
    return await world.painted_job(owner, in_guild=False)


async def other_server(world: World, owner: User) -> Job:
    return await world.painted_job(owner, guild_id=world.guild_id + 1)


async def moderated(world: World, owner: User) -> Job:
    """Its message was deleted by somebody."""
    job = await world.painted_job(owner)
    message = world.discord.post(world.discord.world.bot, "The picture")
    await shown_as(world, job, message.id)
    world.discord.delete(message)

    async def is_known() -> bool:
        return (await world.fresh(job)).message_removed_at is not None

    await world.eventually(is_known)
    return job


async def shown_as(world: World, job: Job, message_id: int) -> None:
    """Let a message of #paintings be the job's, once it was delivered."""

    async def is_delivered() -> bool:
        return (await world.fresh(job)).delivered_at is not None

    await world.eventually(is_delivered)
    channel = world.discord.channel("paintings")
    await world.queue.deliveries.set_message(job.id, channel.id, message_id)


MAKE: dict[Origin, Callable[[World, User], Awaitable[Job]]] = {
    Origin.PUBLIC: public,
    Origin.HIDDEN_CHANNEL: hidden_channel,
    Origin.PRIVATE_THREAD: private_thread,
    Origin.PRIVATE: private,
    Origin.USER_INSTALLED: user_installed,
    Origin.DIRECT_MESSAGE: direct_message,
    Origin.OTHER_SERVER: other_server,
    Origin.MODERATED: moderated,
}
PEOPLE = {
    AskerRole.MEMBER: "mallory",
    AskerRole.MODERATOR: "grace",
    AskerRole.ADMIN: "mia",
    AskerRole.OPERATOR: "olga",
    AskerRole.OWNER: "ada",
}
# Moderators and admins are that of one server only.
ELSEWHERE = {Origin.DIRECT_MESSAGE, Origin.OTHER_SERVER}


def allowed(origin: Origin, right: Right, role: AskerRole) -> bool:
    if origin in ELSEWHERE and role in {AskerRole.MODERATOR, AskerRole.ADMIN}:
        role = AskerRole.MEMBER
    return role in TABLE[origin][right]


async def press_in_a_copy(world: World, user: User, job: Job, action: str) -> Interaction:
    """Press a button under a copy in #talk, as whoever knows the button's id may."""
    message = world.discord.post(world.discord.world.bot, "A copy", channel="talk")
    button = {
        "type": 2,
        "style": 2,
        "label": "Press",
        "custom_id": custom_id("job", action, job.id),
    }
    message.components.append({"type": 1, "components": [button]})
    return await world.discord.press(user, message, label="Press")


async def delete(world: World, user: User, job: Job) -> Interaction:
    return await press_in_a_copy(world, user, job, Action.DELETE)


@pytest.mark.parametrize("origin", Origin)
async def test_everybody_has_the_rights_of_the_table_and_no_more(
    world: World, origin: Origin
) -> None:
    job = await MAKE[origin](world, world.user("ada"))
    for role, name in PEOPLE.items():
        user = world.user(name)
        shown = await world.slash(user, "show", {"picture": job.id}, channel="talk")
        assert bool(shown.attachments) == allowed(origin, Right.LOOK, role), (role, "look")
        assert shown.ephemeral
        options = {"picture": job.id, "everybody": True}
        posted = await world.slash(user, "show", options, channel="talk")
        assert bool(posted.attachments) == allowed(origin, Right.POST, role), (role, "post")
        assert posted.ephemeral != allowed(origin, Right.POST, role), (role, "post")


@pytest.mark.parametrize("origin", Origin)
async def test_who_may_delete_may_take_that_back_and_shows_it_to_nobody_by_it(
    world: World, origin: Origin
) -> None:
    for role, name in PEOPLE.items():
        job, user = await MAKE[origin](world, world.user("ada")), world.user(name)
        before = shown_to_all(world)
        pressed = await delete(world, user, job)
        if not allowed(origin, Right.DELETE, role):
            assert "only they can do that" in await world.said(pressed), role
            assert (await world.fresh(job)).pictures_deleted_at is None
            continue
        await pressed.wait(lambda i: i.followups)
        assert (await world.fresh(job)).pictures_deleted_at is not None
        undone = await world.discord.press(user, pressed.followups[0], label="Undo")
        await undone.wait(lambda i: i.message is not None and i.message.attachments)
        assert (await world.fresh(job)).pictures_deleted_at is None
        is_private = origin in {Origin.PRIVATE, Origin.MODERATED}
        may_post = allowed(origin, Right.POST, role) and not is_private
        assert shown_to_all(world) - before == may_post, role


@pytest.mark.parametrize("origin", Origin)
async def test_the_owners_page_shows_what_all_see(world: World, origin: Origin) -> None:
    """It asks nobody who they are; what stands openly in another server is open there."""
    job = await world.fresh(await MAKE[origin](world, world.user("ada")))
    assert page.is_for_everybody(world.bot, job) == (origin in {Origin.PUBLIC, Origin.OTHER_SERVER})


OWNERS = (
    Action.STRONGER,
    Action.SOFTER,
    Action.LARGER,
    Action.CHANGE,
    Action.TIMELAPSE,
    Action.SAVE,
    Action.GALLERY,
    TAKES[0],
)
FOR_WHOM_IT_IS_SHOWN = (Action.AGAIN, Action.OTHER_STYLE, Action.COMPARE)


def test_each_button_is_tried() -> None:
    takes = {*TAKES[1:]}
    elsewhere = {Action.DETAILS, Action.DELETE, Action.CANCEL, Action.SAME_STYLE}
    assert {*OWNERS, *FOR_WHOM_IT_IS_SHOWN, *takes, *elsewhere} == {*Action, *TAKES}


@pytest.mark.parametrize("origin", Origin)
async def test_no_button_does_more_than_the_table_says(world: World, origin: Origin) -> None:
    job = await MAKE[origin](world, world.user("ada"))
    for role, name in PEOPLE.items():
        if role is AskerRole.OWNER:
            continue
        user = world.user(name)
        for action in OWNERS:
            pressed = await press_in_a_copy(world, user, job, action)
            said = await world.said(pressed)
            assert "only they can do that" in said, (role, action)
        for action in FOR_WHOM_IT_IS_SHOWN:
            pressed = await press_in_a_copy(world, user, job, action)
            if not allowed(origin, Right.POST, role):
                assert "only they can do that" in await world.said(pressed), (role, action)
            elif action is Action.OTHER_STYLE:
                await pressed.wait(lambda i: i.modal is not None)
            else:
                await pressed.wait(lambda i: i.message is not None)
                assert "only they" not in pressed.message.text  # type: ignore[union-attr]
        looked = await press_in_a_copy(world, user, job, Action.DETAILS)
        is_refused = "only they can do that" in await world.said(looked)
        assert is_refused != allowed(origin, Right.LOOK, role), (role, "details")
        none_of_the_gallery = await press_in_a_copy(world, user, job, Action.SAME_STYLE)
        assert "is not in the gallery" in await world.said(none_of_the_gallery)


def shown_to_all(world: World) -> int:
    """How many messages of #talk have a picture that all see."""
    shown = world.discord.messages("talk")
    return sum(bool(message.attachments) and not message.ephemeral for message in shown)


@pytest.mark.parametrize("origin", [Origin.PUBLIC, Origin.PRIVATE, Origin.DIRECT_MESSAGE])
async def test_who_may_cancel(world: World, origin: Origin) -> None:
    details = {
        Origin.PUBLIC: {},
        Origin.PRIVATE: {"ephemeral": True},
        Origin.DIRECT_MESSAGE: {"in_guild": False},
    }
    for role, name in PEOPLE.items():
        job = await world.job(world.user("ada"), **details[origin])  # type: ignore[arg-type]
        await world.slash(world.user(name), "cancel", {"job": job.id}, channel="talk")
        may = {AskerRole.OWNER, AskerRole.OPERATOR}
        if origin is not Origin.DIRECT_MESSAGE:
            may.add(AskerRole.ADMIN)
        assert ((await world.state(job)) is JobState.CANCELLED) == (role in may), role


@pytest.mark.parametrize("origin", [Origin.PRIVATE, Origin.MODERATED, Origin.PUBLIC])
async def test_what_only_an_admin_may_is_in_the_log(world: World, origin: Origin) -> None:
    job = await MAKE[origin](world, world.user("ada"))
    admin = world.user("admin")
    await world.slash(admin, "show", {"picture": job.id}, channel="talk")
    await delete(world, admin, job)

    async def actions() -> list[str]:
        entries = await world.queue.audit.read(world.guild_id)
        assert all(
            entry.details == {"job": str(job.id), "user": str(job.user_id)} for entry in entries
        )
        return [entry.action for entry in entries]

    async def both() -> bool:
        return "delete_picture" in await actions()

    await world.eventually(both)
    looked = [] if origin is Origin.PUBLIC else ["look_at_private"]
    assert await actions() == ["delete_picture", *looked]
    log = (await world.slash(admin, "limits log")).text
    assert f"<@{admin.id}>: deleted a picture (#{job.id}, <@{job.user_id}>)" in log


async def test_an_admins_cancelling_is_in_the_log_and_a_members_own_is_not(world: World) -> None:
    first, second = await world.job(world.user("ada")), await world.job(world.user("ada"))
    await world.slash(world.user("ada"), "cancel", {"job": first.id})
    await world.slash(world.user("admin"), "cancel", {"job": second.id})
    (entry,) = await world.queue.audit.read(world.guild_id)
    assert (entry.action, entry.details["job"]) == ("remove", str(second.id))


async def test_a_message_that_is_missing_counts_as_deleted(world: World) -> None:
    """It was deleted while the bot was away, so that it did not hear of it."""
    job = await world.painted_job(world.user("ada"))
    await shown_as(world, job, 4711)
    refused = await world.slash(world.user("mallory"), "show", {"picture": job.id}, channel="talk")
    assert "There is no picture" in refused.text
    assert (await world.fresh(job)).message_removed_at is not None
    options = {"picture": job.id, "everybody": True}
    refused = await world.slash(world.user("ada"), "show", options, channel="talk")
    assert refused.ephemeral
    assert "was not for everybody, or its message was deleted" in refused.text
    assert (await world.slash(world.user("ada"), "show", {"picture": job.id})).attachments


async def test_many_messages_deleted_at_once_count_too(world: World) -> None:
    job = await world.painted_job(world.user("ada"))
    channel = world.discord.channel("paintings")
    await shown_as(world, job, 4711)
    data = {
        "ids": ["4711", "4712"],
        "channel_id": str(channel.id),
        "guild_id": str(world.guild_id),
    }
    await world.discord.gateway.dispatch("MESSAGE_DELETE_BULK", data, intent=1 << 9)

    async def is_known() -> bool:
        return (await world.fresh(job)).message_removed_at is not None

    await world.eventually(is_known)


@pytest.mark.parametrize("reason", ["blocked", "role", "channel"])
async def test_who_may_not_paint_there_posts_nothing_there(world: World, reason: str) -> None:
    ada, admin = world.user("ada"), world.user("admin")
    job = await world.painted_job(ada)
    if reason == "blocked":
        await world.queue.blocks.add(world.guild_id, ada.id, admin.id)
    elif reason == "role":
        await world.queue.limits.set(world.guild_id, {"painter_role_ids": [1]}, admin.id)
    else:
        channel = world.discord.channel("paintings")
        await world.queue.limits.set(world.guild_id, {"channel_ids": [channel.id]}, admin.id)
    options = {"picture": job.id, "everybody": True}
    message = await world.slash(ada, "show", options, channel="talk")
    assert message.ephemeral
    assert not message.attachments
    before = len(world.discord.messages("talk"))
    compared = world.discord.post(world.discord.world.bot, "Before and after", channel="talk")
    button = {
        "type": 2,
        "style": 2,
        "label": "Post here",
        "custom_id": custom_id("post-compared", ada.id, job.id),
    }
    compared.components.append({"type": 1, "components": [button]})
    pressed = await world.discord.press(ada, compared, label="Post here")
    await world.said(pressed)
    deleted = await delete(world, ada, job)
    await deleted.wait(lambda i: i.followups)
    undone = await world.discord.press(ada, deleted.followups[0], label="Undo")
    await undone.wait(lambda i: i.message is not None and i.message.attachments)
    shown = [each for each in world.discord.messages("talk")[before:] if each.attachments]
    assert not [each for each in shown if not each.ephemeral]
    assert (await world.slash(ada, "show", {"picture": job.id}, channel="talk")).attachments


async def test_a_form_that_was_opened_before_gives_nothing_that_is_gone(world: World) -> None:
    job = await world.painted_job(world.user("ada"))
    opened = {
        name: await press_in_a_copy(world, world.user(name), job, action)
        for name, action in (("mallory", Action.OTHER_STYLE), ("ada", Action.CHANGE))
    }
    for interaction in opened.values():
        await interaction.wait(lambda i: i.modal is not None)
    deleted = await delete(world, world.user("grace"), job)
    await deleted.wait(lambda i: i.followups)
    for name, interaction in opened.items():
        fields = {"preset": ["great-wave"]} if name == "mallory" else {}
        said = await world.said(await world.discord.submit_modal(interaction, fields))
        assert "no longer" in said or "not kept" in said or "only they" in said, name
        assert len(await world.jobs(name)) == (name == "ada")


@pytest.mark.parametrize("everywhere", [False, True])
async def test_who_is_blocked_saves_no_style(world: World, everywhere: bool) -> None:
    ada = world.user("ada")
    await world.queue.blocks.add(None if everywhere else world.guild_id, ada.id, 1)
    message = await world.slash(
        ada, "style save", {"name": "Mine"}, attachments={"picture": ("a.png", plain_picture())}
    )
    assert "blocked you from painting" in message.text
    assert not await world.queue.styles.visible_to(ada.id, world.guild_id)


async def test_an_undo_reads_as_an_undo_with_the_values(world: World) -> None:
    admin = world.user("admin")
    message = await world.slash(admin, "limits set", {"size": 512})
    await world.press(admin, message, "Undo")
    assert "taken back" in message.text
    undo, change = (await world.slash(admin, "limits log")).text.splitlines()[1:3]
    assert "set limits (Largest size: the operator's → 512 px)" in change
    assert "took a change of limits back (Largest size: 512 px → the operator's)" in undo
