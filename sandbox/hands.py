"""The users' hands and eyes: what tests do and see in their names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.acting import Acting
from sandbox.compose import create_message
from sandbox.gateway import Gateway
from sandbox.modals import Upload
from sandbox.model import Channel, Interaction, Json, Message, User
from sandbox.offering import NotOfferedError
from sandbox.world import World

Place = Channel | str | None


class Hands:
    """Everything that users of the sandbox can do, each method naming the user."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world = world
        self.gateway = gateway
        self.acting = Acting(world, gateway)

    async def until(self, condition: Callable[[], object], timeout_seconds: float = 10.0) -> bool:
        """Wait for a condition over the world; false when the time is over."""
        return await self.world.signal.until(condition, timeout_seconds)

    def user(self, name: str) -> User:
        """A user by name: ada, grace, admin, or one that was added."""
        return next(u for u in self.world.users.values() if u.name == name)

    def add_user(self, name: str, **details: Any) -> User:
        """Another user; see `World.add_user` for details."""
        return self.world.add_user(name, **details)

    def channel(self, place: Place = None) -> Channel:
        """A channel by its name; #paintings by default."""
        if isinstance(place, Channel):
            return place
        name = place or "paintings"
        return next(c for c in self.world.channels.values() if c.name == name)

    def messages(self, channel: Place = None) -> list[Message]:
        """A channel's messages, oldest first, ephemeral ones included."""
        return self.world.messages_in(self.channel(channel))

    def dms(self, user: User) -> list[Message]:
        """The direct messages between the bot and a user."""
        return self.world.messages_in(self.world.dm_of(user))

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
    ) -> Interaction:
        """Use a slash command and wait for its acknowledgement (at most three seconds)."""
        where = self.place(user, channel, context)
        interaction = await self.acting.slash(
            user, where, name, options or {}, attachments or {}, age_seconds=age_seconds
        )
        await self.acting.answered(interaction)
        return interaction

    async def message_command(self, user: User, name: str, message: Message) -> Interaction:
        """Use an entry of a message's Apps menu."""
        interaction = await self.acting.menu(user, name, message)
        await self.acting.answered(interaction)
        return interaction

    async def autocomplete(
        self,
        user: User,
        name: str,
        option: str,
        text: str,
        options: Mapping[str, Any] | None = None,
        *,
        channel: Place = None,
        context: str = "guild",
    ) -> list[Json]:
        """What the bot suggests for a text typed so far; empty when it says nothing."""
        where = self.place(user, channel, context)
        interaction = await self.acting.autocomplete(
            user, where, name, option=option, text=text, others=options or {}
        )
        await self.acting.answered(interaction)
        return interaction.choices or []

    async def press(
        self,
        user: User,
        message: Message,
        custom_id: str | None = None,
        *,
        label: str | None = None,
    ) -> Interaction:
        """Press a button by its custom id or its label."""
        button = next(
            (
                b
                for b in message.buttons
                if (custom_id is not None and b.get("custom_id") == custom_id)
                or (label is not None and b.get("label") == label)
            ),
            None,
        )
        if button is None:
            labels = [b.get("label") for b in message.buttons]
            raise NotOfferedError(f"No button {custom_id or label!r}; there are {labels}.")
        interaction = await self.acting.component(user, message, button)
        await self.acting.answered(interaction)
        return interaction

    async def select(
        self,
        user: User,
        message: Message,
        values: Sequence[str],
        custom_id: str | None = None,
    ) -> Interaction:
        """Choose in a select menu; without a custom id in the only one."""
        menus = [s for s in message.selects if custom_id in {None, s["custom_id"]}]
        if len(menus) != 1:
            raise NotOfferedError(f"{len(menus)} select menus match.")
        interaction = await self.acting.component(user, message, menus[0], values)
        await self.acting.answered(interaction)
        return interaction

    async def submit_modal(
        self,
        interaction: Interaction,
        values: Mapping[str, Any] | None = None,
        files: Mapping[str, Sequence[Upload]] | None = None,
    ) -> Interaction:
        """Submit the modal that an interaction opened, fields by their custom ids."""
        submitted = await self.acting.modal(
            interaction.user, interaction, values or {}, files or {}
        )
        await self.acting.answered(submitted)
        return submitted

    def post(
        self, user: User, content: str, files: Sequence[Upload] = (), *, channel: Place = None
    ) -> Message:
        """Write an ordinary message as a user."""
        return create_message(
            self.world,
            self.channel(channel),
            user,
            {"content": content},
            dict(enumerate(files)),
        )
