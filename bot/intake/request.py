"""A wish for a painting, as JSON: what the intake row holds until there is a job."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import discord
from pydantic import BaseModel, ConfigDict

from bot.kit import Interaction
from bot.ui.people import is_admin, role_ids
from common.options import PaintInputs, PaintOptions
from common.sentences import Sentence
from jobs.model import MessageTarget

TOKEN_LIFE = timedelta(minutes=15)


class Role(StrEnum):
    """What a picture is to the painting."""

    CONTENT = "content"
    STYLE = "style"
    SECOND_STYLE = "style2"
    MASK = "mask"


class Source(BaseModel):
    """A picture of a wish: to be downloaded (`url`), or in the store already (`key`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    key: str | None = None
    size_bytes: int | None = None

    @classmethod
    def attachment(cls, attachment: discord.Attachment) -> "Source":
        """A file that a user attached. Its signed address expires, so it is fetched at once."""
        return cls(url=attachment.url, size_bytes=attachment.size)


class StyleWish(BaseModel):
    """A style of a wish: a picture, or a painting of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: Source | None = None
    preset: str | None = None
    weight: float = 1.0


class Sender(BaseModel):
    """Who wishes, and where the answer goes; all of it known when the interaction arrives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    application_id: int
    interaction_id: int
    interaction_token: str
    token_expires_at: datetime
    user_id: int
    user_name: str
    role_ids: tuple[int, ...]
    is_admin: bool
    guild_id: int | None
    channel_id: int | None
    parent_channel_id: int | None = None
    bot_in_channel: bool
    upload_limit_bytes: int
    locale: str

    @classmethod
    def of(cls, interaction: Interaction) -> "Sender":
        """Who made an interaction.

        The bot can reach a message later by its own token only where it is a member: in servers
        that installed it, and in its own DMs.
        """
        return cls(
            application_id=interaction.application_id,
            interaction_id=interaction.id,
            interaction_token=interaction.token,
            token_expires_at=datetime.now(UTC) + TOKEN_LIFE,
            user_id=interaction.user.id,
            user_name=interaction.user.display_name,
            role_ids=role_ids(interaction),
            is_admin=is_admin(interaction, interaction.client.settings),
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id,
            parent_channel_id=_parent_of(interaction.channel),
            bot_in_channel=_bot_is_here(interaction),
            upload_limit_bytes=interaction.filesize_limit,
            locale=interaction.locale.value,
        )

    def target(
        self,
        message_id: int | None,
        *,
        ephemeral: bool,
        spoiler: bool,
        notes: tuple[Sentence, ...] = (),
    ) -> MessageTarget:
        """Where the job's message is, and what it is to note."""
        return MessageTarget(
            application_id=self.application_id,
            interaction_id=self.interaction_id,
            interaction_token=self.interaction_token,
            token_expires_at=self.token_expires_at,
            channel_id=self.channel_id,
            message_id=message_id,
            guild_id=self.guild_id,
            ephemeral=ephemeral,
            spoiler=spoiler,
            bot_in_channel=self.bot_in_channel,
            locale=self.locale,
            upload_limit_bytes=self.upload_limit_bytes,
            notes=notes,
        )


class PaintRequest(BaseModel):
    """Everything needed to make the job, now or after a restart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sender: Sender
    content: Source | None = None
    styles: tuple[StyleWish, ...] = ()
    inputs: PaintInputs | None = None  # a remix with the very pictures of its parent
    mask: Source | None = None
    options: PaintOptions
    ephemeral: bool = False
    spoiler: bool = False
    parent_job_id: int | None = None

    def sources(self) -> dict[Role, Source]:
        """The pictures that are to be taken in; there are at most two of styles."""
        styles = (style.picture for style in self.styles if style.picture is not None)
        given = {
            Role.CONTENT: self.content,
            **dict(zip((Role.STYLE, Role.SECOND_STYLE), styles, strict=False)),
            Role.MASK: self.mask,
        }
        return {role: source for role, source in given.items() if source is not None}


def _bot_is_here(interaction: Interaction) -> bool:
    if interaction.guild_id is not None:
        guild = interaction.client.get_guild(interaction.guild_id)
        return interaction.is_guild_integration() or (guild is not None and not guild.unavailable)
    if interaction.context.private_channel:
        return False
    return isinstance(interaction.channel, discord.DMChannel)


def _parent_of(channel: object) -> int | None:
    """The channel or forum that a thread is in."""
    return channel.parent_id if isinstance(channel, discord.Thread) else None
