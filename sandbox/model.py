"""What exists in the sandbox: users, channels, files, messages, interactions.

These are live objects: a message that the bot edits changes in place, so a test or the page that
holds one sees its current state. Nothing here knows JSON; see `payloads`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

Json = dict[str, Any]
Upload = tuple[str, bytes]
"""A file in a request: its name and its content."""

Files = dict[int, Upload]
"""The files of a request by their index."""


class MessageFlag(IntFlag):
    """https://docs.discord.com/developers/resources/message#message-object-message-flags."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_COMPONENTS_V2 = 1 << 15


NO_FLAGS = MessageFlag(0)


class ChannelType(IntEnum):
    """https://docs.discord.com/developers/resources/channel#channel-object-channel-types."""

    GUILD_TEXT = 0
    DM = 1
    GROUP_DM = 3


class Context(IntEnum):
    """Where an interaction was made: a server, the bot's DM, or other users' channels."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


class InteractionType(IntEnum):
    """https://docs.discord.com/developers/interactions/receiving-and-responding."""

    PING = 1
    APPLICATION_COMMAND = 2
    MESSAGE_COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5


@dataclass(eq=False)
class Role:
    """A role of the guild; its permissions are Discord's bits."""

    id: int
    name: str
    permissions: int
    color: int = 0


@dataclass(eq=False)
class User:
    """A user."""

    id: int
    name: str
    display_name: str
    color: str = "#747f8d"
    bot: bool = False
    locale: str = "en-US"
    role_ids: list[int] = field(default_factory=list)
    """Count only in the guild."""
    in_guild: bool = True
    accepts_dms: bool = True


@dataclass(eq=False)
class Channel:
    """A text channel, a DM, or a group DM."""

    id: int
    type: ChannelType
    name: str
    guild_id: int | None = None
    member_ids: list[int] = field(default_factory=list)
    has_bot: bool = True
    """Whether the bot can see it."""
    topic: str = ""
    bot_denied: int = 0
    """Permissions that the bot lacks in it."""
    kind: int | None = None
    """Another channel type, such as a voice channel or a thread; used like a text channel."""
    parent_id: int | None = None
    """The channel of a thread; for a forum post the forum."""
    archived: bool = False
    """An archived thread takes no edits until it is opened again, which a new message does."""
    locked: bool = False
    """Only moderators can open a locked thread again."""


@dataclass(eq=False)
class Guild:
    """A server."""

    id: int
    name: str
    owner_id: int
    roles: list[Role]
    premium_tier: int = 0
    """Sets the upload limit, as boosts do."""
    locale: str = "en-US"
    has_bot: bool = True
    has_commands: bool = True
    """Whether members use the server's installation of the commands, even without the bot."""


@dataclass(eq=False)
class StoredFile:
    """An uploaded file, with the parts of its CDN URL."""

    id: int
    filename: str
    data: bytes
    content_type: str | None
    width: int | None
    height: int | None
    folder_id: int
    ephemeral: bool = False
    description: str | None = None
    spoiler: bool = False


class StickerFormat(IntEnum):
    """https://docs.discord.com/developers/resources/sticker#sticker-object-sticker-format-types."""

    PNG = 1
    APNG = 2
    LOTTIE = 3
    GIF = 4


@dataclass(eq=False)
class Sticker:
    """A sticker; the CDN serves its file by ID, without a signature."""

    id: int
    name: str
    format: StickerFormat
    data: bytes


@dataclass(eq=False)
class Message:
    """A message."""

    id: int
    channel_id: int
    author_id: int
    created_at: float
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[StoredFile] = field(default_factory=list)
    stickers: list[Sticker] = field(default_factory=list)
    flags: MessageFlag = NO_FLAGS
    edited_at: float | None = None
    interaction: "Interaction | None" = None
    visible_to: int | None = None
    """The only user who sees it, if it is ephemeral."""
    nonce: str | None = None
    reference_id: int | None = None
    mentions: list[int] = field(default_factory=list)
    deleted: bool = False
    revision: int = 0

    @property
    def ephemeral(self) -> bool:
        """Whether only one user sees it."""
        return MessageFlag.EPHEMERAL in self.flags

    @property
    def loading(self) -> bool:
        """Whether it still says "thinking…"."""
        return MessageFlag.LOADING in self.flags

    @property
    def is_v2(self) -> bool:
        """Whether it uses Components V2."""
        return MessageFlag.IS_COMPONENTS_V2 in self.flags

    def walk(self) -> list[Json]:
        """Every component of the message, outermost first."""
        return walk_components(self.components)

    @property
    def buttons(self) -> list[Json]:
        """Every button of the message."""
        return [c for c in self.walk() if c["type"] == 2]

    @property
    def selects(self) -> list[Json]:
        """Every select menu of the message."""
        return [c for c in self.walk() if c["type"] in {3, 5, 6, 7, 8}]

    @property
    def text(self) -> str:
        """All its text, line by line: content, embeds, text displays."""
        lines = [self.content]
        for embed in self.embeds:
            lines += [embed.get("title", ""), embed.get("description", "")]
            lines += [f"{f.get('name')}: {f.get('value')}" for f in embed.get("fields", [])]
            lines.append(embed.get("footer", {}).get("text", ""))
        lines += [c["content"] for c in self.walk() if c["type"] == 10]
        return "\n".join(line for line in lines if line)


@dataclass(eq=False)
class Interaction:
    """One interaction, from its dispatch to its last followup."""

    id: int
    token: str
    type: InteractionType
    user: User
    channel: Channel
    context: Context
    data: Json
    created_at: float
    dispatched_at: float
    user_installed: bool = False
    command: str = ""
    source: Message | None = None
    acknowledged_after_seconds: float | None = None
    response_type: int | None = None
    message: Message | None = None
    followups: list[Message] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None
    deferred_unfilled: bool = False
    until: Callable[[Callable[[], object], float], Awaitable[bool]] | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether the bot has acknowledged it."""
        return self.acknowledged_after_seconds is not None

    async def wait(
        self, condition: Callable[["Interaction"], object], timeout_seconds: float = 30.0
    ) -> "Interaction":
        """Wait until a condition over this interaction holds.

        Raises:
            TimeoutError: It did not; the sentence carries what the user sees instead.
        """
        assert self.until is not None
        if not await self.until(lambda: condition(self), timeout_seconds):
            seen = "nothing" if self.message is None else repr(self.message.text)
            raise TimeoutError(f"not within {timeout_seconds:g} s; the user sees {seen}")
        return self


def walk_components(components: list[Json]) -> list[Json]:
    """Every component in a tree, outermost first, with accessories and labelled fields."""
    found: list[Json] = []
    for component in components:
        found.append(component)
        children = component.get("components")
        if isinstance(children, list):
            found += walk_components([c for c in children if isinstance(c, dict)])
        for key in ("accessory", "component"):
            child = component.get(key)
            if isinstance(child, dict):
                found += walk_components([child])
    return found
