"""What a user sees, as JSON for the page."""

import json
from dataclasses import asdict

from sandbox.command_visibility import offered_commands
from sandbox.model import Channel, ChannelType, Interaction, Json, Message, User
from sandbox.page.fault_buttons import FAULT_BUTTONS
from sandbox.payloads import message_json
from sandbox.permissions import MANAGE_GUILD, permissions_of
from sandbox.world import TrafficLine, World

MESSAGES_SHOWN = 100
TRAFFIC_SHOWN = 200


def user_view(world: World, user: User) -> Json:
    """A user for lists and names."""
    manages = bool(permissions_of(world.guild, user) & MANAGE_GUILD)
    return {
        "id": str(user.id),
        "name": user.name,
        "display": user.display_name,
        "color": user.color,
        "bot": user.bot,
        "admin": manages and not user.bot,
        "locale": user.locale,
    }


def sees_channel(channel: Channel, user: User) -> bool:
    """Whether the channel is in the user's list."""
    if channel.type is ChannelType.GUILD_TEXT:
        return user.in_guild
    return user.id in channel.member_ids


def sees_message(world: World, message: Message, user: User) -> bool:
    """Whether the user can see the message."""
    channel = world.channels[message.channel_id]
    return sees_channel(channel, user) and message.visible_to in {None, user.id}


def channel_view(channel: Channel) -> Json:
    """A channel for the list."""
    return {
        "id": str(channel.id),
        "kind": channel.type.name.lower(),
        "name": channel.name,
        "topic": channel.topic,
        "bot": channel.has_bot,
    }


def message_view(world: World, message: Message) -> Json:
    """A message with what only the page needs: the command, and the message replied to."""
    payload = message_json(world, message)
    interaction = message.interaction
    if interaction is not None:
        payload["used"] = {
            "by": str(interaction.user.id),
            "command": interaction.command,
            "kind": int(interaction.type),
        }
    return payload


def interaction_view(interaction: Interaction) -> Json:
    """The outcome of a user's action."""
    return {
        "id": str(interaction.id),
        "command": interaction.command,
        "acknowledged": interaction.acknowledged,
        "seconds": interaction.acknowledged_after_seconds,
        "modal": interaction.modal,
        "choices": interaction.choices,
    }


def traffic_view(line: TrafficLine, *, whole: bool = False) -> Json:
    """A line of the traffic; `whole` includes what was sent and received."""
    payload: Json = {
        "number": line.number,
        "at": line.at,
        "kind": line.kind,
        "title": line.title,
        "status": line.status,
        "milliseconds": round(line.seconds * 1000, 1),
        "violations": [asdict(violation) for violation in line.violations],
    }
    if whole:
        received = line.received
        if isinstance(received, bytes):
            received = json.loads(received)
        payload |= {"sent": line.sent, "received": received}
    return payload


def state_view(world: World, user: User, *, connected: bool) -> Json:
    """Everything that the page needs to start as a user."""
    channels = [c for c in world.channels.values() if sees_channel(c, user)]
    return {
        "type": "state",
        "me": str(user.id),
        "bot": str(world.bot.id),
        "guild": {"id": str(world.guild.id), "name": world.guild.name},
        "users": [user_view(world, u) for u in world.users.values()],
        "roles": [{"id": str(r.id), "name": r.name} for r in world.guild.roles],
        "channels": [channel_view(c) for c in channels],
        "messages": {
            str(c.id): [
                message_view(world, m)
                for m in world.messages_in(c)[-MESSAGES_SHOWN:]
                if sees_message(world, m, user)
            ]
            for c in channels
        },
        "commands": {str(c.id): offered_commands(world, user, c) for c in channels},
        "connected": connected,
        "upload_limit": world.upload_limit_bytes,
        "clock_shift": world.clock.shift_seconds,
        "faults": [
            {"kind": kind, "label": button.label, "title": button.title}
            for kind, button in FAULT_BUTTONS.items()
        ],
        "traffic": [traffic_view(line) for line in list(world.traffic)[-TRAFFIC_SHOWN:]],
    }
