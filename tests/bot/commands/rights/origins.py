"""Pictures by where they were shown, people by what they may, and what these do with those."""

from collections.abc import Awaitable, Callable

from bot.cards.job_buttons import Action
from bot.commands.rights import AskerRole, Origin
from bot.ui.components import custom_id
from jobs.model import Job
from sandbox.model import Channel, Interaction, User
from tests.kit.world import World

MANAGE_MESSAGES, VIEW_CHANNEL = 1 << 13, 1 << 10
PRIVATE_THREAD = 12
GUILDS = 1


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
    return await world.make_painted_job(owner)


async def hidden_channel(world: World, owner: User) -> Job:
    job = await world.make_painted_job(owner)
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
    thread_id = await world.create_thread("paintings", PRIVATE_THREAD)
    return await world.make_painted_job(owner, channel_id=thread_id)


async def private(world: World, owner: User) -> Job:
    return await world.make_painted_job(owner, ephemeral=True)


async def user_installed(world: World, owner: User) -> Job:
    return await world.make_painted_job(owner, bot_in_channel=False)


async def direct_message(world: World, owner: User) -> Job:
    return await world.make_painted_job(owner, in_guild=False)


async def other_server(world: World, owner: User) -> Job:
    return await world.make_painted_job(owner, guild_id=world.guild_id + 1)


async def moderated(world: World, owner: User) -> Job:
    """Its message was deleted by somebody."""
    job = await world.make_painted_job(owner)
    message = world.discord.post(world.discord.world.bot, "The picture")
    await shown_as(world, job, message.id)
    world.discord.delete(message)

    async def is_known() -> bool:
        return (await world.reload(job)).message_removed_at is not None

    await world.eventually(is_known)
    return job


async def shown_as(world: World, job: Job, message_id: int) -> None:
    """Let a message of #paintings be the job's, once it was delivered."""
    await world.wait_delivered(job)
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
