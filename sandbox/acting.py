"""What users do, as the interactions that Discord would dispatch for it."""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.gateway import Gateway
from sandbox.modals import ENTITY_OPTIONS, Filling, Upload, upload
from sandbox.model import (
    Channel,
    Interaction,
    InteractionType,
    Json,
    Message,
    User,
)
from sandbox.offering import (
    NotOfferedError,
    command_for,
    context_of,
    leaf_of,
    option_json,
    resolve_entity,
)
from sandbox.payloads import (
    channel_json,
    member_json,
    message_json,
    owners,
    user_json,
)
from sandbox.permissions import app_permissions
from sandbox.world import World

FORGET_AFTER_SECONDS = 3.0


class Acting:
    """Dispatches interactions in a user's name."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world = world
        self.gateway = gateway

    async def dispatch(
        self,
        user: User,
        channel: Channel,
        kind: InteractionType,
        data: Json,
        *,
        command: str = "",
        source: Message | None = None,
        parent: Interaction | None = None,
        age_seconds: float = 0.0,
    ) -> Interaction:
        """Create an interaction and send it to the bot."""
        context, user_installed = context_of(self.world, channel)
        interaction = Interaction(
            self.world.ids.next(age_seconds=age_seconds),
            secrets.token_urlsafe(96),
            kind,
            user,
            channel,
            context,
            data,
            self.world.clock.now() - age_seconds,
            time.monotonic(),
            user_installed=user_installed,
            command=command,
            source=source,
            parent=parent,
            until=self.world.signal.until,
        )
        self.world.interactions[interaction.id] = interaction
        self.world.interactions_by_token[interaction.token] = interaction
        self.world.emit("interaction", {"interaction": interaction})
        await self.gateway.dispatch("INTERACTION_CREATE", self._payload(interaction))
        return interaction

    def _payload(self, interaction: Interaction) -> Json:
        world, user, channel = self.world, interaction.user, interaction.channel
        payload: Json = {
            "id": str(interaction.id),
            "application_id": str(world.application_id),
            "type": int(interaction.type),
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": str(channel.id),
            "channel": channel_json(world, channel, viewer=user),
            "locale": user.locale,
            "app_permissions": str(app_permissions(world.guild, world.bot, channel)),
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": owners(interaction),
            "context": int(interaction.context),
            "attachment_size_limit": world.upload_limit_bytes,
        }
        if channel.guild_id is not None:
            payload |= {
                "guild_id": str(channel.guild_id),
                "guild": {"id": str(channel.guild_id), "locale": "en-US", "features": []},
                "guild_locale": "en-US",
                "member": member_json(world, user),
            }
        else:
            payload["user"] = user_json(user)
        if interaction.source is not None:
            payload["message"] = message_json(world, interaction.source)
        return payload

    async def slash(
        self,
        user: User,
        channel: Channel,
        name: str,
        options: Mapping[str, Any],
        attachments: Mapping[str, Upload],
        *,
        age_seconds: float = 0.0,
    ) -> Interaction:
        """Use a slash command; `name` may hold a subcommand after a blank."""
        command = command_for(self.world, user, name, channel)
        path, offered = leaf_of(command, name)
        resolved: Json = {}
        data_options: list[Json] = []
        given: dict[str, Any] = {**options, **attachments}
        known = {o["name"]: o for o in offered}
        unknown = set(given) - set(known)
        if unknown:
            raise NotOfferedError(f"/{name} has no option {', '.join(sorted(unknown))}.")
        for definition in offered:
            if definition["name"] not in given:
                if definition.get("required"):
                    raise NotOfferedError(f"/{name} requires {definition['name']}.")
                continue
            value = given[definition["name"]]
            if definition["type"] == 11:
                value = upload(self.world, channel, value, resolved)
            data_options.append(option_json(self.world, definition, value, resolved))
        data = self._command_data(command, path, data_options, resolved)
        return await self.dispatch(
            user,
            channel,
            InteractionType.APPLICATION_COMMAND,
            data,
            command=name,
            age_seconds=age_seconds,
        )

    @staticmethod
    def _command_data(
        command: Json, path: Sequence[tuple[int, str]], options: list[Json], resolved: Json
    ) -> Json:
        for kind, name in reversed(path):
            options = [{"type": kind, "name": name, "options": options}]
        data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if options:
            data["options"] = options
        if resolved:
            data["resolved"] = resolved
        if command.get("guild_id"):
            data["guild_id"] = command["guild_id"]
        return data

    async def autocomplete(
        self,
        user: User,
        channel: Channel,
        name: str,
        *,
        option: str,
        text: str,
        others: Mapping[str, Any],
    ) -> Interaction:
        """Type into an option that completes itself."""
        command = command_for(self.world, user, name, channel)
        path, offered = leaf_of(command, name)
        definition = next((o for o in offered if o["name"] == option), None)
        if definition is None or not definition.get("autocomplete"):
            raise NotOfferedError(f"/{name} {option} does not complete itself.")
        resolved: Json = {}
        data_options = [
            option_json(self.world, o, others[o["name"]], resolved)
            for o in offered
            if o["name"] in others and o["name"] != option and o["type"] != 11
        ]
        data_options.append(
            {"name": option, "type": definition["type"], "value": text, "focused": True}
        )
        data = self._command_data(command, path, data_options, {})
        return await self.dispatch(user, channel, InteractionType.AUTOCOMPLETE, data, command=name)

    async def menu(
        self, user: User, name: str, message: Message, *, age_seconds: float = 0.0
    ) -> Interaction:
        """Use an entry of a message's Apps menu."""
        channel = self.world.channels[message.channel_id]
        command = command_for(self.world, user, name, channel, kind=3)
        data = self._command_data(command, (), [], {})
        data["target_id"] = str(message.id)
        data["resolved"] = {"messages": {str(message.id): message_json(self.world, message)}}
        return await self.dispatch(
            user,
            channel,
            InteractionType.APPLICATION_COMMAND,
            data,
            command=name,
            age_seconds=age_seconds,
        )

    async def component(
        self, user: User, message: Message, component: Json, values: Sequence[str] | None = None
    ) -> Interaction:
        """Press a button or choose in a select menu."""
        if message.visible_to not in {None, user.id}:
            raise NotOfferedError(f"{user.name} cannot see that message.")
        if component.get("disabled"):
            raise NotOfferedError(
                f"{component.get('label') or component['custom_id']} is disabled."
            )
        data: Json = {
            "custom_id": component["custom_id"],
            "component_type": component["type"],
            "id": component.get("id", 0),
        }
        if values is not None:
            data["values"] = list(values)
            resolved: Json = {}
            for value in values if component["type"] in ENTITY_OPTIONS else ():
                resolve_entity(self.world, ENTITY_OPTIONS[component["type"]], value, resolved)
            if resolved:
                data["resolved"] = resolved
        channel = self.world.channels[message.channel_id]
        return await self.dispatch(
            user, channel, InteractionType.MESSAGE_COMPONENT, data, source=message
        )

    async def modal(
        self,
        user: User,
        opened_by: Interaction,
        values: Mapping[str, Any],
        files: Mapping[str, Sequence[Upload]],
    ) -> Interaction:
        """Submit a modal that an interaction opened."""
        assert opened_by.modal is not None
        filling = Filling(self.world, opened_by.channel, values, files)
        data: Json = {
            "custom_id": opened_by.modal["custom_id"],
            "components": [filling.fill(c) for c in opened_by.modal["components"]],
        }
        if filling.resolved:
            data["resolved"] = filling.resolved
        return await self.dispatch(
            user,
            opened_by.channel,
            InteractionType.MODAL_SUBMIT,
            data,
            source=opened_by.source,
            parent=opened_by,
        )

    async def answered(self, interaction: Interaction) -> bool:
        """Wait until the bot has acknowledged, at most for the three seconds it has."""
        left = FORGET_AFTER_SECONDS - (time.monotonic() - interaction.dispatched_at)
        answered = await self.world.signal.until(lambda: interaction.acknowledged, max(0.0, left))
        if not answered:
            await asyncio.sleep(0)
            self.world.emit("interaction", {"interaction": interaction})
        return answered
