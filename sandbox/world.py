"""The sandbox's whole state, which notifies listeners of changes."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import MovableClock, Snowflakes
from sandbox.model import (
    Channel,
    ChannelType,
    Guild,
    Interaction,
    Json,
    Message,
    Role,
    Sticker,
    StoredFile,
    User,
)
from sandbox.permissions import ADMIN_ROLE, BOT_ROLE, EVERYONE

MIB = 1024 * 1024
UPLOAD_LIMIT_BY_TIER = (10 * MIB, 10 * MIB, 50 * MIB, 100 * MIB)
TRAFFIC_KEPT = 4000


@dataclass(frozen=True)
class Violation:
    """A strict rule that the bot violated."""

    rule: str
    path: str
    message: str
    request: str
    documentation: str
    refused: bool
    """False where Discord accepts it."""


@dataclass
class TrafficLine:
    """One REST call, gateway frame or CDN download, for the page's panel and for tests."""

    at: float
    kind: str
    title: str
    status: int | None = None
    sent: object = None
    received: object = None
    """Words, or a response's JSON as bytes, which is parsed for who looks at it."""
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    number: int = 0


Listener = Callable[[str, Json], None]


class World:
    """Guild, channels, users, messages, files, commands: one server and its direct messages."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        self.ids = Snowflakes(self.clock)
        self._changed = asyncio.Event()
        self.application_id = self.ids.next()
        self.token = f"sandbox.{secrets.token_urlsafe(24)}"
        self.cdn_secret = secrets.token_bytes(16)
        self.base_url = ""
        self.users: dict[int, User] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.files: dict[int, StoredFile] = {}
        self.stickers: dict[int, Sticker] = {}
        self.interactions: dict[int, Interaction] = {}
        self.interactions_by_token: dict[str, Interaction] = {}
        self.commands: list[Json] = []
        self.open_commands: set[str] = set()
        self.sees_content = False
        self.violations: list[Violation] = []
        self.traffic: deque[TrafficLine] = deque(maxlen=TRAFFIC_KEPT)
        self.listeners: list[Listener] = []
        self._traffic_number = 0
        self._populate()

    def _populate(self) -> None:
        guild_id = self.ids.next()
        admin_role = Role(self.ids.next(), "Keeper", ADMIN_ROLE, 0xE67E22)
        bot_role = Role(self.ids.next(), "Atelier", BOT_ROLE, 0x5865F2)
        everyone = Role(guild_id, "@everyone", EVERYONE)
        self.bot = self.add_user("Atelier", bot=True, color="#5865f2", user_id=self.application_id)
        self.bot.role_ids.append(bot_role.id)
        ada = self.add_user("ada", display_name="Ada", color="#3ba55d")
        grace = self.add_user("grace", display_name="Grace", color="#eb459e")
        admin = self.add_user("admin", display_name="Admin", color="#e67e22")
        admin.role_ids.append(admin_role.id)
        self.guild = Guild(guild_id, "The Studio", admin.id, [everyone, admin_role, bot_role])
        topic = "Photographs in, paintings out. Type / to begin."
        self.add_channel("paintings", topic=topic)
        self.add_channel("talk", topic="Anything else.")
        self.private = Channel(
            self.ids.next(),
            ChannelType.GROUP_DM,
            "Ada & Grace",
            member_ids=[ada.id, grace.id],
            has_bot=False,
        )
        self.channels[self.private.id] = self.private

    def add_user(
        self,
        name: str,
        *,
        display_name: str | None = None,
        user_id: int | None = None,
        **details: Any,
    ) -> User:
        """Add a user, with a DM channel with the bot unless it is a bot."""
        user = User(user_id or self.ids.next(), name, display_name or name, **details)
        self.users[user.id] = user
        if not user.bot:
            dm = Channel(self.ids.next(), ChannelType.DM, name, member_ids=[user.id])
            self.channels[dm.id] = dm
        self.emit("users", {})
        return user

    def add_channel(self, name: str, *, topic: str = "", has_bot: bool = True) -> Channel:
        """Add a text channel to the guild."""
        channel = Channel(
            self.ids.next(),
            ChannelType.GUILD_TEXT,
            name,
            guild_id=self.guild.id,
            topic=topic,
            has_bot=has_bot,
        )
        self.channels[channel.id] = channel
        self.emit("channels", {})
        return channel

    def dm_of(self, user: User) -> Channel:
        """The user's DM channel with the bot."""
        return next(
            c
            for c in self.channels.values()
            if c.type is ChannelType.DM and c.member_ids == [user.id]
        )

    def messages_in(self, channel: Channel) -> list[Message]:
        """The channel's messages that are not deleted, oldest first."""
        found = [m for m in self.messages.values() if m.channel_id == channel.id and not m.deleted]
        return sorted(found, key=lambda m: m.id)

    @property
    def upload_limit_bytes(self) -> int:
        """The guild's upload limit for one file."""
        return UPLOAD_LIMIT_BY_TIER[self.guild.premium_tier]

    def emit(self, kind: str, payload: Json) -> None:
        """Notify the page and every waiter of a change."""
        for listener in tuple(self.listeners):
            listener(kind, payload)
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], object], timeout_seconds: float) -> bool:
        """Wait until the condition holds; False if it does not in time."""
        end = time.monotonic() + timeout_seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                return bool(condition())
        return True

    def tell(self, kind: str, title: str, *, sent: Any = None, received: Any = None) -> None:
        """Add a complete line to the traffic."""
        line = TrafficLine(self.clock.now(), kind, title, sent=sent, received=received)
        self.emit("traffic", {"line": self.log(line)})

    def log(self, line: TrafficLine) -> TrafficLine:
        """Add a line to the traffic; the caller may still complete it."""
        self._traffic_number += 1
        line.number = self._traffic_number
        self.traffic.append(line)
        return line
