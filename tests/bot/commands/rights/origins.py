"""Jobs of each origin, members of each role, and presses of buttons by them."""

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


async def set_overwrite(
    world: World, channel: Channel, user: User, *, allow: int = 0, deny: int = 0
) -> None:
    """Give a channel a permission overwrite for a member."""
    await update_channel(
        world,
        channel,
        [{"id": str(user.id), "type": 1, "allow": str(allow), "deny": str(deny)}],
    )


async def update_channel(
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

    def is_known() -> bool:
        known = world.bot.get_channel(channel.id)
        return known is not None and len(known.overwrites) == len(overwrites)  # type: ignore[union-attr]

    await world.eventually(is_known)


async def public_job(world: World, owner: User) -> Job:
    return await world.make_painted_job(owner)


async def hidden_channel_job(world: World, owner: User) -> Job:
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
    await update_channel(world, world.discord.channel("paintings"), rules)
    return job


async def private_thread_job(world: World, owner: User) -> Job:
    """A job submitted in a private thread of #paintings."""
    thread_id = await world.create_thread("paintings", PRIVATE_THREAD)
    return await world.make_painted_job(owner, channel_id=thread_id)


async def private_job(world: World, owner: User) -> Job:
    return await world.make_painted_job(owner, ephemeral=True)


async def user_installed_job(world: World, owner: User) -> Job:
    return await world.make_painted_job(owner, bot_in_channel=False)


async def direct_message_job(world: World, owner: User) -> Job:
    return await world.make_painted_job(owner, in_guild=False)


async def other_server_job(world: World, owner: User) -> Job:
    return await world.make_painted_job(owner, guild_id=world.guild_id + 1)


async def moderated_job(world: World, owner: User) -> Job:
    """A job whose message was deleted in Discord."""
    job = await world.make_painted_job(owner)
    message = world.discord.post(world.discord.world.bot, "The picture")
    await set_message(world, job, message.id)
    world.discord.delete(message)
    await world.wait_message_removed(job)
    return job


async def set_message(world: World, job: Job, message_id: int) -> None:
    """Record a message of #paintings as the job's, after delivery."""
    await world.wait_delivered(job)
    channel = world.discord.channel("paintings")
    await world.queue.deliveries.set_message(job.id, channel.id, message_id)


MAKE_JOB: dict[Origin, Callable[[World, User], Awaitable[Job]]] = {
    Origin.PUBLIC: public_job,
    Origin.HIDDEN_CHANNEL: hidden_channel_job,
    Origin.PRIVATE_THREAD: private_thread_job,
    Origin.PRIVATE: private_job,
    Origin.USER_INSTALLED: user_installed_job,
    Origin.DIRECT_MESSAGE: direct_message_job,
    Origin.OTHER_SERVER: other_server_job,
    Origin.MODERATED: moderated_job,
}
MEMBERS = {
    AskerRole.MEMBER: "mallory",
    AskerRole.MODERATOR: "grace",
    AskerRole.ADMIN: "mia",
    AskerRole.OPERATOR: "olga",
    AskerRole.OWNER: "ada",
}


async def press_forged_button(world: World, user: User, job: Job, action: str) -> Interaction:
    """Press a forged button with the `custom_id` of a job's button, in #talk."""
    message = world.discord.post(world.discord.world.bot, "A copy", channel="talk")
    button = {
        "type": 2,
        "style": 2,
        "label": "Press",
        "custom_id": custom_id("job", action, job.id),
    }
    message.components.append({"type": 1, "components": [button]})
    return await world.discord.press(user, message, label="Press")


async def press_delete(world: World, user: User, job: Job) -> Interaction:
    return await press_forged_button(world, user, job, Action.DELETE)
