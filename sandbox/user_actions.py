"""What users do, as the interactions that Discord would dispatch, and what they see."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.command_visibility import NotOfferedError, command_for, context_of, leaf_of
from sandbox.compose import create_message
from sandbox.gateway import Gateway
from sandbox.interaction_data import (
    ENTITY_OPTIONS,
    FilledModal,
    option_json,
    resolve_entity,
    upload,
)
from sandbox.model import (
    Channel,
    Interaction,
    InteractionType,
    Json,
    Message,
    Sticker,
    StickerFormat,
    Upload,
    User,
)
from sandbox.payloads import interaction_json, message_json
from sandbox.rules.interactions import ACKNOWLEDGE_WITHIN_SECONDS
from sandbox.world import World

_COMMAND = InteractionType.APPLICATION_COMMAND

Place = Channel | str | None


class UserActions:
    """Everything that the sandbox's users can do; each method takes the user.

    Interactions wait for the bot's acknowledgement, for at most Discord's three seconds;
    `wait=False` returns as soon as the interaction is dispatched.
    """

    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world = world
        self.gateway = gateway

    # Finding

    def user(self, name: str) -> User:
        """A user by name: ada, grace, admin, or one that was added."""
        return next(u for u in self.world.users.values() if u.name == name)

    def add_user(self, name: str, **details: Any) -> User:
        """Add a user; see `World.add_user` for `details`."""
        return self.world.add_user(name, **details)

    def channel(self, place: Place = None) -> Channel:
        """A channel by its name; #paintings by default."""
        if isinstance(place, Channel):
            return place
        name = place or "paintings"
        return next(c for c in self.world.channels.values() if c.name == name)

    def place(self, user: User, channel: Place, context: str) -> Channel:
        """The channel for a context: guild, bot_dm, private or guild_without_bot."""
        if channel is not None or context == "guild":
            return self.channel(channel)
        if context == "bot_dm":
            return self.world.dm_of(user)
        if context == "private":
            return self.world.private
        if context == "guild_without_bot":
            found = next((c for c in self.world.channels.values() if c.name == "elsewhere"), None)
            return found or self.world.add_channel("elsewhere", has_bot=False)
        raise ValueError(f"unknown context {context!r}")

    def messages(self, channel: Place = None) -> list[Message]:
        """A channel's messages, oldest first, with ephemeral ones."""
        return self.world.messages_in(self.channel(channel))

    def dms(self, user: User) -> list[Message]:
        """The direct messages between the bot and a user."""
        return self.world.messages_in(self.world.dm_of(user))

    async def until(self, condition: Callable[[], object], timeout_seconds: float = 10.0) -> bool:
        """Wait for a condition on the world; False if it does not hold in time."""
        return await self.world.until(condition, timeout_seconds)

    # Doing

    def post(
        self,
        user: User,
        content: str,
        files: Sequence[Upload] = (),
        *,
        channel: Place = None,
        stickers: Sequence[Sticker] = (),
    ) -> Message:
        """Post an ordinary message as a user."""
        where = self.channel(channel)
        payload = {"content": content, "sticker_ids": [str(each.id) for each in stickers]}
        return create_message(self.world, where, user, payload, dict(enumerate(files)))

    def add_sticker(self, name: str, kind: StickerFormat, data: bytes) -> Sticker:
        """Add a sticker that everybody can send."""
        sticker = Sticker(self.world.ids.next(), name, kind, data)
        self.world.stickers[sticker.id] = sticker
        return sticker

    async def slash(
        self,
        user: User,
        name: str,
        options: Mapping[str, Any] | None = None,
        attachments: Mapping[str, Upload] | None = None,
        *,
        channel: Place = None,
        context: str = "guild",
        age_seconds: float = 0.0,
        wait: bool = True,
    ) -> Interaction:
        """Use a slash command; `name` may contain a subcommand after a space."""
        where = self.place(user, channel, context)
        command = command_for(self.world, user, name, where)
        path, definitions = leaf_of(command, name)
        entered: dict[str, Any] = {**(options or {}), **(attachments or {})}
        unknown = set(entered) - {d["name"] for d in definitions}
        if unknown:
            raise NotOfferedError(f"/{name} has no option {', '.join(sorted(unknown))}.")
        resolved: Json = {}
        carried: list[Json] = []
        for definition in definitions:
            if definition["name"] not in entered:
                if definition.get("required"):
                    raise NotOfferedError(f"/{name} requires {definition['name']}.")
                continue
            value = entered[definition["name"]]
            if definition["type"] == 11:
                value = upload(self.world, where, value, resolved)
            carried.append(option_json(self.world, definition, value, resolved))
        data = _command_data(command, path, carried, resolved)
        how: dict[str, Any] = {"command": name, "age_seconds": age_seconds, "wait": wait}
        return await self._dispatch(user, where, _COMMAND, data, **how)

    async def message_command(self, user: User, name: str, message: Message) -> Interaction:
        """Use a message's context menu."""
        channel = self.world.channels[message.channel_id]
        command = command_for(self.world, user, name, channel, kind=3)
        data = _command_data(command, (), [], {})
        data["target_id"] = str(message.id)
        data["resolved"] = {"messages": {str(message.id): message_json(self.world, message)}}
        return await self._dispatch(user, channel, _COMMAND, data, command=name)

    async def user_command(
        self,
        user: User,
        name: str,
        target: User,
        *,
        channel: Place = None,
        context: str = "guild",
    ) -> Interaction:
        """Use a user's context menu."""
        where = self.place(user, channel, context)
        command = command_for(self.world, user, name, where, kind=2)
        resolved: Json = {}
        resolve_entity(self.world, 6, target, resolved)
        data = _command_data(command, (), [], resolved)
        data["target_id"] = str(target.id)
        return await self._dispatch(user, where, _COMMAND, data, command=name)

    async def type_into(
        self,
        user: User,
        name: str,
        option: str,
        text: str,
        options: Mapping[str, Any] | None = None,
        *,
        channel: Place = None,
        context: str = "guild",
        wait: bool = True,
    ) -> Interaction:
        """Type into an option with autocomplete, with other options filled in."""
        where = self.place(user, channel, context)
        command = command_for(self.world, user, name, where)
        path, definitions = leaf_of(command, name)
        typed = next((d for d in definitions if d["name"] == option), None)
        if typed is None or not typed.get("autocomplete"):
            raise NotOfferedError(f"/{name} {option} does not complete itself.")
        others = options or {}
        carried = [
            option_json(self.world, d, others[d["name"]], {})
            for d in definitions
            if d["name"] in others and d is not typed and d["type"] != 11
        ]
        carried.append({"name": option, "type": typed["type"], "value": text, "focused": True})
        data = _command_data(command, path, carried, {})
        kind = InteractionType.AUTOCOMPLETE
        return await self._dispatch(user, where, kind, data, command=name, wait=wait)

    async def autocomplete(
        self, user: User, name: str, option: str, text: str, *options: Any, **where: Any
    ) -> list[Json]:
        """The choices that the bot suggests for `type_into`; empty if it does not respond."""
        typed = await self.type_into(user, name, option, text, *options, **where)
        return typed.choices or []

    async def press(
        self,
        user: User,
        message: Message,
        custom_id: str | None = None,
        *,
        label: str | None = None,
    ) -> Interaction:
        """Press a button, found by its custom_id or label."""
        by, wanted = ("label", label) if custom_id is None else ("custom_id", custom_id)
        found = [each for each in message.buttons if each.get(by) == wanted]
        if not found:
            labels = [each.get("label") for each in message.buttons]
            raise NotOfferedError(f"No button {wanted!r}; there are {labels}.")
        return await self.use_component(user, message, found[0])

    async def select(
        self,
        user: User,
        message: Message,
        values: Sequence[str],
        custom_id: str | None = None,
    ) -> Interaction:
        """Choose in a select menu; without a custom_id in the only one."""
        menus = [s for s in message.selects if custom_id in {None, s["custom_id"]}]
        if len(menus) != 1:
            raise NotOfferedError(f"{len(menus)} select menus match.")
        return await self.use_component(user, message, menus[0], values)

    async def use_component(
        self, user: User, message: Message, component: Json, values: Sequence[str] | None = None
    ) -> Interaction:
        """Use one of the message's buttons or select menus."""
        if message.visible_to not in {None, user.id}:
            raise NotOfferedError(f"{user.name} cannot see that message.")
        if component.get("disabled"):
            name = component.get("label") or component["custom_id"]
            raise NotOfferedError(f"{name} is disabled.")
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
        kind = InteractionType.MESSAGE_COMPONENT
        return await self._dispatch(user, channel, kind, data, source=message)

    async def submit_modal(
        self,
        opened_by: Interaction,
        values: Mapping[str, Any] | None = None,
        files: Mapping[str, Sequence[Upload]] | None = None,
    ) -> Interaction:
        """Submit the modal that an interaction opened; fields by custom_id."""
        assert opened_by.modal is not None
        filled = FilledModal(self.world, opened_by.channel, values or {}, files or {})
        data: Json = {
            "custom_id": opened_by.modal["custom_id"],
            "components": [filled.fill(c) for c in opened_by.modal["components"]],
        }
        if filled.resolved:
            data["resolved"] = filled.resolved
        user, channel, source = opened_by.user, opened_by.channel, opened_by.source
        kind = InteractionType.MODAL_SUBMIT
        return await self._dispatch(user, channel, kind, data, source=source)

    async def _dispatch(
        self,
        user: User,
        channel: Channel,
        kind: InteractionType,
        data: Json,
        *,
        age_seconds: float = 0.0,
        wait: bool = True,
        **about: Any,
    ) -> Interaction:
        """Create an interaction, send it to the bot and wait for the acknowledgement."""
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
            until=self.world.until,
            **about,
        )
        self.world.interactions[interaction.id] = interaction
        self.world.interactions_by_token[interaction.token] = interaction
        self.world.emit("interaction", {"interaction": interaction})
        await self.gateway.dispatch("INTERACTION_CREATE", interaction_json(self.world, interaction))
        if wait:
            left = ACKNOWLEDGE_WITHIN_SECONDS - (time.monotonic() - interaction.dispatched_at)
            await self.until(lambda: interaction.acknowledged, max(0.0, left))
        return interaction


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
